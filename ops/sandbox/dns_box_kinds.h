#pragma once
// How each kind of DNS provider answers, and what they have in common. Nobody's but dns_box.cpp's.

#include <optional>
#include <string>
#include <vector>

#include "ops/sandbox/dns_box.h"

namespace slipway::sandbox {

Answer answer_as_power_dns(DnsBoxState& state, const Request& request);
Answer answer_as_hestia_cp(DnsBoxState& state, const Request& request);
Answer answer_as_cloudflare(DnsBoxState& state, const Request& request);

struct DnsTarget {
    std::vector<std::string> path;             // its parts, decoded
    std::map<std::string, std::string> query;  // decoded
};
DnsTarget target_of(const Request& request);

bool is_ipv4(const std::string& text);
bool is_ipv6(const std::string& text);
// The zone itself, or below it.
bool lies_in(const std::string& name, const std::string& zone);
std::string without_dot(const std::string& name);

}  // namespace slipway::sandbox
