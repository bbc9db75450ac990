#include "consumers/inventory/inventory_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consumers/inventory/cluster_settings.h"
#include "consumers/inventory/declared.h"
#include "consumers/inventory/name_rule.h"
#include "consumers/inventory/values.h"
#include "consumers/mail/letter_text.h"

namespace slipway {
namespace {

constexpr std::string_view occasions[] = {"ready", "password", "restored"};

template <typename Thing>
std::string no_such(std::string_view what,
                    const std::string& name,
                    const std::vector<Thing>& things) {
    std::vector<std::string_view> names;
    for (const Thing& thing : things) names.push_back(thing.name);
    return fmt::format("there is no {} {}{}",
                       what,
                       name.empty() ? "without a name" : name,
                       did_you_mean(name, names));
}

std::string addresses_text(const DeclaredPackage& package, std::string_view kinds) {
    const DeclaredNetwork& network = package.network;
    return fmt::format("there is no {} pool of cluster {}{}{}",
                       kinds,
                       package.cluster,
                       network.bridge.empty() ? "" : " on bridge " + network.bridge,
                       network.vlan ? fmt::format(" and VLAN {}", *network.vlan) : "");
}

// The names that are there more than once.
std::set<std::string> repeated(const std::vector<std::string>& names) {
    std::set<std::string> seen;
    std::set<std::string> twice;
    for (const std::string& name : names)
        if (!seen.insert(name).second) twice.insert(name);
    return twice;
}

}  // namespace

std::string problem_text(const InventoryProblem& problem) {
    return fmt::format("{}.{}{}{}: {}",
                       heading_of(problem.kind),
                       problem.name,
                       problem.path.empty() ? "" : ".",
                       problem.path,
                       problem.what);
}

void InventoryCheck::say(std::string_view path, std::string what) {
    problems_.push_back(
        {std::string(subject_.kind), subject_.name, std::string(path), std::move(what)});
}

const DeclaredCluster* InventoryCheck::named_cluster(const std::string& name) {
    const DeclaredCluster* cluster = inventory_.cluster(name);
    if (cluster == nullptr) say("cluster", no_such("cluster", name, inventory_.clusters));
    return cluster;
}

void InventoryCheck::check_cluster(const DeclaredCluster& cluster) {
    subject_ = {"cluster", cluster.name};
    try {
        check_settings(cluster_settings(cluster));
    } catch (const Error& error) {
        say("", error.what());
    }
    for (const DeclaredStorage& storage : cluster.storages)
        check_storage(cluster, fmt::format("storages.{}.moves_to", storage.name), storage.moves_to);
    if (cluster.vmid_last < cluster.vmid_first)
        say("vmid_last",
            fmt::format("{} is less than vmid_first, {}", cluster.vmid_last, cluster.vmid_first));
}

void InventoryCheck::check_template(const DeclaredTemplate& os_template) {
    subject_ = {"template", os_template.name + "@" + os_template.cluster};
    named_cluster(os_template.cluster);
    for (const DeclaredTemplate& other : inventory_.templates)
        if (&other < &os_template && other.cluster == os_template.cluster &&
            other.vmid == os_template.vmid)
            say("vmid", fmt::format("{} is that of template {}, too", other.vmid, other.name));
}

void InventoryCheck::check_storage(const DeclaredCluster& cluster,
                                   std::string_view path,
                                   const std::string& name) {
    if (!name.empty() && storage_of(cluster, name) == nullptr)
        say(path,
            no_such("storage", name, cluster.storages) +
                fmt::format(" (cluster {})", cluster.name));
}

void InventoryCheck::check_package(const DeclaredPackage& package) {
    subject_ = {"package", package.name};
    try {
        parse_name_rule(package.name_rule);
    } catch (const Error& error) {
        say("name_rule", error.what());
    }
    check_letters(package);
    const DeclaredCluster* cluster = named_cluster(package.cluster);
    if (cluster == nullptr) return;
    check_addresses(package);
    if (inventory_.os_template(cluster->name, package.os_template) == nullptr) {
        std::vector<DeclaredTemplate> here;
        for (const DeclaredTemplate& each : inventory_.templates)
            if (each.cluster == cluster->name) here.push_back(each);
        say("template",
            no_such("template", package.os_template, here) +
                fmt::format(" (cluster {})", cluster->name));
    }
    check_storage(*cluster, "system_disk.storage", package.system_disk.storage);
    check_storage(*cluster, "additional_disk.storage", package.additional_disk.storage);
    check_storage(*cluster, "backup_storage", package.backup_storage);
    if (package.first_vmid != 0 &&
        (package.first_vmid < cluster->vmid_first || package.first_vmid > cluster->vmid_last))
        say("first_vmid",
            fmt::format("{} is outside the range of cluster {}, {} to {}",
                        package.first_vmid,
                        cluster->name,
                        cluster->vmid_first,
                        cluster->vmid_last));
}

void InventoryCheck::check_letters(const DeclaredPackage& package) {
    for (const auto& [occasion, letter] : package.letters) {
        const std::string path = "letters." + occasion;
        if (std::find(std::begin(occasions), std::end(occasions), occasion) == std::end(occasions))
            say(path,
                "there is no such occasion; there are ready, password and restored" +
                    did_you_mean(occasion, occasions));
        if (inventory_.letter(letter) == nullptr)
            say(path, no_such("letter", letter, inventory_.letters));
    }
}

// One network card has one bridge and one VLAN: all its addresses come from pools there.
void InventoryCheck::check_addresses(const DeclaredPackage& package) {
    const DeclaredNetwork& network = package.network;
    using Place = std::pair<std::string, int>;
    const auto places = [&](IpVersion version) {
        std::set<Place> found;
        for (const DeclaredPool* pool : pools_of(inventory_, package, version))
            found.emplace(pool->bridge, pool->vlan);
        return found;
    };
    const bool needs_v4 = network.ipv4 > 0 && !network.dhcp4;
    const bool needs_v6 = network.ipv6 > 0 && !network.dhcp6;
    const std::set<Place> v4 = places(IpVersion::V4);
    const std::set<Place> v6 = places(IpVersion::V6);
    if (needs_v4 && v4.empty()) say("network.ipv4", addresses_text(package, "IPv4"));
    if (needs_v6 && v6.empty()) say("network.ipv6", addresses_text(package, "IPv6"));
    if (!needs_v4 || !needs_v6 || v4.empty() || v6.empty()) return;
    const bool share =
        std::any_of(v4.begin(), v4.end(), [&](const Place& place) { return v6.contains(place); });
    if (!share)
        say("network.ipv6",
            "the pools of IPv4 and IPv6 addresses lie on different bridges or VLANs, and a network "
            "card has one of each");
}

void InventoryCheck::check_letter(const DeclaredLetter& letter) {
    subject_ = {"letter", letter.name};
    for (std::string& problem : letter_problems(letter)) say("", std::move(problem));
}

// What was read from a file has been checked for that already; whoever made the structs otherwise
// hears of it here.
void InventoryCheck::check_names() {
    std::map<std::string, std::vector<std::string>> names;
    for (const Declared& declared : declared_in(inventory_))
        names[declared.kind].push_back(declared.name);
    for (const auto& [kind, all] : names)
        for (const std::string& name : repeated(all)) {
            subject_ = {kind, name};
            say("", "is there twice");
        }
    for (const DeclaredCluster& cluster : inventory_.clusters) {
        std::vector<std::string> storages;
        for (const DeclaredStorage& storage : cluster.storages) storages.push_back(storage.name);
        subject_ = {"cluster", cluster.name};
        for (const std::string& name : repeated(storages))
            say("storages." + name, "is there twice");
    }
}

std::vector<InventoryProblem> check_inventory(const Inventory& inventory) {
    InventoryCheck check(inventory);
    check.check_names();
    for (const auto& each : inventory.clusters) check.check_cluster(each);
    for (const auto& each : inventory.templates) check.check_template(each);
    for (const auto& each : inventory.packages) check.check_package(each);
    for (const auto& each : inventory.pools) check.check_pool(each);
    check.check_pools_together();
    for (const auto& each : inventory.dns_providers) check.check_provider(each);
    for (const auto& each : inventory.zones) check.check_zone(each);
    for (const auto& each : inventory.letters) check.check_letter(each);
    return std::move(check).problems();
}

}  // namespace slipway
