// DNS: providers that can be asked, zones that can be matched.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "consumers/inventory/inventory_check.h"
#include "consumers/inventory/values.h"

namespace slipway {
namespace {

constexpr std::string_view v4_reverse = ".in-addr.arpa";
constexpr std::string_view v6_reverse = ".ip6.arpa";
constexpr int shortest_classless = 25;  // a /24 is a zone of its own

std::vector<std::string_view> labels_of(std::string_view name) {
    std::vector<std::string_view> labels;
    while (!name.empty()) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        labels.push_back(name.substr(0, dot));
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    return labels;
}

bool is_byte(std::string_view label) {
    int value = -1;
    const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
    return error == std::errc() && end == label.data() + label.size() && value >= 0 &&
           value <= 255 && (label.size() == 1 || label.front() != '0');
}

bool is_nibble(std::string_view label) {
    return label.size() == 1 &&
           std::string_view("0123456789abcdef").find(label) != std::string_view::npos;
}

std::string wrong_v4(std::string_view name) {
    const auto labels = labels_of(name.substr(0, name.size() - v4_reverse.size()));
    const bool are_bytes = std::all_of(labels.begin(), labels.end(), is_byte);
    if (labels.size() <= 4 && are_bytes) return {};
    if (labels.size() == 4)
        return "is a classless zone (RFC 2317): add its network, such as network: 192.0.2.64/26";
    return "is no reverse zone: numbers up to 255, the last of the address first";
}

std::string wrong_v6(std::string_view name) {
    const auto labels = labels_of(name.substr(0, name.size() - v6_reverse.size()));
    if (labels.size() <= 32 && std::all_of(labels.begin(), labels.end(), is_nibble)) return {};
    return "is no reverse zone: single hexadecimal digits, the last of the address first";
}

// What is wrong with a zone that names its addresses itself.
std::string wrong_classless(const DeclaredZone& zone) {
    const IpNetwork& network = *zone.network;
    if (network.address.version() != IpVersion::V4 || network.prefix < shortest_classless)
        return fmt::format("{} is not for a classless zone: that is an IPv4 network of /{} to /32",
                           print_network(network),
                           shortest_classless);
    if (!zone.name.ends_with(v4_reverse)) return {};  // RFC 2317 lets them have any name
    const std::string reverse = reverse_name(network.address);
    const std::string above = reverse.substr(reverse.find('.') + 1);
    if (zone.name.ends_with("." + above)) return {};
    return fmt::format(
        "{} does not lie in this zone, which must end with .{}", print_network(network), above);
}

}  // namespace

void InventoryCheck::check_provider(const DeclaredDnsProvider& provider) {
    subject_ = {"dns_provider", provider.name};
    const bool is_cloudflare = provider.kind == DnsKind::Cloudflare;
    const bool is_hestia = provider.kind == DnsKind::HestiaCp;
    if (provider.url.empty() && !is_cloudflare)
        say("url", "is missing, such as https://dns.example.com:8081");
    if (!provider.url.empty() && !provider.url.starts_with("https://") &&
        !provider.url.starts_with("http://"))
        say("url", fmt::format("\"{}\" begins with neither https:// nor http://", provider.url));
    if (provider.secret.empty())
        say("secret",
            fmt::format("is missing: {}; or name its file with secret_file",
                        is_hestia       ? "the password of `user`"
                        : is_cloudflare ? "an API token"
                                        : "the API key"));
    if (is_hestia && provider.user.empty()) say("user", "is missing: the admin who may call");
    if (is_hestia && provider.zone_owner.empty())
        say("zone_owner", "is missing: the user whose zones they are");
}

void InventoryCheck::check_zone(const DeclaredZone& zone) {
    subject_ = {"zone", zone.name + "@" + zone.provider};
    if (inventory_.dns_provider(zone.provider) == nullptr) {
        std::vector<std::string_view> names;
        for (const DeclaredDnsProvider& each : inventory_.dns_providers) names.push_back(each.name);
        say("provider",
            fmt::format("there is no DNS provider {}{}",
                        zone.provider,
                        did_you_mean(zone.provider, names)));
    }
    std::string wrong;
    if (zone.network)
        wrong = wrong_classless(zone);
    else if (zone.name.ends_with(v4_reverse))
        wrong = wrong_v4(zone.name);
    else if (zone.name.ends_with(v6_reverse))
        wrong = wrong_v6(zone.name);
    if (!wrong.empty()) say(zone.network ? "network" : "name", wrong);
}

}  // namespace slipway
