// What must hold outside whenever the town rests: machines, addresses, DNS and letters agree with
// the rows, and nothing of ours is left that no row knows.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "consumers/inventory/inventory_json.h"
#include "consumers/inventory/order.h"
#include "consumers/proxmox/nic.h"
#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"
#include "consumers/steps/system_disk.h"
#include "tests/story/town.h"

namespace slipway {
namespace {

VmConfig config_of(const sandbox::Guest& guest) {
    VmConfig config;
    for (const auto& [key, value] : guest.config) config.values[key] = value;
    return config;
}

class LabChecker {
  public:
    explicit LabChecker(Town& town)
        : town_(town), inventory_(inventory_of(town.store->inventory(), town.lab.secrets)) {}

    std::string check() {
        for (const std::string& service : town_.services()) {
            const Vm vm = town_.vm(service);
            if (vm.vmid == 0) continue;
            vms_.push_back(vm);
            check_holdings(vm);
            if (vm.state == state_ready) check_ready(vm);
        }
        check_guests();
        check_volumes();
        check_dns();
        if (!town_.store->slots().empty())
            broken("{} slots are held at rest", town_.store->slots().size());
        return broken_;
    }

  private:
    template <typename... Args>
    void broken(fmt::format_string<Args...> text, Args&&... args) {
        broken_ += "BROKEN: " + fmt::format(text, std::forward<Args>(args)...) + "\n";
    }

    void check_holdings(const Vm& vm) {
        const Holdings holdings = town_.store->holdings(vm.service_id);
        if (holdings.vmid != vm.vmid)
            broken("{} says {}, but holds {}", vm.service_id, vm.vmid, holdings.vmid);
        if (!numbers_.insert(vm.vmid).second) broken("number {} is held twice", vm.vmid);
        for (const HeldAddress& held : holdings.addresses)
            if (!addresses_.insert(held.address).second)
                broken("{} is held twice", print_address(held.address));
    }

    void check_ready(const Vm& vm) {
        const Wanted wanted = wanted_of(inventory_, vm.target);
        const auto found = town_.lab.cluster().guests.find(static_cast<int>(vm.vmid));
        if (found == town_.lab.cluster().guests.end())
            return broken("{} is ready, and there is no VM {}", vm.service_id, vm.vmid);
        const sandbox::Guest& guest = found->second;
        const VmConfig config = config_of(guest);
        if (!carries(config, applied_of(vm).mark)) broken("VM {} lacks our mark", vm.vmid);
        if (!guest.run) broken("VM {} does not run", vm.vmid);
        if (!config.value("lock").empty()) broken("VM {} is locked", vm.vmid);
        if (guest.node != vm.node) broken("VM {} is on {}, not {}", vm.vmid, guest.node, vm.node);
        if (guest.get("cores", "1") != fmt::format("{}", wanted.package.cores))
            broken("VM {} has {} cores", vm.vmid, guest.get("cores"));
        if (guest.get("name") != vm.name) broken("VM {} is called {}", vm.vmid, guest.get("name"));
        check_disks(vm, wanted.package, config);
        check_network(vm, wanted.package, config);
        check_letters(vm, wanted.package);
    }

    void check_disks(const Vm& vm, const DeclaredPackage& package, const VmConfig& config) {
        const std::size_t count = package.additional_disk.size_gib > 0 ? 2 : 1;
        const std::vector<NamedDrive> disks = disks_of(config);
        if (disks.size() != count) return broken("VM {} has {} disks", vm.vmid, disks.size());
        const auto same = [&](const NamedDrive& disk, const DeclaredDisk& wanted) {
            if (wanted.size_gib > 0 && disk.drive.size_bytes() != wanted.size_gib << 30)
                broken("{} of VM {} has another size", disk.key, vm.vmid);
            if (!(throttle_of(disk.drive) == wanted.limits))
                broken("{} of VM {} has other limits", disk.key, vm.vmid);
        };
        same(disks[0], package.system_disk);
        if (count == 2) same(disks[1], package.additional_disk);
        for (const auto& [key, value] : config.values)
            if (key.starts_with("unused")) broken("VM {} has {}: {}", vm.vmid, key, value);
    }

    void check_network(const Vm& vm, const DeclaredPackage& package, const VmConfig& config) {
        const Nic nic = parse_nic(config.value("net0"));
        if (nic.mac != vm.mac) broken("VM {} has the MAC {}, not {}", vm.vmid, nic.mac, vm.mac);
        std::set<std::string> wanted;
        for (const HeldAddress& held : town_.store->holdings(vm.service_id).addresses)
            wanted.insert(print_address(held.address));
        const auto file = town_.lab.cluster().firewalls.find(static_cast<int>(vm.vmid));
        std::set<std::string> set;
        if (file != town_.lab.cluster().firewalls.end() &&
            file->second.sets.contains("ipfilter-net0"))
            for (const auto& entry : file->second.sets.at("ipfilter-net0").entries)
                set.insert(entry.cidr);
        const DeclaredNetwork& network = package.network;
        const bool filtered = package.firewall.anti_spoofing && !network.dhcp4 && !network.dhcp6;
        if (set != (filtered ? wanted : std::set<std::string>()))
            broken("VM {} may send from {}", vm.vmid, fmt::join(set, " "));
        const int count = (network.dhcp4 ? 0 : network.ipv4) + (network.dhcp6 ? 0 : network.ipv6);
        if (static_cast<int>(wanted.size()) != count)
            broken("{} holds {} addresses", vm.service_id, wanted.size());
    }

    void check_letters(const Vm& vm, const DeclaredPackage& package) {
        if (!package.letters.contains("ready")) return;
        std::set<std::string> ids;
        for (const Letter& letter : town_.lab.mail.inbox)
            if (letter.subject.find(vm.domain) != std::string::npos) ids.insert(letter.id);
        if (ids.size() != 1) broken("{} was written {} letters", vm.service_id, ids.size());
    }

    // Whatever carries our mark, or has a number of ours, belongs to a row.
    void check_guests() {
        for (const auto& [id, guest] : town_.lab.cluster().guests) {
            const bool ours =
                guest.get("description").find("slipway-owner: lab/") != std::string::npos;
            if (ours && !numbers_.contains(id)) broken("VM {} of ours belongs to nobody", id);
        }
    }

    void check_volumes() {
        for (const auto& [name, storage] : town_.lab.cluster().storages)
            for (const auto& [node, volumes] : storage.volumes)
                for (const auto& [volume, what] : volumes) check_volume(name, volume, what);
    }

    void check_volume(const std::string& storage,
                      const std::string& name,
                      const sandbox::Volume& volume) {
        const auto guest = town_.lab.cluster().guests.find(volume.vmid);
        if (guest == town_.lab.cluster().guests.end())
            return broken("{}:{} belongs to VM {}, which is not", storage, name, volume.vmid);
        const std::string id = storage + ":" + name;
        const auto& config = guest->second.config;
        if (std::none_of(config.begin(), config.end(), [&](const auto& entry) {
                return entry.second == id || entry.second.starts_with(id + ",");
            }))
            broken("nothing uses {}", id);
    }

    // What the rows say, what must be, and what is served are one.
    void check_dns() {
        std::map<std::string, std::string> served;
        for (auto& [host, box] : town_.lab.dns) served[host] = box.print();
        for (const Vm& vm : vms_) {
            if (vm.state != state_ready) continue;
            for (const DnsRecordRow& row : town_.store->dns_records(vm.service_id)) {
                const std::string& text =
                    served[row.provider == "powerdns" ? "dns1.lab:8081" : "dns2.lab"];
                const std::string line =
                    fmt::format("  {} {} {} {}\n", row.name, row.ttl, row.type, row.value);
                if (text.find(line) == std::string::npos)
                    broken("{} does not serve {} {}", row.provider, row.type, row.name);
            }
        }
    }

    Town& town_;
    const Inventory inventory_;
    std::vector<Vm> vms_;
    std::set<std::int64_t> numbers_;
    std::set<IpAddress> addresses_;
    std::string broken_;
};

}  // namespace

std::string broken_in_lab(Town& town) {
    return LabChecker(town).check();
}

}  // namespace slipway
