#include "tests/live/datacentre_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "consumers/proxmox/firewall.h"
#include "consumers/proxmox/nic.h"
#include "consumers/proxmox/storage.h"
#include "consumers/proxmox/tasks.h"
#include "consumers/steps/system_disk.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view strangers[] = {"9000", "9001", "150", "2003"};

bool is_strangers(std::int64_t vmid) {
    const std::string text = fmt::format("{}", vmid);
    return std::find(std::begin(strangers), std::end(strangers), text) != std::end(strangers);
}

std::string disk_text(const NamedDrive& disk) {
    const Throttle limits = throttle_of(disk.drive);
    return fmt::format("{} on {}, {} GiB, {}/{} MiB/s {}/{} iops\n",
                       disk.key,
                       disk.drive.storage(),
                       disk.drive.size_bytes().value_or(0) >> 30,
                       limits.mib_read,
                       limits.mib_write,
                       limits.iops_read,
                       limits.iops_write);
}

std::string mark_of(const VmConfig& config) {
    const std::string text = config.value("description");
    const std::size_t at = text.find("slipway-owner: ");
    return at == std::string::npos ? "unmarked" : text.substr(at, text.find('\n', at) - at);
}

std::string firewall_text(const Proxmox& pve, const VmPlace& place) {
    std::string text;
    for (const auto& [name, value] : firewall_options(pve, place).values)
        if (name != "digest") text += fmt::format("{}={} ", name, value);
    std::vector<std::string> entries;
    for (const std::string& set : ip_sets(pve, place)) {
        const auto held = ip_set_entries(pve, place, set);
        for (const IpSetEntry& entry : held.value_or(std::vector<IpSetEntry>()))
            entries.push_back(fmt::format("{}:{}{}", set, entry.nomatch ? "!" : "", entry.cidr));
    }
    std::sort(entries.begin(), entries.end());
    return text + fmt::format("\n{}\n", fmt::join(entries, " "));
}

}  // namespace

Survey::Survey(Datacentre& datacentre, Orders orders)
    : datacentre_(datacentre),
      orders_(std::move(orders)),
      cluster_(http_,
               clock_,
               {.name = "lab",
                .endpoints = {datacentre.sandbox().url()},
                .token = datacentre.sandbox().token(),
                .trust = {.sha256 = datacentre.sandbox().fingerprint()}}) {
    Store& store = datacentre.slipway().store();
    for (Vm& row : datacentre.slipway().rows()) {
        Holdings holdings = store.holdings(row.service_id);
        found_.push_back({std::move(row), std::move(holdings)});
    }
    guests_ = vm_resources(pve_);
}

// What machine() must say, from what was ordered; number, MAC and addresses are as Slipway says.
std::string Survey::wanted_machine(const Found& found) const {
    const Ordered& ordered = orders_.at(found.row.service_id);
    const Product& product = *ordered.product;
    const bool tagged = product.vlan != 0;
    std::vector<std::string> own;
    for (const HeldAddress& held : found.holdings.addresses)
        own.push_back("ipfilter-net0:" + print_address(held.address));
    std::sort(own.begin(), own.end());
    const std::string& service = found.row.service_id;
    return fmt::format("on {}: running, 42-{}, slipway-owner: survive/{}/{}\n",
                       product.ends_on.empty() ? found.row.node : std::string(product.ends_on),
                       service,
                       service,
                       found.row.run) +
           fmt::format("{} cores, 1 sockets, {} MiB\n", ordered.cores, product.memory_mib) +
           fmt::format(
               "scsi0 on {}, {} GiB, 200/100 MiB/s 2000/1000 iops\n"
               "scsi1 on {}, {} GiB, 20/10 MiB/s 200/100 iops\n",
               product.storage,
               product.system_gib,
               product.storage,
               product.added_gib) +
           fmt::format("virtio {} on vmbr0 tag {} rate 12.5 firewall 1\n",
                       found.row.mac,
                       tagged ? fmt::format("{}", product.vlan) : "") +
           fmt::format(
               "debian, ip={}/{},gw={},ip6={}/64,gw6={}, dns {}, in example.com, a password\n",
               first_of_kind(found, IpVersion::V4),
               tagged ? 24 : 22,
               tagged ? "10.30.0.1" : "172.20.0.1",
               first_of_kind(found, IpVersion::V6),
               tagged ? "2001:db8:30::1" : "2001:db8:130::1",
               tagged ? "10.30.0.53 2001:db8:30::53" : "172.20.0.53 2001:db8:130::53") +
           fmt::format(
               "dhcp=1 enable=1 ipfilter=0 log_level_in=nolog log_level_out=nolog "
               "macfilter=1 ndp=1 policy_in=DROP policy_out=ACCEPT radv=0 \n{}\n",
               fmt::join(own, " "));
}

std::string Survey::first_of_kind(const Found& found, IpVersion version) const {
    for (const HeldAddress& held : found.holdings.addresses)
        if (held.address.version() == version) return print_address(held.address);
    return "none";
}

std::string Survey::machine(const VmResource& guest) {
    const VmPlace& place = guest.place;
    const auto config = vm_config(pve_, place, Values::Wanted);
    const auto status = vm_status(pve_, place);
    if (!config || !status) return "there is none\n";
    const Nic nic = parse_nic(config->value("net0"));
    std::string text = fmt::format("on {}: {}, {}, {}\n",
                                   place.node,
                                   status->status + (status->lock.empty() ? "" : " and locked"),
                                   config->value("name"),
                                   mark_of(*config));
    text += fmt::format("{} cores, {} sockets, {} MiB\n",
                        config->value("cores"),
                        config->value("sockets").empty() ? "1" : config->value("sockets"),
                        config->value("memory"));
    for (const NamedDrive& disk : disks_of(*config)) text += disk_text(disk);
    text += fmt::format("{} {} on {} tag {} rate {} firewall {}\n",
                        nic.model,
                        nic.mac,
                        nic.option("bridge"),
                        nic.option("tag"),
                        nic.option("rate"),
                        nic.option("firewall"));
    text += fmt::format("{}, {}, dns {}, in {}, {}\n",
                        config->value("ciuser"),
                        config->value("ipconfig0"),
                        config->value("nameserver"),
                        config->value("searchdomain"),
                        config->value("cipassword").empty() ? "no password" : "a password");
    text += firewall_text(pve_, place);
    for (const auto& [key, value] : config->values)
        if (key.starts_with("unused") || (key.starts_with("net") && key != "net0"))
            text += fmt::format("and a {}: {}\n", key, value);
    for (const PendingValue& pending : vm_pending(pve_, place))
        text += fmt::format("{} is pending\n", pending.key);
    return text;
}

std::string Survey::wrong_machines() {
    Wrongs wrongs;
    if (found_.size() != orders_.size())
        wrongs.add("{} rows for {} orders", found_.size(), orders_.size());
    for (const Found& found : found_) {
        const auto guest = std::find_if(guests_.begin(), guests_.end(), [&](const VmResource& one) {
            return one.place.vmid == found.row.vmid;
        });
        if (guest == guests_.end()) {
            wrongs.add("{}: there is no machine {}", found.row.service_id, found.row.vmid);
            continue;
        }
        const std::string is = machine(*guest);
        const std::string wanted = wanted_machine(found);
        if (is != wanted)
            wrongs.add("{} ({}), VM {} is\n{}and should be\n{}",
                       found.row.service_id,
                       found.row.product,
                       found.row.vmid,
                       is,
                       wanted);
        if (found.row.node != guest->place.node)
            wrongs.add("{} is on {}, its row says {}",
                       found.row.service_id,
                       guest->place.node,
                       found.row.node);
        if (found.row.product != orders_.at(found.row.service_id).product->name)
            wrongs.add("{} is a {}", found.row.service_id, found.row.product);
    }
    return wrongs.text();
}

std::string Survey::orphans() {
    Wrongs wrongs;
    std::set<std::int64_t> known;
    for (const Found& found : found_) known.insert(found.row.vmid);
    std::set<std::string> used;  // volumes, with their node where each has its own
    std::set<std::string> nodes;
    for (const VmResource& guest : guests_) {
        const std::int64_t vmid = guest.place.vmid;
        nodes.insert(guest.place.node);
        const auto config = vm_config(pve_, guest.place, Values::Wanted);
        if (!config) continue;
        if (!is_strangers(vmid) && !known.contains(vmid))
            wrongs.add("nobody has VM {} on {}: {}", vmid, guest.place.node, guest.name);
        if (is_strangers(vmid) && config->values.contains("description"))
            wrongs.add("VM {} is somebody else's, and was written on", vmid);
        for (const auto& [key, value] : config->values)
            used.insert(guest.place.node + " " + value.substr(0, value.find(',')));
    }
    std::set<std::string> seen;  // what all nodes share is listed by each
    for (const char* node : {"pve1", "pve2", "pve3", "pve4"})
        for (const char* storage : {"local", "local-lvm", "shared"})
            for (const Volume& volume : volumes(pve_, node, storage, {.content = "images"})) {
                const bool shared = std::string_view(storage) == "shared";
                const bool in_use =
                    shared ? std::any_of(nodes.begin(),
                                         nodes.end(),
                                         [&](const std::string& any) {
                                             return used.contains(any + " " + volume.id);
                                         })
                           : used.contains(std::string(node) + " " + volume.id);
                if (!in_use && seen.insert(shared ? volume.id : node + volume.id).second)
                    wrongs.add("no machine uses {} on {}", volume.id, node);
            }
    return wrongs.text();
}

std::string Survey::doubly_given() {
    Wrongs wrongs;
    std::map<std::string, std::string> owner;
    const auto give = [&](const std::string& what, const std::string& service) {
        const auto [before, is_new] = owner.emplace(what, service);
        if (!is_new) wrongs.add("{} is {}'s and {}'s", what, before->second, service);
    };
    std::map<std::string, std::int64_t> held;
    const IpRange excluded = parse_range("172.20.0.100-172.20.0.119");
    for (const Found& found : found_) {
        const std::string& service = found.row.service_id;
        give(fmt::format("number {}", found.row.vmid), service);
        give("MAC " + found.row.mac, service);
        if (found.holdings.vmid != found.row.vmid)
            wrongs.add("{} holds {} and is {}", service, found.holdings.vmid, found.row.vmid);
        const Product& product = *orders_.at(service).product;
        int of_four = 0;
        for (const HeldAddress& one : found.holdings.addresses) {
            give("address " + print_address(one.address), service);
            ++held[one.pool];
            of_four += one.address.version() == IpVersion::V4 ? 1 : 0;
            if (excluded.contains(one.address))
                wrongs.add("{} has {}", service, print_address(one.address));
            if (one.pool.ends_with("-tagged") != (product.vlan != 0))
                wrongs.add("{} has an address of pool {}", service, one.pool);
        }
        if (of_four != product.ipv4 ||
            found.holdings.addresses.size() != static_cast<std::size_t>(product.ipv4) + 1)
            wrongs.add("{} holds {} addresses", service, found.holdings.addresses.size());
    }
    for (const PoolUse& use : datacentre_.slipway().store().pool_use(clock_.now()))
        if (use.held != held[use.pool] || use.resting != 0)
            wrongs.add("of pool {} {} are held, {} by VMs; {} rest",
                       use.pool,
                       use.held,
                       held[use.pool],
                       use.resting);
    return wrongs.text();
}

}  // namespace slipway
