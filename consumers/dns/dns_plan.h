#pragma once
// Which records must be where, as plain values: worked out from the inventory and from what a VM
// has, asking nobody.
//
// A and AAAA stand for the primary addresses only, a PTR for every address. Each goes to every
// provider that has a zone for it; of several zones of one provider the longest, since that is the
// one from which it answers. An address that lies in a classless zone (RFC 2317) has its PTR only
// there: where its own name would be, the holder of the /24 has put an alias.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consumers/dns/dns_provider.h"
#include "consumers/inventory/inventory.h"
#include "schema/store.h"

namespace slipway {

struct DnsWanted {
    std::string name;                    // 5546-1776530154.puqcloud.com
    std::optional<IpAddress> ipv4 = {};  // the primary ones
    std::optional<IpAddress> ipv6 = {};
    std::vector<IpAddress> addresses = {};            // all of them
    std::map<IpAddress, std::string> rev_names = {};  // where it is not `name`
};

// What must be in one zone of one provider.
struct DnsZonePlan {
    DeclaredZone zone;
    std::vector<DnsSet> sets;

    bool operator==(const DnsZonePlan&) const = default;
};

// Forward zones first, then reverse ones, each in the order of the inventory.
using DnsPlan = std::vector<DnsZonePlan>;

DnsPlan plan_dns(const Inventory& inventory, const DnsWanted& wanted);

// Puts the plan of another VM to it, for looking at many at once.
void add_plan(DnsPlan& plan, const DnsPlan& more);

// What must be written so that `there` becomes `wanted`, in the order of `wanted`: sets that
// differ, and, without values, sets that are not wanted.
std::vector<DnsSet> difference(std::span<const DnsSet> wanted, std::span<const DnsSet> there);

// What a provider serves and should not, or does not and should.
struct DnsDrift {
    enum class Kind { Missing, Differs, Extra, Unknown };
    Kind kind = Kind::Missing;
    std::string provider;
    std::string zone;
    DnsSet wanted;           // without values: nothing
    DnsSet served;           // the same
    std::string error = {};  // why it is unknown

    bool operator==(const DnsDrift&) const = default;
};

// missing [powerdns] example.com: A vm1.example.com should be 192.0.2.5 (ttl 300)
// differs [powerdns] example.com: A vm1.example.com is 192.0.2.9 (ttl 300), should be …
// extra [powerdns] example.com: AAAA vm1.example.com is 2001:db8::9 (ttl 300)
// unknown [powerdns] example.com: connection refused
std::string print(const DnsDrift& drift);

std::vector<DnsDrift> drift_of(const DnsZonePlan& plan, std::span<const DnsSet> served);

}  // namespace slipway
