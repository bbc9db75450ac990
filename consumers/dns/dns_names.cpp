#include "consumers/dns/dns_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "consumers/runtime/error.h"

namespace slipway {
namespace {

constexpr std::string_view v4_root = "in-addr.arpa";
constexpr std::string_view v6_root = "ip6.arpa";
constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;
constexpr std::size_t v4_octets = 4;
constexpr std::size_t v6_nibbles = 32;
constexpr int octet_prefix = 24;  // a classless zone is a part of one such network
constexpr int longest_ttl = 2'147'483'647;

std::vector<std::string_view> labels_of(std::string_view name) {
    std::vector<std::string_view> labels;
    while (true) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        labels.push_back(name.substr(0, dot));
        if (dot == name.size()) return labels;
        name.remove_prefix(dot + 1);
    }
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A whole number up to `most`, written without needless zeros.
std::optional<int> number_in(std::string_view text, int most) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
    if (!is_digit(text[0]) || (text.size() > 1 && text[0] == '0') || value > most) return {};
    return value;
}

bool is_nibble(std::string_view label) {
    return label.size() == 1 && (is_digit(label[0]) || (label[0] >= 'a' && label[0] <= 'f'));
}

// The labels before in-addr.arpa or ip6.arpa; nothing if the name is not below it.
std::optional<std::vector<std::string_view>> labels_below(std::string_view root,
                                                          std::string_view name) {
    if (name == root) return std::vector<std::string_view>{};
    if (!name.ends_with(root) || name[name.size() - root.size() - 1] != '.') return {};
    return labels_of(name.substr(0, name.size() - root.size() - 1));
}

bool are_octets(const std::vector<std::string_view>& labels) {
    return labels.size() <= v4_octets && std::all_of(labels.begin(), labels.end(), [](auto label) {
               return number_in(label, 255).has_value();
           });
}

// Labels come with the last octet first.
IpAddress address_of_octets(const std::vector<std::string_view>& labels) {
    std::string text;
    for (std::size_t i = 0; i < v4_octets; ++i) {
        if (!text.empty()) text += '.';
        text += i < labels.size() ? std::string(labels[labels.size() - 1 - i]) : "0";
    }
    return parse_address(text);
}

// The network that a plain zone of whole octets is for.
std::optional<IpNetwork> octet_network(const std::string& zone) {
    const auto labels = labels_below(v4_root, zone);
    if (!labels || !are_octets(*labels)) return {};
    return IpNetwork{.address = address_of_octets(*labels),
                     .prefix = static_cast<int>(labels->size()) * 8};
}

// The prefix of the block from `first` to `last`; nothing if that is no block.
std::optional<int> prefix_of_block(int first, int last) {
    const int size = last - first + 1;
    if (size < 1 || (size & (size - 1)) != 0 || first % size != 0) return {};
    int prefix = 32;
    for (int rest = size; rest > 1; rest /= 2) --prefix;
    return prefix;
}

std::optional<int> prefix_if_aligned(int first, int prefix) {
    if (prefix <= octet_prefix || prefix > 32) return {};
    return first % (1 << (32 - prefix)) == 0 ? std::optional(prefix) : std::nullopt;
}

// What 0/25, 0-25 or 0-127 says; nothing if it says nothing, or two things.
std::optional<IpNetwork> network_in_label(std::string_view label, std::string_view parent) {
    const std::size_t mark = label.find_first_of("/-");
    const auto above = octet_network(std::string(parent));
    if (mark == std::string_view::npos || !above || above->prefix != octet_prefix) return {};
    const auto first = number_in(label.substr(0, mark), 255);
    const auto second = number_in(label.substr(mark + 1), 255);
    if (!first || !second) return {};
    const auto by_prefix = prefix_if_aligned(*first, *second);
    const auto by_block =
        label[mark] == '-' ? prefix_of_block(*first, *second) : std::optional<int>();
    if (by_prefix && by_block && *by_prefix != *by_block) return {};
    if (!by_prefix && !by_block) return {};
    IpNetwork network{.address = above->address, .prefix = by_prefix ? *by_prefix : *by_block};
    network.address.bytes.back() = static_cast<std::uint8_t>(*first);
    return network;
}

[[noreturn]] void wrong(std::string_view what, std::string_view name, std::string_view why) {
    throw Error(fmt::format("{} {}: {}", what, name.empty() ? "''" : name, why));
}

// What is not allowed in a label, and why; empty if all is well.
std::string fault_of_label(std::string_view label, std::string_view more_allowed) {
    if (label.empty()) return "there is nothing between two dots";
    if (label.size() > longest_label)
        return fmt::format("a part between dots has at most {} letters", longest_label);
    if (label.front() == '-' || label.back() == '-')
        return fmt::format("{} begins or ends with a hyphen", label);
    for (const char c : label) {
        if (is_digit(c) || (c >= 'a' && c <= 'z') || c == '-') continue;
        if (more_allowed.find(c) != std::string_view::npos) continue;
        if (static_cast<unsigned char>(c) >= 0x80)
            return "other letters than a to z are written in punycode, such as xn--mnchen-3ya";
        return fmt::format("{} may not stand in it; letters, digits and hyphens may",
                           c == ' ' ? "a space" : fmt::format("'{}'", c));
    }
    return {};
}

void check_labels(std::string_view what, std::string_view name, std::string_view more_allowed) {
    const std::string plain = plain_name(name);
    if (plain.empty()) wrong(what, name, "it is empty");
    if (plain.size() > longest_name)
        wrong(what, name, fmt::format("it is longer than {} letters", longest_name));
    for (const std::string_view label : labels_of(plain)) {
        const std::string fault = fault_of_label(label, more_allowed);
        if (!fault.empty()) wrong(what, name, fault);
    }
}

void check_classless(const DeclaredZone& zone) {
    const auto network = classless_network(zone);
    if (!network)
        wrong("zone",
              zone.name,
              "its name does not say which addresses it is for; declare its network, such as "
              "192.0.2.0/25");
    if (network->address.version() != IpVersion::V4 || network->prefix < octet_prefix)
        wrong("zone",
              zone.name,
              "a classless zone is for a part of one IPv4 /24, such as 192.0.2.0/25");
}

}  // namespace

std::string plain_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string plain(name);
    for (char& c : plain)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return plain;
}

bool zone_holds(std::string_view zone, std::string_view name) {
    const std::string above = plain_name(zone);
    const std::string below = plain_name(name);
    if (above.empty() || !below.ends_with(above)) return false;
    return below.size() == above.size() || below[below.size() - above.size() - 1] == '.';
}

bool is_reverse_zone(std::string_view zone) {
    return zone_holds(v4_root, zone) || zone_holds(v6_root, zone);
}

std::optional<IpNetwork> classless_network(const DeclaredZone& zone) {
    const std::string name = plain_name(zone.name);
    const auto plain = octet_network(name);
    if (zone.network && zone_holds(v4_root, name)) {
        if (plain && plain->prefix == zone.network->prefix &&
            plain->contains(zone.network->address))
            return {};
        return zone.network;
    }
    const std::size_t dot = name.find('.');
    if (plain || dot == std::string::npos) return {};
    return network_in_label(std::string_view(name).substr(0, dot),
                            std::string_view(name).substr(dot + 1));
}

std::optional<std::string> ptr_name(const DeclaredZone& zone, const IpAddress& address) {
    const std::string above = plain_name(zone.name);
    if (const auto own = classless_network(zone)) {
        if (!own->contains(address)) return {};
        return fmt::format("{}.{}", address.bytes.back(), above);
    }
    std::string name = reverse_name(address);
    if (!is_reverse_zone(above) || !zone_holds(above, name)) return {};
    return name;
}

std::optional<IpAddress> address_of_ptr(const DeclaredZone& zone, std::string_view name) {
    const std::string plain = plain_name(name);
    if (const auto own = classless_network(zone)) {
        const std::string above = plain_name(zone.name);
        if (plain.size() <= above.size() + 1 || !zone_holds(above, plain)) return {};
        const auto last =
            number_in(std::string_view(plain).substr(0, plain.size() - above.size() - 1), 255);
        if (!last) return {};
        IpAddress address = own->address;
        address.bytes.back() = static_cast<std::uint8_t>(*last);
        return address;
    }
    if (const auto labels = labels_below(v4_root, plain))
        return are_octets(*labels) && labels->size() == v4_octets
                   ? std::optional(address_of_octets(*labels))
                   : std::nullopt;
    const auto nibbles = labels_below(v6_root, plain);
    if (!nibbles || nibbles->size() != v6_nibbles ||
        !std::all_of(nibbles->begin(), nibbles->end(), is_nibble))
        return {};
    std::string key;
    for (auto nibble = nibbles->rbegin(); nibble != nibbles->rend(); ++nibble) key += *nibble;
    return address_of_key(key);
}

void check_host_name(std::string_view name) {
    check_labels("host name", name, "");
    const std::string plain = plain_name(name);
    const std::vector<std::string_view> labels = labels_of(plain);
    if (labels.size() < 2) wrong("host name", name, "it has no domain; write vm1.example.com");
    if (std::all_of(labels.back().begin(), labels.back().end(), is_digit))
        wrong("host name", name, "it ends with a number, as only addresses do");
}

void check_zone(const DeclaredZone& zone) {
    const std::string name = plain_name(zone.name);
    check_labels("zone", zone.name, zone_holds(v4_root, name) ? "_/" : "_");
    if (zone.ttl < 1 || zone.ttl > longest_ttl)
        wrong("zone", zone.name, fmt::format("a ttl of {} seconds is none", zone.ttl));
    if (!zone_holds(v4_root, name) && zone.network)
        wrong("zone", zone.name, "network is for reverse zones of IPv4 below in-addr.arpa");
    if (const auto nibbles = labels_below(v6_root, name)) {
        if (nibbles->size() > v6_nibbles ||
            !std::all_of(nibbles->begin(), nibbles->end(), is_nibble))
            wrong("zone",
                  zone.name,
                  "below ip6.arpa stand up to 32 hexadecimal digits, each between dots, such as "
                  "8.b.d.0.1.0.0.2.ip6.arpa");
    }
    const auto octets = labels_below(v4_root, name);
    const bool needs_network = octets && !are_octets(*octets);
    if (needs_network || classless_network(zone)) check_classless(zone);
}

}  // namespace slipway
