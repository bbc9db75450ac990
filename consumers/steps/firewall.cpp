// Configure firewall. The set of a card's own addresses is filled before the firewall is switched
// on, since it filters from the moment there is one: with an empty set the machine could send
// nothing. A clone has its template's set, so what does not belong there goes: all of it, if
// nothing is to be filtered.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consumers/proxmox/firewall.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

constexpr std::string_view own_addresses = "ipfilter-net0";
constexpr std::chrono::minutes cluster_look{1};

std::set<std::string> addresses_of(Machine& machine) {
    std::set<std::string> addresses;
    for (const HeldAddress& held : machine.world.store.holdings(machine.vm.service_id).addresses)
        addresses.insert(print_address(held.address));
    return addresses;
}

// What is in the set and does not belong there, and the other way round.
struct Difference {
    std::vector<std::string> missing;
    std::vector<std::string> foreign;

    bool empty() const { return missing.empty() && foreign.empty(); }
};

Difference difference(const std::vector<IpSetEntry>& entries,
                      const std::set<std::string>& addresses) {
    Difference difference;
    std::set<std::string> good;
    for (const IpSetEntry& entry : entries) {
        if (addresses.contains(entry.cidr) && !entry.nomatch)
            good.insert(entry.cidr);
        else
            difference.foreign.push_back(entry.cidr);
    }
    std::set_difference(addresses.begin(),
                        addresses.end(),
                        good.begin(),
                        good.end(),
                        std::back_inserter(difference.missing));
    return difference;
}

// An address that the guest asks for is not known here, so a set would shut it out.
bool is_filtered(const DeclaredPackage& package) {
    const DeclaredNetwork& network = package.network;
    return package.firewall.anti_spoofing && !network.dhcp4 && !network.dhcp6;
}

// Anything to do?
bool remove_own_addresses(Machine& machine) {
    const std::string set(own_addresses);
    if (!ip_set_entries(machine.pve(), machine.place(), set)) return false;
    machine.about_to_change();
    delete_ip_set(machine.pve(), machine.place(), set);
    if (ip_set_entries(machine.pve(), machine.place(), set))
        throw Error(fmt::format("Proxmox says OK, but {} is still there", set));
    return true;
}

// Anything to do?
bool fill_own_addresses(Machine& machine) {
    const std::set<std::string> addresses = addresses_of(machine);
    if (!is_filtered(machine.wanted.package) || addresses.empty())
        return remove_own_addresses(machine);
    const std::string set(own_addresses);
    const VmPlace place = machine.place();
    auto entries = ip_set_entries(machine.pve(), place, set);
    const bool is_new = !entries;
    if (!is_new && difference(*entries, addresses).empty()) return false;
    machine.about_to_change();
    if (is_new) create_ip_set(machine.pve(), place, set);
    const Difference differs = difference(entries.value_or(std::vector<IpSetEntry>()), addresses);
    for (const std::string& address : differs.missing)
        add_to_ip_set(machine.pve(), place, set, {.cidr = address, .comment = "Slipway"});
    for (const std::string& cidr : differs.foreign)
        remove_from_ip_set(machine.pve(), place, set, cidr);
    entries = ip_set_entries(machine.pve(), place, set);
    if (!entries || !difference(*entries, addresses).empty())
        throw Error(fmt::format("Proxmox says OK, but {} does not hold the VM's addresses", set));
    return true;
}

std::string flag(bool value) {
    return value ? "1" : "0";
}

std::vector<std::pair<std::string, std::string>> wanted_options(const DeclaredFirewall& wanted) {
    return {{"enable", flag(wanted.enabled)},
            {"policy_in", wanted.policy_in},
            {"policy_out", wanted.policy_out},
            {"log_level_in", wanted.log_in},
            {"log_level_out", wanted.log_out},
            {"dhcp", flag(wanted.dhcp)},
            {"ndp", flag(wanted.ndp)},
            {"radv", flag(wanted.router_advertisement)},
            {"macfilter", flag(wanted.mac_filter)},
            {"ipfilter", flag(wanted.ip_filter)}};
}

// What is not written down is sent too: what Proxmox makes of that has changed before.
std::vector<Argument> differing(const FirewallOptions& now, const DeclaredFirewall& wanted) {
    std::vector<Argument> values;
    for (const auto& [name, value] : wanted_options(wanted)) {
        const auto found = now.values.find(name);
        if (found != now.values.end() && found->second == value) continue;
        const bool is_flag = value == "0" || value == "1";
        values.push_back({name, is_flag ? ArgumentValue(value == "1") : ArgumentValue(value)});
    }
    return values;
}

}  // namespace

StepOutcome set_firewall(World& world, Vm& vm) {
    Machine machine(world, vm);
    machine.config();  // it is ours: these calls look at nothing
    const DeclaredFirewall& wanted = machine.wanted.package.firewall;
    const bool filled = fill_own_addresses(machine);
    const FirewallOptions now = firewall_options(machine.pve(), machine.place());
    std::vector<Argument> values = differing(now, wanted);
    if (wanted.enabled && !machine.site().is_firewall_on(world.clock.since_boot() - cluster_look))
        world.say("the firewall of the whole cluster is off: until it is on, nothing is filtered");
    if (values.empty()) {
        if (filled) return Done{};
        return Skipped{"no change"};
    }
    if (!now.digest.empty()) values.push_back({"digest", now.digest});
    machine.about_to_change();
    set_firewall_options(machine.pve(), machine.place(), std::move(values));
    const FirewallOptions after = firewall_options(machine.pve(), machine.place());
    if (differing(after, wanted).empty()) return Done{};
    return Failed{"Proxmox says OK, but the firewall's options are as they were"};
}

}  // namespace slipway
