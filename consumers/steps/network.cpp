// Configure network: one card, which keeps the MAC address that the clone gave it.

#include <fmt/format.h>

#include "consumers/proxmox/json.h"
#include "consumers/proxmox/nic.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

void put(Nic& nic, std::string_view key, const std::string& value) {
    if (value.empty())
        erase_property(nic.options, key);
    else
        set_property(nic.options, key, value);
}

struct Link {
    std::string bridge;
    int vlan = 0;
};

// Of the package, or of the pool that the addresses are from; what neither says stays.
Link link_of(Machine& machine, const Nic& nic) {
    const DeclaredNetwork& network = machine.wanted.package.network;
    Link link{nic.option("bridge"), static_cast<int>(whole_in(nic.option("tag")).value_or(0))};
    const Holdings holdings = machine.world.store.holdings(machine.vm.service_id);
    if (!holdings.addresses.empty()) {
        const DeclaredPool& pool = machine.pool_of(holdings.addresses.front());
        link = {pool.bridge, pool.vlan};
    }
    if (!network.bridge.empty()) link.bridge = network.bridge;
    if (network.vlan) link.vlan = *network.vlan;
    if (link.bridge.empty()) link.bridge = "vmbr0";
    return link;
}

std::string rate_text(double rate) {
    return rate > 0 ? fmt::format("{:g}", rate) : std::string();
}

Nic wanted_nic(Machine& machine, const VmConfig& config) {
    const DeclaredPackage& package = machine.wanted.package;
    const std::string now = config.value("net0");
    Nic nic = now.empty() ? Nic{.model = "virtio"} : parse_nic(now);
    if (!package.network.model.empty()) nic.model = package.network.model;
    const Link link = link_of(machine, nic);
    put(nic, "bridge", link.bridge);
    put(nic, "tag", link.vlan > 0 ? fmt::format("{}", link.vlan) : "");
    put(nic, "rate", rate_text(package.network.rate_mbs));
    put(nic, "firewall", package.firewall.enabled ? "1" : "");
    return nic;
}

// The same whatever the order of options, and with 0 as good as nothing.
bool same(const Nic& a, const Nic& b) {
    if (a.model != b.model || a.mac != b.mac) return false;
    const auto value = [](const Nic& nic, std::string_view key) {
        const std::string text = nic.option(key);
        return text == "0" ? std::string() : text;
    };
    for (const char* key : {"bridge", "tag", "firewall"})
        if (value(a, key) != value(b, key)) return false;
    return number_in(value(a, "rate")) == number_in(value(b, "rate"));
}

}  // namespace

StepOutcome set_network(World& world, Vm& vm) {
    Machine machine(world, vm);
    StepOutcome outcome = make_so(machine, [&](const VmConfig& config) {
        std::vector<Argument> values;
        const std::string now = config.value("net0");
        const Nic nic = wanted_nic(machine, config);
        if (now.empty() || !same(parse_nic(now), nic)) values.push_back({"net0", print_nic(nic)});
        return values;
    });
    const std::string net0 = machine.config().value("net0");
    if (!net0.empty()) vm.mac = parse_nic(net0).mac;
    return outcome;
}

}  // namespace slipway
