// Pools: each within its network, and no address in two of them.

#include <fmt/format.h>

#include "consumers/inventory/inventory_check.h"

namespace slipway {
namespace {

bool is_link_local(const IpAddress& address) {
    return address.version() == IpVersion::V6 && address.bytes[0] == 0xFE &&
           (address.bytes[1] & 0xC0) == 0x80;
}

std::string outside(std::string_view what, const DeclaredPool& pool) {
    return fmt::format("{} is outside the network {}", what, print_network(pool.network));
}

// The first address that both may give out; nullopt if there is none.
std::optional<IpAddress> first_shared(const DeclaredPool& a, const DeclaredPool& b) {
    for (const IpRange& mine : usable_ranges(a))
        for (const IpRange& theirs : usable_ranges(b))
            if (mine.overlaps(theirs)) return std::max(mine.first, theirs.first);
    return std::nullopt;
}

}  // namespace

void InventoryCheck::check_pool(const DeclaredPool& pool) {
    subject_ = {"pool", pool.name};
    named_cluster(pool.cluster);
    const IpVersion version = pool.network.address.version();
    if (pool.gateway.version() != version)
        return say("gateway", "is of another IP version than the network");
    if (pool.range.first.version() != version || pool.range.last.version() != version)
        return say("range", "is of another IP version than the network");
    check_in_network(pool);
    // Resolvers of the other version are welcome: a guest may have both.
}

void InventoryCheck::check_in_network(const DeclaredPool& pool) {
    for (const IpAddress& end : {pool.range.first, pool.range.last})
        if (!pool.network.contains(end)) {
            say("range", outside(print_address(end), pool));
            break;
        }
    // An IPv6 router may be known by the address of its link alone.
    if (!pool.network.contains(pool.gateway) && !is_link_local(pool.gateway))
        say("gateway", outside(print_address(pool.gateway), pool));
    // One outside the range is of no use, but it does no harm; one elsewhere is mistyped.
    for (const IpRange& range : pool.exclude)
        if (!pool.network.contains(range.first) || !pool.network.contains(range.last))
            say("exclude", outside(print_range(range), pool));
}

void InventoryCheck::check_pools_together() {
    const std::vector<DeclaredPool>& pools = inventory_.pools;
    for (std::size_t i = 0; i < pools.size(); ++i)
        for (std::size_t k = 0; k < i; ++k) {
            subject_ = {"pool", pools[i].name};
            if (const auto shared = first_shared(pools[k], pools[i]))
                say("range",
                    fmt::format(
                        "overlaps pool {}: {} is in both", pools[k].name, print_address(*shared)));
        }
}

}  // namespace slipway
