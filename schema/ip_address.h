#pragma once
// Internet addresses as numbers: parsed, compared, counted, printed in one way, and turned into the
// names under which their PTR records stand. Pure. Parsing throws std::runtime_error.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

enum class IpVersion { V4 = 4, V6 = 6 };

// Both kinds in 16 bytes, IPv4 as ::ffff:a.b.c.d, so that one order and one key serve both.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes = {};

    IpVersion version() const;
    auto operator<=>(const IpAddress&) const = default;
};

// Says what is wrong: "10.0.0.300: an IPv4 address has four numbers up to 255".
IpAddress parse_address(std::string_view text);
// 10.0.0.5; 2001:db8::5 as RFC 5952 writes it.
std::string print_address(const IpAddress& address);
// 32 hexadecimal digits that sort as the addresses do; what the database compares.
std::string key_of(const IpAddress& address);
IpAddress address_of_key(std::string_view key);

// The address after it; nullopt after the last one there is.
std::optional<IpAddress> next(const IpAddress& address);

// A network: 10.0.0.0/24. `prefix` counts as people do: up to 32 for IPv4, 128 for IPv6.
struct IpNetwork {
    IpAddress address;
    int prefix = 0;

    bool contains(const IpAddress& other) const;
    bool operator==(const IpNetwork&) const = default;
};
IpAddress first_of(const IpNetwork& network);
IpAddress last_of(const IpNetwork& network);
IpNetwork parse_network(std::string_view text);  // "10.0.0.0/24"
std::string print_network(const IpNetwork& network);

// From first to last, both of them in it.
struct IpRange {
    IpAddress first;
    IpAddress last;

    bool contains(const IpAddress& address) const;
    bool overlaps(const IpRange& other) const;
    bool operator==(const IpRange&) const = default;
};
// "10.0.0.5" or "10.0.0.5-10.0.0.9".
IpRange parse_range(std::string_view text);
std::string print_range(const IpRange& range);
// How many there are; of more than 2^62 it says 2^62.
std::int64_t size_of(const IpRange& range);

// What is left of a range when others are taken out of it, in order.
std::vector<IpRange> without(const IpRange& range, const std::vector<IpRange>& excluded);

// 5.0.0.10.in-addr.arpa; for IPv6 32 nibbles and ip6.arpa. Without a dot at the end.
std::string reverse_name(const IpAddress& address);

}  // namespace slipway
