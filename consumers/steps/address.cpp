// Allocate IP: addresses out of their pools, and a number of the cluster's own range. What the VM
// is called is settled here too, so that all its names are saved before anything bears them.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/inventory/vm_name.h"
#include "consumers/runtime/outside.h"
#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

constexpr std::size_t password_length = 16;

struct Need {
    IpVersion version;
    int count;
};

std::vector<Need> needs_of(const Wanted& wanted, const Holdings& holdings) {
    const DeclaredNetwork& network = wanted.package.network;
    const auto held = [&](IpVersion version) {
        return static_cast<int>(std::count_if(
            holdings.addresses.begin(), holdings.addresses.end(), [&](const HeldAddress& one) {
                return one.address.version() == version;
            }));
    };
    std::vector<Need> needs;
    const int ipv4 = network.dhcp4 ? 0 : network.ipv4 - held(IpVersion::V4);
    const int ipv6 = network.dhcp6 ? 0 : network.ipv6 - held(IpVersion::V6);
    if (ipv4 > 0) needs.push_back({IpVersion::V4, ipv4});
    if (ipv6 > 0) needs.push_back({IpVersion::V6, ipv6});
    return needs;
}

// Pools that one network card can have addresses of: the same bridge and VLAN.
struct Segment {
    std::string bridge;
    int vlan = 0;
    std::vector<const DeclaredPool*> pools;
};

std::vector<Segment> segments_for(const Machine& machine, const Holdings& holdings) {
    const Inventory& inventory = *machine.inventory;
    const DeclaredPool* held =
        holdings.addresses.empty() ? nullptr : inventory.pool(holdings.addresses.front().pool);
    std::vector<Segment> segments;
    for (const DeclaredPool& pool : inventory.pools) {
        if (!may_serve(pool, machine.wanted.package)) continue;
        if (held != nullptr && (pool.bridge != held->bridge || pool.vlan != held->vlan)) continue;
        const auto same = std::find_if(segments.begin(), segments.end(), [&](const Segment& one) {
            return one.bridge == pool.bridge && one.vlan == pool.vlan;
        });
        if (same == segments.end())
            segments.push_back({pool.bridge, pool.vlan, {&pool}});
        else
            same->pools.push_back(&pool);
    }
    return segments;
}

struct PoolRoom {
    const DeclaredPool* pool;
    std::int64_t capacity;
    std::int64_t used;
    std::int64_t resting;
};

class Choice {
  public:
    Choice(World& world, const std::vector<Need>& needs) : world_(world), needs_(needs) {}

    // Whether all of it can be had there; if not, why is noted.
    bool fits(const Segment& segment) {
        bool all = true;
        for (const Need& need : needs_) {
            std::int64_t free = 0;
            std::vector<std::string> full;
            for (const DeclaredPool* pool : segment.pools) {
                if (pool->version() != need.version) continue;
                const PoolRoom room = room_in(*pool);
                free += room.capacity - room.used - room.resting;
                full.push_back(described(room));
            }
            if (free >= need.count) continue;
            all = false;
            lacks.push_back(fmt::format("No IPv{} addresses available {}",
                                        need.version == IpVersion::V4 ? 4 : 6,
                                        full.empty()
                                            ? "since there is no pool for them"
                                            : fmt::format("in {}", fmt::join(full, ", "))));
        }
        return all;
    }

    std::vector<AddressClaim> claims(const Segment& segment) const {
        std::vector<AddressClaim> claims;
        for (const Need& need : needs_) {
            AddressClaim claim{.count = need.count};
            for (const DeclaredPool* pool : segment.pools)
                if (pool->version() == need.version) claim.pools.push_back(ranges_of(*pool));
            claims.push_back(std::move(claim));
        }
        return claims;
    }

    std::vector<std::string> lacks;

  private:
    PoolRoom room_in(const DeclaredPool& pool) const {
        const PoolUse use = world_.store.pool_use(ranges_of(pool), world_.clock.now());
        return {&pool, capacity(pool), use.held, use.resting};
    }

    static std::string described(const PoolRoom& room) {
        const std::string rest =
            room.resting > 0 ? fmt::format(", {} resting", room.resting) : std::string();
        return fmt::format(
            "pool {} ({} of {} in use{})", room.pool->name, room.used, room.capacity, rest);
    }

    World& world_;
    const std::vector<Need>& needs_;
};

std::string in_words(const std::vector<Need>& needs, const Holdings& holdings) {
    std::vector<std::string> words;
    for (const Need& need : needs)
        words.push_back(fmt::format("{} IPv{}", need.count, need.version == IpVersion::V4 ? 4 : 6));
    if (holdings.vmid == 0) words.emplace_back("a VM number");
    return fmt::format("{}", fmt::join(words, " and "));
}

StepOutcome ask_for(Machine& machine, const std::vector<Need>& needs, const Holdings& holdings) {
    Claims claims{.inventory_revision = machine.inventory->revision};
    if (!needs.empty()) {
        Choice choice(machine.world, needs);
        const std::vector<Segment> segments = segments_for(machine, holdings);
        const auto segment = std::find_if(
            segments.begin(), segments.end(), [&](const Segment& one) { return choice.fits(one); });
        if (segment == segments.end()) {
            if (segments.empty())
                return Failed{
                    fmt::format("No pool of cluster {} fits the package's bridge and VLAN",
                                machine.wanted.cluster.name)};
            return Failed{fmt::format("{}", fmt::join(choice.lacks, "; "))};
        }
        claims.addresses = choice.claims(*segment);
    }
    if (holdings.vmid == 0) claims.number = number_claim(machine);
    return Waiting{.what = in_words(needs, holdings) + " to be granted",
                   .claims = std::move(claims)};
}

void settle_names(Machine& machine, const Holdings& holdings) {
    Vm& vm = machine.vm;
    const Wanted& wanted = machine.wanted;
    vm.client = wanted.order.client_id;
    vm.product = wanted.package.name;
    vm.vmid = holdings.vmid;
    if (vm.name.empty()) vm.name = vm_name(wanted, machine.world.clock.now());
    if (vm.domain.empty()) vm.domain = host_name(wanted, vm.name);
    if (vm.username.empty()) vm.username = user_name(wanted);
    if (vm.password.empty())
        vm.password = machine.world.outside->secrets.seal(new_password(password_length),
                                                          password_of(vm.service_id));
    Applied applied = applied_of(vm);
    if (applied.mark.empty()) applied.mark = owner_mark(machine.world.outside->installation, vm);
    set_applied(vm, applied);
}

}  // namespace

StepOutcome allocate_ip(World& world, Vm& vm) {
    Machine machine(world, vm);
    vm.cluster = machine.wanted.cluster.name;
    const Holdings holdings = world.store.holdings(vm.service_id);
    const std::vector<Need> needs = needs_of(machine.wanted, holdings);
    if (!needs.empty() || holdings.vmid == 0) return ask_for(machine, needs, holdings);
    settle_names(machine, holdings);
    return Done{};
}

}  // namespace slipway
