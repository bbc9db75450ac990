// Configure cloud-init: user, password, keys, the first address of each kind, gateways, name
// servers. More addresses are the customer's to set up, as they always were.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/runtime/outside.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

struct Primary {
    const HeldAddress* held = nullptr;
    const DeclaredPool* pool = nullptr;
};

Primary primary(const Machine& machine, const Holdings& holdings, IpVersion version) {
    const HeldAddress* first = holdings.first(version);
    if (first == nullptr) return {};
    return {first, &machine.pool_of(*first)};
}

std::string address_with_mask(const Primary& one) {
    return fmt::format("{}/{}", print_address(one.held->address), one.pool->network.prefix);
}

std::string ipconfig(const DeclaredNetwork& network, const Primary& four, const Primary& six) {
    std::vector<std::string> parts;
    if (network.dhcp4) {
        parts.emplace_back("ip=dhcp");
    } else if (four.held != nullptr) {
        parts.push_back("ip=" + address_with_mask(four));
        parts.push_back("gw=" + print_address(four.pool->gateway));
    }
    if (network.dhcp6) {
        parts.emplace_back("ip6=dhcp");
    } else if (six.held != nullptr) {
        parts.push_back("ip6=" + address_with_mask(six));
        parts.push_back("gw6=" + print_address(six.pool->gateway));
    }
    return fmt::format("{}", fmt::join(parts, ","));
}

std::string name_servers(const Primary& four, const Primary& six) {
    std::vector<std::string> servers;
    for (const Primary* one : {&four, &six}) {
        if (one->pool == nullptr) continue;
        for (const IpAddress& address : one->pool->dns) {
            std::string text = print_address(address);
            if (std::find(servers.begin(), servers.end(), text) == servers.end())
                servers.push_back(std::move(text));
        }
    }
    return fmt::format("{}", fmt::join(servers, " "));
}

std::string search_domain(const Vm& vm) {
    const auto dot = vm.domain.find('.');
    return dot == std::string::npos ? std::string() : vm.domain.substr(dot + 1);
}

// By key; empty values are not written down.
std::vector<std::pair<std::string, std::string>> wanted_values(Machine& machine) {
    const Holdings holdings = machine.world.store.holdings(machine.vm.service_id);
    const Primary four = primary(machine, holdings, IpVersion::V4);
    const Primary six = primary(machine, holdings, IpVersion::V6);
    const std::string keys = fmt::format("{}", fmt::join(machine.wanted.order.ssh_keys, "\n"));
    return {{"ciuser", machine.vm.username},
            {"ipconfig0", ipconfig(machine.wanted.package.network, four, six)},
            {"nameserver", name_servers(four, six)},
            {"searchdomain", search_domain(machine.vm)},
            {"sshkeys", keys.empty() ? std::string() : sshkeys_value(keys)}};
}

bool has_cloudinit_drive(const VmConfig& config) {
    return std::any_of(config.values.begin(), config.values.end(), [](const auto& entry) {
        return entry.second.find("cloudinit") != std::string::npos &&
               entry.second.find("media=cdrom") != std::string::npos;
    });
}

}  // namespace

StepOutcome set_cloudinit(World& world, Vm& vm) {
    Machine machine(world, vm);
    const VmConfig& before = machine.config();
    if (const auto locked = while_locked(before.value("lock"))) return *locked;
    if (!has_cloudinit_drive(before))
        return Failed{fmt::format("template {} has no cloud-init drive: add one to it",
                                  machine.wanted.os_template.name)};
    const auto wanted = wanted_values(machine);
    std::vector<Argument> values;
    std::vector<std::string> gone;
    for (const auto& [key, value] : wanted) {
        if (value.empty() && before.values.contains(key)) gone.push_back(key);
        if (!value.empty() && before.value(key) != value) values.push_back({key, value});
    }
    if (!gone.empty()) values.push_back({"delete", fmt::format("{}", fmt::join(gone, ","))});
    // What the password is cannot be read back, so it is always set.
    values.push_back(
        {"cipassword", world.outside->secrets.open(vm.password, password_of(vm.service_id))});
    machine.configure(std::move(values));
    const VmConfig& after = machine.config_anew();
    for (const auto& [key, value] : wanted)
        if (after.value(key) != value)
            return Failed{fmt::format("Proxmox says OK, but {} is not what was sent", key)};
    if (after.value("cipassword").empty())
        return Failed{"Proxmox says OK, but there is no password"};
    return Done{};
}

}  // namespace slipway
