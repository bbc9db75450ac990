#include "consumers/inventory/inventory.h"

#include <algorithm>

#include "schema/store.h"

namespace slipway {
namespace {

constexpr int most_prefix_v4_with_own_addresses = 30;   // RFC 3021: both of a /31 are hosts
constexpr int most_prefix_v6_with_own_addresses = 126;  // RFC 6164
constexpr std::int64_t most_addresses = std::int64_t{1} << 62;

template <typename Thing>
const Thing* find_named(const std::vector<Thing>& things, std::string_view name) {
    const auto found = std::find_if(
        things.begin(), things.end(), [&](const Thing& thing) { return thing.name == name; });
    return found == things.end() ? nullptr : &*found;
}

void exclude_own_addresses(const IpNetwork& network, std::vector<IpRange>& excluded) {
    const IpAddress first = first_of(network);
    const IpAddress last = last_of(network);
    const bool is_v4 = network.address.version() == IpVersion::V4;
    if (network.prefix >
        (is_v4 ? most_prefix_v4_with_own_addresses : most_prefix_v6_with_own_addresses))
        return;
    excluded.push_back({first, first});
    if (is_v4) excluded.push_back({last, last});
}

}  // namespace

const DeclaredCluster* Inventory::cluster(std::string_view name) const {
    return find_named(clusters, name);
}
const DeclaredTemplate* Inventory::os_template(std::string_view cluster,
                                               std::string_view name) const {
    for (const DeclaredTemplate& each : templates)
        if (each.cluster == cluster && each.name == name) return &each;
    return nullptr;
}
const DeclaredPackage* Inventory::package(std::string_view name) const {
    return find_named(packages, name);
}
const DeclaredPool* Inventory::pool(std::string_view name) const {
    return find_named(pools, name);
}
const DeclaredDnsProvider* Inventory::dns_provider(std::string_view name) const {
    return find_named(dns_providers, name);
}
const DeclaredLetter* Inventory::letter(std::string_view name) const {
    return find_named(letters, name);
}

const DeclaredStorage* storage_of(const DeclaredCluster& cluster, std::string_view name) {
    return find_named(cluster.storages, name);
}

int clones_at_once(const DeclaredStorage& storage) {
    if (storage.clones > 0) return storage.clones;
    return storage.shared ? 2 : 1;
}

std::vector<IpRange> usable_ranges(const DeclaredPool& pool) {
    std::vector<IpRange> excluded = pool.exclude;
    excluded.push_back({pool.gateway, pool.gateway});
    exclude_own_addresses(pool.network, excluded);
    return without(pool.range, excluded);
}

PoolRanges ranges_of(const DeclaredPool& pool) {
    return {.pool = pool.name, .ranges = usable_ranges(pool), .quarantine = pool.quarantine};
}

std::int64_t capacity(const DeclaredPool& pool) {
    std::int64_t count = 0;
    for (const IpRange& range : usable_ranges(pool))
        count += std::min(size_of(range), most_addresses - count);
    return count;
}

bool may_serve(const DeclaredPool& pool, const DeclaredPackage& package) {
    const DeclaredNetwork& network = package.network;
    return pool.cluster == package.cluster &&
           (network.bridge.empty() || network.bridge == pool.bridge) &&
           network.vlan.value_or(pool.vlan) == pool.vlan;
}

std::vector<const DeclaredPool*> pools_of(const Inventory& inventory,
                                          const DeclaredPackage& package,
                                          IpVersion version) {
    std::vector<const DeclaredPool*> pools;
    for (const DeclaredPool& pool : inventory.pools)
        if (pool.version() == version && may_serve(pool, package)) pools.push_back(&pool);
    return pools;
}

}  // namespace slipway
