#pragma once
// The DnsProvider seam: one DNS server that we may write to, by its own API.
//
// Implemented by PowerDNS, HestiaCP and Cloudflare over Http, and by the stories. Calls block, each
// for one timeout at most; any thread. What they throw never holds a secret.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "consumers/runtime/error.h"
#include "consumers/runtime/world.h"

namespace slipway {

enum class DnsType { A, Aaaa, Ptr };
std::string_view dns_type_name(DnsType type);  // A, AAAA, PTR
std::optional<DnsType> dns_type_named(std::string_view name);

// All the records of one name and type: what a DNS server knows as a set. An empty one is removed.
struct DnsSet {
    std::string name;  // whole, in small letters, no dot at the end
    DnsType type = DnsType::A;
    int ttl = 300;                    // 0: the provider does not say
    std::vector<std::string> values;  // addresses as print_address() has them; names as `name`

    bool operator==(const DnsSet&) const = default;
};

// What became of one set: nothing said means it is so now.
struct DnsResult {
    std::optional<std::string> error = {};

    bool operator==(const DnsResult&) const = default;
};

// It is well and did nothing of this: the same a moment later may do.
struct DnsBusy : Error {
    using Error::Error;
};

class DnsProvider {
  public:
    virtual ~DnsProvider() = default;

    // What it serves in a zone for these names, of our three types. Throws Error.
    virtual std::vector<DnsSet> read(const DeclaredZone& zone,
                                     std::span<const std::string> names) = 0;

    // Makes each set be exactly that, as one call where the provider can. After `deadline` nothing
    // is sent that changes something. One answer per set, in their order; throws Error if nothing
    // could be done at all.
    virtual std::vector<DnsResult> write(const DeclaredZone& zone,
                                         std::span<const DnsSet> sets,
                                         Deadline deadline) = 0;

    // Is it there, and does it know the zone? Throws Error that says what is wrong.
    virtual void check(const DeclaredZone& zone) = 0;
};

}  // namespace slipway
