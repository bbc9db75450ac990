#include "consumers/dns/dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>

#include "consumers/dns/cloudflare.h"
#include "consumers/dns/dns_sets.h"
#include "consumers/dns/hestia_cp.h"
#include "consumers/dns/power_dns.h"

namespace slipway {
namespace {

std::shared_ptr<DnsProvider> make_provider(Http& http,
                                           const Clock& clock,
                                           const DeclaredDnsProvider& declared) {
    switch (declared.kind) {
        case DnsKind::PowerDns:
            return std::make_shared<PowerDns>(http, clock, declared);
        case DnsKind::HestiaCp:
            return std::make_shared<HestiaCp>(http, clock, declared);
        case DnsKind::Cloudflare:
            return std::make_shared<Cloudflare>(http, clock, declared);
    }
    throw Error(fmt::format("dns provider {} is of no kind", declared.name));
}

// Each index once, on so many threads; 1: here, in order. What an act throws comes out of here.
void for_each_index(std::size_t count, int threads, const std::function<void(std::size_t)>& act) {
    std::atomic<std::size_t> next{0};
    const auto take_and_act = [&] {
        for (std::size_t i = next++; i < count; i = next++) act(i);
    };
    const std::size_t needed = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < needed; ++i)
        others.push_back(std::async(std::launch::async, take_and_act));
    take_and_act();
    for (std::future<void>& other : others) other.get();
}

std::vector<std::string> names_of(std::span<const DnsSet> one, std::span<const DnsSet> other) {
    std::vector<std::string> names;
    for (const auto sets : {one, other})
        for (const DnsSet& set : sets)
            if (std::find(names.begin(), names.end(), set.name) == names.end())
                names.push_back(set.name);
    return names;
}

std::vector<DnsSet> emptied(std::span<const DnsSet> one, std::span<const DnsSet> other) {
    std::vector<DnsSet> sets;
    for (const auto those : {one, other})
        for (const DnsSet& set : those)
            if (find_set(sets, set) == nullptr)
                sets.push_back({.name = set.name, .type = set.type, .ttl = set.ttl, .values = {}});
    return sets;
}

// As if nothing of it were there yet, and everything else still.
std::vector<DnsSet> everything(std::span<const DnsSet> wanted, std::span<const DnsSet> had) {
    std::vector<DnsSet> sets = emptied(wanted, had);
    for (DnsSet& set : sets)
        if (const DnsSet* found = find_set(wanted, set)) set = *found;
    return sets;
}

// The places of equal names together, first come first.
template <typename NameOf>
std::vector<std::vector<std::size_t>> grouped(std::size_t count, const NameOf& name_of) {
    std::vector<std::vector<std::size_t>> groups;
    std::map<std::string, std::size_t> known;
    for (std::size_t i = 0; i < count; ++i) {
        const auto [at, is_new] = known.emplace(name_of(i), groups.size());
        if (is_new) groups.emplace_back();
        groups[at->second].push_back(i);
    }
    return groups;
}

}  // namespace

// One zone of one provider.
struct Dns::Task {
    DnsZonePlan plan;  // without sets: only to be rid of what we had
    std::vector<DnsSet> had = {};
    bool is_declared = true;
    bool is_busy = false;

    std::vector<DnsSet> written = {};
    std::vector<DnsResult> results = {};

    void fails(const std::string& why) { results.assign(written.size(), DnsResult{.error = why}); }
    bool failed_at(const DnsSet& set) const {
        for (std::size_t i = 0; i < written.size(); ++i)
            if (written[i].name == set.name && written[i].type == set.type)
                return results[i].error.has_value();
        return false;
    }
};

Dns::Dns(Http& http, const Clock& clock, DnsSettings settings)
    : http_(http), clock_(clock), settings_(settings) {}

DnsDone Dns::sync(const DnsOrder& order) {
    return bring(order, Compare::WithRows);
}

DnsDone Dns::mend(const DnsOrder& order) {
    return bring(order, Compare::WithProvider);
}

DnsDone Dns::remove(const DnsOrder& order) {
    return bring(order, Compare::WithNothing);
}

DnsDone Dns::bring(const DnsOrder& order, Compare compare) {
    std::vector<Task> tasks;
    for (const DnsZonePlan& one : order.plan) tasks.push_back({.plan = one});
    for (const DnsRecordRow& row : order.had) {
        const auto is_its = [&](const auto& zone) {
            return zone.provider == row.provider && zone.name == row.zone;
        };
        if (std::any_of(tasks.begin(), tasks.end(), [&](const Task& task) {
                return is_its(task.plan.zone);
            }))
            continue;
        const auto& zones = order.inventory.zones;
        const auto declared = std::find_if(zones.begin(), zones.end(), is_its);
        Task task{.is_declared = declared != zones.end()};
        task.plan.zone =
            task.is_declared ? *declared : DeclaredZone{.name = row.zone, .provider = row.provider};
        tasks.push_back(std::move(task));
    }
    for (Task& task : tasks)
        task.had = sets_of(order.had, task.plan.zone.provider, task.plan.zone.name);

    const auto groups =
        grouped(tasks.size(), [&](std::size_t i) { return tasks[i].plan.zone.provider; });
    for_each_index(groups.size(), settings_.providers_at_once, [&](std::size_t group) {
        for (const std::size_t i : groups[group]) act(tasks[i], order, compare);
    });

    DnsDone done;
    for (const Task& task : tasks) {
        const DeclaredZone& zone = task.plan.zone;
        done.is_busy = done.is_busy || task.is_busy;
        for (const DnsSet& set : task.had)
            if (task.failed_at(set)) add_rows(done.records, zone, set);
        for (const DnsSet& set : task.plan.sets)
            if (compare != Compare::WithNothing && !task.failed_at(set))
                add_rows(done.records, zone, set);
        for (DnsLine& line : lines_of(zone, task.written, task.results)) {
            const std::string error =
                fmt::format("{}, {}: {}", zone.provider, zone.name, line.error.value_or(""));
            const bool is_known =
                std::find(done.errors.begin(), done.errors.end(), error) != done.errors.end();
            if (line.error && !is_known) done.errors.push_back(error);
            done.lines.push_back(std::move(line));
        }
    }
    return done;
}

// What could not be read is not written either: all of it counts as failed.
void Dns::act(Task& task, const DnsOrder& order, Compare compare) {
    const DeclaredZone& zone = task.plan.zone;
    const std::vector<DnsSet>& wanted = task.plan.sets;
    if (compare == Compare::WithNothing)
        task.written = emptied(wanted, task.had);
    else
        task.written = difference(wanted, task.had);
    try {
        if (!task.is_declared)
            throw Error("this zone is declared no more, so its records stay there");
        if (compare == Compare::WithProvider) {
            task.written = everything(wanted, task.had);
            const auto names = names_of(wanted, task.had);
            task.written =
                difference(wanted, provider(order.inventory, zone.provider)->read(zone, names));
        }
        if (task.written.empty()) return;
        task.results =
            provider(order.inventory, zone.provider)->write(zone, task.written, order.deadline);
    } catch (const DnsBusy& error) {
        task.is_busy = true;
        task.fails(error.what());
    } catch (const Error& error) {
        task.fails(error.what());
    }
}

std::vector<DnsDrift> Dns::drift(const Inventory& inventory, const DnsPlan& plan) {
    std::vector<std::vector<DnsDrift>> found(plan.size());
    const auto groups = grouped(plan.size(), [&](std::size_t i) { return plan[i].zone.provider; });
    for_each_index(groups.size(), settings_.providers_at_once, [&](std::size_t group) {
        for (const std::size_t i : groups[group]) {
            const DeclaredZone& zone = plan[i].zone;
            try {
                if (plan[i].sets.empty()) {
                    provider(inventory, zone.provider)->check(zone);
                    continue;
                }
                const auto names = names_of(plan[i].sets, {});
                found[i] = drift_of(plan[i], provider(inventory, zone.provider)->read(zone, names));
            } catch (const Error& error) {
                found[i] = {{.kind = DnsDrift::Kind::Unknown,
                             .provider = zone.provider,
                             .zone = zone.name,
                             .wanted = {},
                             .served = {},
                             .error = error.what()}};
            }
        }
    });
    std::vector<DnsDrift> all;
    for (std::vector<DnsDrift>& one : found) all.insert(all.end(), one.begin(), one.end());
    return all;
}

void Dns::check(const Inventory& inventory, const DeclaredZone& zone) {
    try {
        provider(inventory, zone.provider)->check(zone);
    } catch (const Error& error) {
        throw Error(fmt::format("{}: {}", zone.provider, error.what()));
    }
}

// Made anew when its declaration changed: with it goes what was known of its health.
std::shared_ptr<DnsProvider> Dns::provider(const Inventory& inventory, const std::string& name) {
    const auto& all = inventory.dns_providers;
    const auto declared = std::find_if(
        all.begin(), all.end(), [&](const DeclaredDnsProvider& one) { return one.name == name; });
    if (declared == all.end()) throw Error("this provider is declared no more");
    const std::lock_guard lock(mutex_);
    Known& known = providers_[name];
    if (!known.provider || known.declared != *declared)
        known = {.declared = *declared, .provider = make_provider(http_, clock_, *declared)};
    return known.provider;
}

}  // namespace slipway
