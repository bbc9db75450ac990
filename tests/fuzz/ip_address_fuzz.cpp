// Any text as an address, a network or a range: refused with a reason that can be shown, or taken,
// and then printed in the one way in which it is written, which reads as the same again.

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <typeinfo>

#include "schema/ip_address.h"
#include "tests/fuzz/property.h"

namespace slipway {
namespace {

template <typename Value>
std::optional<Value> read_or_refuse(Value (*parse)(std::string_view), std::string_view text) {
    try {
        return parse(text);
    } catch (const std::runtime_error& error) {
        const std::string_view why = error.what();
        must(typeid(error) == typeid(std::runtime_error), "no foreign error gets out", why);
        const auto shown = [](char c) { return c >= ' ' && c <= '~'; };
        must(std::all_of(why.begin(), why.end(), shown), "the reason can be shown", why);
        return std::nullopt;
    }
}

// The C library prints in the same way, but for IPv6 addresses that look to it as if they were
// IPv4.
std::string printed_otherwise(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text = {};
    const bool v4 = address.version() == IpVersion::V4;
    inet_ntop(v4 ? AF_INET : AF_INET6,
              address.bytes.data() + (v4 ? 12 : 0),
              text.data(),
              static_cast<socklen_t>(text.size()));
    return text.data();
}

void check_address(std::string_view text) {
    const auto address = read_or_refuse(parse_address, text);
    if (!address) return;
    const std::string printed = print_address(*address);
    must(parse_address(printed) == *address, "printed and read, it is the same", printed);
    const std::string other = printed_otherwise(*address);
    const bool mixed = printed.find(':') != std::string::npos && other.find('.') != other.npos;
    must(mixed || printed == other, "it is printed as others print it", printed);
    must(address_of_key(key_of(*address)) == *address, "its key is its own", printed);
    if (const auto after = next(*address)) {
        must(*address < *after && key_of(*address) < key_of(*after), "what is next is above it");
        must(after->version() == address->version(), "what is next is of the same kind");
    }
}

void check_network(std::string_view text) {
    const auto network = read_or_refuse(parse_network, text);
    if (!network) return;
    const std::string printed = print_network(*network);
    must(parse_network(printed) == *network, "printed and read, it is the same", printed);
    must(first_of(*network) == network->address, "a network begins with its address", printed);
    must(network->contains(last_of(*network)), "a network holds its last address", printed);
}

// What is left of a range without its first and its last address, and how many.
void check_range(std::string_view text) {
    const auto range = read_or_refuse(parse_range, text);
    if (!range) return;
    const std::string printed = print_range(*range);
    must(parse_range(printed) == *range, "printed and read, it is the same", printed);
    const std::vector<IpRange> ends = {{.first = range->first, .last = range->first},
                                       {.first = range->last, .last = range->last}};
    const std::vector<IpRange> left = without(*range, ends);
    const std::int64_t size = size_of(*range);
    must(size > 0, "no range is empty", printed);
    must(left.empty() == (size <= 2), "between the ends there is what there is", printed);
    constexpr std::int64_t uncounted = std::int64_t{1} << 62;
    if (size < uncounted && !left.empty())
        must(size_of(left.at(0)) == size - 2, "less its ends it is two fewer", printed);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text = slipway::as_text(bytes, size);
    slipway::check_address(text);
    slipway::check_network(text);
    slipway::check_range(text);
    return 0;
}
