#include "consumers/dns/dns_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/dns/dns_names.h"
#include "consumers/dns/dns_sets.h"

namespace slipway {
namespace {

struct Place {
    const DeclaredZone* zone = nullptr;
    std::string name;  // of the record in it
};

// Of each provider the longest zone that holds the record, in the order of the inventory.
std::vector<Place> longest_of_each(std::vector<Place> places) {
    std::erase_if(places, [all = places](const Place& place) {
        return std::any_of(all.begin(), all.end(), [&](const Place& other) {
            return other.zone->provider == place.zone->provider &&
                   other.zone->name.size() > place.zone->name.size();
        });
    });
    return places;
}

std::vector<Place> places_of_name(const Inventory& inventory, const std::string& name) {
    std::vector<Place> places;
    for (const DeclaredZone& zone : inventory.zones)
        if (zone_holds(zone.name, name)) places.push_back({.zone = &zone, .name = name});
    return longest_of_each(std::move(places));
}

std::vector<Place> places_of_address(const Inventory& inventory, const IpAddress& address) {
    std::vector<Place> places;
    for (const DeclaredZone& zone : inventory.zones)
        if (const auto name = ptr_name(zone, address))
            places.push_back({.zone = &zone, .name = *name});
    const auto is_classless = [](const Place& place) {
        return classless_network(*place.zone).has_value();
    };
    if (std::any_of(places.begin(), places.end(), is_classless))
        std::erase_if(places, [&](const Place& place) { return !is_classless(place); });
    return longest_of_each(std::move(places));
}

void put(DnsPlan& plan, const DeclaredZone& zone, DnsSet set) {
    const auto found = std::find_if(plan.begin(), plan.end(), [&](const DnsZonePlan& one) {
        return one.zone.provider == zone.provider && one.zone.name == zone.name;
    });
    DnsZonePlan& there =
        found == plan.end() ? plan.emplace_back(DnsZonePlan{.zone = zone, .sets = {}}) : *found;
    if (find_set(there.sets, set) == nullptr) there.sets.push_back(std::move(set));
}

void put_address(DnsPlan& plan, const Place& place, const IpAddress& address) {
    put(plan,
        *place.zone,
        {.name = place.name,
         .type = address.version() == IpVersion::V4 ? DnsType::A : DnsType::Aaaa,
         .ttl = place.zone->ttl,
         .values = {print_address(address)}});
}

void order_by(const Inventory& inventory, DnsPlan& plan) {
    const auto rank = [&](const DnsZonePlan& one) {
        const auto at = std::find_if(
            inventory.zones.begin(), inventory.zones.end(), [&](const DeclaredZone& zone) {
                return zone.provider == one.zone.provider && zone.name == one.zone.name;
            });
        return std::pair(is_reverse_zone(one.zone.name), at - inventory.zones.begin());
    };
    std::stable_sort(plan.begin(), plan.end(), [&](const DnsZonePlan& a, const DnsZonePlan& b) {
        return rank(a) < rank(b);
    });
}

std::string shown(const DnsSet& set) {
    return fmt::format("{} (ttl {})", fmt::join(set.values, ", "), set.ttl);
}

DnsSet nothing_of(const DnsSet& set) {
    return {.name = set.name, .type = set.type, .ttl = set.ttl, .values = {}};
}

}  // namespace

DnsPlan plan_dns(const Inventory& inventory, const DnsWanted& wanted) {
    DnsPlan plan;
    const std::string name = plain_name(wanted.name);
    for (const Place& place : places_of_name(inventory, name)) {
        if (wanted.ipv4) put_address(plan, place, *wanted.ipv4);
        if (wanted.ipv6) put_address(plan, place, *wanted.ipv6);
    }
    for (const IpAddress& address : wanted.addresses) {
        const auto own = wanted.rev_names.find(address);
        const std::string target =
            own == wanted.rev_names.end() || own->second.empty() ? name : plain_name(own->second);
        if (target.empty()) continue;
        for (const Place& place : places_of_address(inventory, address))
            put(plan,
                *place.zone,
                {.name = place.name,
                 .type = DnsType::Ptr,
                 .ttl = place.zone->ttl,
                 .values = {target}});
    }
    order_by(inventory, plan);
    return plan;
}

void add_plan(DnsPlan& plan, const DnsPlan& more) {
    for (const DnsZonePlan& one : more)
        for (const DnsSet& set : one.sets) put(plan, one.zone, set);
}

std::vector<DnsSet> difference(std::span<const DnsSet> wanted, std::span<const DnsSet> there) {
    std::vector<DnsSet> sets;
    for (const DnsSet& set : wanted) {
        const DnsSet* found = find_set(there, set);
        if (!same_records(set, found != nullptr ? *found : nothing_of(set))) sets.push_back(set);
    }
    for (const DnsSet& set : there)
        if (find_set(wanted, set) == nullptr && !set.values.empty())
            sets.push_back(nothing_of(set));
    return sets;
}

std::vector<DnsDrift> drift_of(const DnsZonePlan& plan, std::span<const DnsSet> served) {
    std::vector<DnsDrift> drifts;
    for (DnsSet& set : difference(plan.sets, served)) {
        const DnsSet* found = find_set(served, set);
        DnsDrift drift{.provider = plan.zone.provider,
                       .zone = plan.zone.name,
                       .wanted = set,
                       .served = found != nullptr ? *found : nothing_of(set)};
        if (drift.wanted.values.empty())
            drift.kind = DnsDrift::Kind::Extra;
        else if (!drift.served.values.empty())
            drift.kind = DnsDrift::Kind::Differs;
        drifts.push_back(std::move(drift));
    }
    return drifts;
}

std::string print(const DnsDrift& drift) {
    std::string where = fmt::format("[{}] {}", drift.provider, drift.zone);
    const std::string what =
        fmt::format("{} {}", dns_type_name(drift.wanted.type), drift.wanted.name);
    switch (drift.kind) {
        case DnsDrift::Kind::Missing:
            return fmt::format("missing {}: {} should be {}", where, what, shown(drift.wanted));
        case DnsDrift::Kind::Differs:
            return fmt::format("differs {}: {} is {}, should be {}",
                               where,
                               what,
                               shown(drift.served),
                               shown(drift.wanted));
        case DnsDrift::Kind::Extra:
            return fmt::format("extra {}: {} is {}", where, what, shown(drift.served));
        case DnsDrift::Kind::Unknown:
            return fmt::format("unknown {}: {}", where, drift.error);
    }
    return where;
}

}  // namespace slipway
