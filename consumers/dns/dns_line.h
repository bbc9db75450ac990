#pragma once
// What was done to one record, as people read it live. Pure.
//
//     fwd OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com (2 IPs)
//     rev OK [powerdns] 130.168.192.in-addr.arpa ← 192.168.130.6 → 5546-1776530154.puqcloud.com
//     rev ERR [powerdns] 131.168.192.in-addr.arpa ← 192.168.131.9: connection refused
//     fwd-del OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com
//     rev-del OK [powerdns] 130.168.192.in-addr.arpa ← 192.168.130.6

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consumers/dns/dns_provider.h"

namespace slipway {

enum class DnsAct { Forward, Reverse, ForwardRemoved, ReverseRemoved };

struct DnsLine {
    DnsAct act = DnsAct::Forward;
    std::string provider;
    std::string zone;
    std::string subject;                    // the name; of reverse records the address
    std::string target = {};                // of Reverse
    std::size_t addresses = 0;              // of Forward
    std::optional<std::string> error = {};  // nothing: it is so now

    bool operator==(const DnsLine&) const = default;
};

std::string print(const DnsLine& line);

// One line per address and per name: the A and the AAAA of a name are one, unless they fare
// differently. `results` go with `written`, in their order.
std::vector<DnsLine> lines_of(const DeclaredZone& zone,
                              std::span<const DnsSet> written,
                              std::span<const DnsResult> results);

}  // namespace slipway
