#include "schema/ip_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace slipway {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr int v4_prefix_bits = 96;
constexpr int groups_of_v6 = 8;

// What was given, so that it can be shown: it may come from anybody.
[[noreturn]] void wrong(std::string_view text, std::string_view what) {
    std::string shown(text.substr(0, 100));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    throw std::runtime_error(fmt::format("{}: {}", shown.empty() ? "\"\"" : shown, what));
}

// Of the 16 bytes.
int bits_of(const IpNetwork& network) {
    return network.prefix + (network.address.version() == IpVersion::V4 ? v4_prefix_bits : 0);
}

// The part of byte `at` that belongs to the host if the network has so many bits.
std::uint8_t host_mask(int bits, std::size_t at) {
    const int left = std::clamp(bits - 8 * static_cast<int>(at), 0, 8);
    return static_cast<std::uint8_t>(0xFF >> left);
}

std::uint64_t eight_bytes(const IpAddress& address, std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + 8; ++i) value = value << 8 | address.bytes.at(i);
    return value;
}

constexpr IpAddress filled(std::uint8_t host) {
    IpAddress address;
    std::copy(v4_prefix.begin(), v4_prefix.end(), address.bytes.begin());
    std::fill(address.bytes.begin() + v4_prefix.size(), address.bytes.end(), host);
    return address;
}

// The IPv4 addresses lie in the middle of the IPv6 ones, which know nothing of them.
constexpr IpAddress first_v4 = filled(0);
constexpr IpAddress last_v4 = filled(0xFF);

// Counting in 16 bytes, whatever they mean. Nothing: there is no such number.
std::optional<IpAddress> plus_one(IpAddress address) {
    for (auto byte = address.bytes.rbegin(); byte != address.bytes.rend(); ++byte)
        if (++*byte != 0) return address;
    return std::nullopt;
}

std::optional<IpAddress> minus_one(IpAddress address) {
    for (auto byte = address.bytes.rbegin(); byte != address.bytes.rend(); ++byte)
        if ((*byte)-- != 0) return address;
    return std::nullopt;
}

std::optional<IpAddress> previous(const IpAddress& address) {
    const auto before = minus_one(address);
    if (!before || before->version() == address.version()) return before;
    return address == first_v4 ? std::nullopt : minus_one(first_v4);
}

std::array<std::uint16_t, groups_of_v6> groups(const IpAddress& address) {
    std::array<std::uint16_t, groups_of_v6> groups = {};
    for (std::size_t i = 0; i < groups.size(); ++i)
        groups.at(i) =
            static_cast<std::uint16_t>(address.bytes.at(2 * i) << 8 | address.bytes.at(2 * i + 1));
    return groups;
}

struct Zeros {
    std::size_t from = 0;
    std::size_t count = 0;
};

// The longest row of zero groups, the first of several; one alone is not worth a "::".
Zeros longest_zeros(const std::array<std::uint16_t, groups_of_v6>& groups) {
    Zeros longest, here;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        here = groups.at(i) != 0 ? Zeros{} : Zeros{i - here.count, here.count + 1};
        if (here.count > longest.count) longest = here;
    }
    return longest.count > 1 ? longest : Zeros{groups.size(), 0};
}

int parse_prefix(std::string_view text, std::string_view network, int most) {
    int prefix = -1;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, prefix);
    const bool leading_zero = text.size() > 1 && text[0] == '0';
    if (error != std::errc() || stopped != end || prefix < 0 || prefix > most || leading_zero)
        wrong(network, fmt::format("behind the slash stands a number from 0 to {}", most));
    return prefix;
}

}  // namespace

IpVersion IpAddress::version() const {
    const bool v4 = std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
    return v4 ? IpVersion::V4 : IpVersion::V6;
}

IpAddress parse_address(std::string_view text) {
    const bool v6 = text.find(':') != std::string_view::npos;
    const bool plausible =
        text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    const std::string whole(text);  // ends with a NUL
    IpAddress address = first_v4;
    if (!v6) {
        if (!plausible ||
            inet_pton(AF_INET, whole.c_str(), address.bytes.data() + v4_prefix.size()) != 1)
            wrong(text, "an IPv4 address has four numbers up to 255, such as 10.0.0.5");
        return address;
    }
    if (!plausible || inet_pton(AF_INET6, whole.c_str(), address.bytes.data()) != 1)
        wrong(text,
              "an IPv6 address has eight groups of up to four hexadecimal digits, or fewer and "
              ":: once, such as 2001:db8::5");
    if (address.version() == IpVersion::V4)
        wrong(text, fmt::format("this is an IPv4 address, write {}", print_address(address)));
    return address;
}

std::string print_address(const IpAddress& address) {
    const auto& b = address.bytes;
    if (address.version() == IpVersion::V4)
        return fmt::format("{}.{}.{}.{}", b[12], b[13], b[14], b[15]);
    const auto all = groups(address);
    const Zeros zeros = longest_zeros(all);
    std::string text;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i == zeros.from) {
            text += "::";
            i += zeros.count - 1;
            continue;
        }
        if (!text.empty() && !text.ends_with(':')) text += ':';
        text += fmt::format("{:x}", all.at(i));
    }
    return text;
}

std::string key_of(const IpAddress& address) {
    return fmt::format("{:02x}", fmt::join(address.bytes, ""));
}

IpAddress address_of_key(std::string_view key) {
    IpAddress address;
    bool good = key.size() == 2 * address.bytes.size() &&
                key.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    for (std::size_t i = 0; good && i < address.bytes.size(); ++i)
        std::from_chars(key.data() + 2 * i, key.data() + 2 * i + 2, address.bytes.at(i), 16);
    if (!good) wrong(key, "the key of an address has 32 small hexadecimal digits");
    return address;
}

std::optional<IpAddress> next(const IpAddress& address) {
    const auto after = plus_one(address);
    if (!after || after->version() == address.version()) return after;
    return address == last_v4 ? std::nullopt : plus_one(last_v4);
}

bool IpNetwork::contains(const IpAddress& other) const {
    return IpRange{first_of(*this), last_of(*this)}.contains(other);
}

IpAddress first_of(const IpNetwork& network) {
    IpAddress first = network.address;
    for (std::size_t i = 0; i < first.bytes.size(); ++i)
        first.bytes.at(i) &= static_cast<std::uint8_t>(~host_mask(bits_of(network), i));
    return first;
}

IpAddress last_of(const IpNetwork& network) {
    IpAddress last = network.address;
    for (std::size_t i = 0; i < last.bytes.size(); ++i)
        last.bytes.at(i) |= host_mask(bits_of(network), i);
    const bool same_kind = last.version() == network.address.version();
    return same_kind ? last : minus_one(first_v4).value();  // ::/80 ends where IPv4 lies
}

IpNetwork parse_network(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        wrong(text, "a network is an address and the length of its prefix, such as 10.0.0.0/24");
    IpNetwork network{.address = parse_address(text.substr(0, slash))};
    const int most = network.address.version() == IpVersion::V4 ? 32 : 128;
    network.prefix = parse_prefix(text.substr(slash + 1), text, most);
    const IpAddress first = first_of(network);
    if (first != network.address)
        wrong(text,
              fmt::format("{} lies inside that network, whose own address is {}/{}",
                          print_address(network.address),
                          print_address(first),
                          network.prefix));
    return network;
}

std::string print_network(const IpNetwork& network) {
    return fmt::format("{}/{}", print_address(network.address), network.prefix);
}

bool IpRange::contains(const IpAddress& address) const {
    return address.version() == first.version() && first <= address && address <= last;
}

bool IpRange::overlaps(const IpRange& other) const {
    return other.first.version() == first.version() && first <= other.last && other.first <= last;
}

IpRange parse_range(std::string_view text) {
    const auto dash = text.find('-');
    const IpAddress first = parse_address(text.substr(0, dash));
    if (dash == std::string_view::npos) return {.first = first, .last = first};
    const IpAddress last = parse_address(text.substr(dash + 1));
    if (first.version() != last.version())
        wrong(text, "a range has either IPv4 or IPv6 addresses at both ends");
    if (last < first) wrong(text, "the first address of a range is not above its last");
    return {.first = first, .last = last};
}

std::string print_range(const IpRange& range) {
    const std::string first = print_address(range.first);
    return range.first == range.last ? first
                                     : fmt::format("{}-{}", first, print_address(range.last));
}

std::int64_t size_of(const IpRange& range) {
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    constexpr std::uint64_t all_v4 = std::uint64_t{1} << 32;
    const std::uint64_t low = eight_bytes(range.last, 8) - eight_bytes(range.first, 8);
    const bool borrows = eight_bytes(range.last, 8) < eight_bytes(range.first, 8);
    const std::uint64_t high =
        eight_bytes(range.last, 0) - eight_bytes(range.first, 0) - (borrows ? 1 : 0);
    if (high != 0 || low >= most) return static_cast<std::int64_t>(most);
    const bool around_v4 = range.first < first_v4 && last_v4 < range.last;
    return static_cast<std::int64_t>(low + 1 - (around_v4 ? all_v4 : 0));
}

std::vector<IpRange> without(const IpRange& range, const std::vector<IpRange>& excluded) {
    std::vector<IpRange> out;
    std::copy_if(excluded.begin(), excluded.end(), std::back_inserter(out), [&](const IpRange& e) {
        return e.overlaps(range);
    });
    std::sort(out.begin(), out.end(), [](const IpRange& a, const IpRange& b) {
        return a.first < b.first;
    });
    std::vector<IpRange> left;
    IpAddress from = range.first;
    for (const IpRange& e : out) {
        if (from < e.first) left.push_back({.first = from, .last = previous(e.first).value()});
        const auto after = next(e.last);
        if (!after || range.last < *after) return left;
        from = std::max(from, *after);
    }
    left.push_back({.first = from, .last = range.last});
    return left;
}

std::string reverse_name(const IpAddress& address) {
    const auto& b = address.bytes;
    if (address.version() == IpVersion::V4)
        return fmt::format("{}.{}.{}.{}.in-addr.arpa", b[15], b[14], b[13], b[12]);
    std::string name;
    for (auto byte = b.rbegin(); byte != b.rend(); ++byte)
        name += fmt::format("{:x}.{:x}.", *byte & 0xF, *byte >> 4);
    return name + "ip6.arpa";
}

}  // namespace slipway
