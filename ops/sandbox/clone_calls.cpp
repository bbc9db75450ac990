// Clones.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct CloneOrder {
    int from;
    int to;
    std::string node;
    std::string target;  // the node it ends on
    bool full = true;
    std::string storage;  // of the new disks; the source's own if empty
    std::string format;
    std::int64_t bwlimit = 0;
    Config source;  // as it was when the clone was asked for
    std::string name;
    std::string description;
    std::string pool;
};

// What an interrupted qemu-img says of itself.
std::string copy_command(Cluster& cluster,
                         const CloneOrder& order,
                         const std::string& from,
                         const std::string& to) {
    const auto format = [](const std::string& volid) {
        const std::size_t dot = volid.rfind('.');
        return dot == std::string::npos ? std::string("raw") : volid.substr(dot + 1);
    };
    const std::string limit = order.bwlimit > 0 ? fmt::format(" -r {}K", order.bwlimit) : "";
    return fmt::format(
        "copy failed: command '/usr/bin/qemu-img convert -p -n{} -f {} -O {} {} zeroinit:{}' "
        "failed: interrupted by signal",
        limit,
        format(from),
        format(to),
        path_of(cluster, from),
        path_of(cluster, to));
}

// Where a linked clone of a base volume lies.
std::string linked_name(const Storage& storage, const std::string& base, int vmid, int number) {
    const std::string format = format_of(storage, base);
    if (keeps_files(storage))
        return fmt::format("{}/{}/vm-{}-disk-{}.{}", base, vmid, vmid, number, format);
    const std::string name = fmt::format("vm-{}-disk-{}", vmid, number);
    return storage.type == "lvmthin" ? name : base + "/" + name;
}

std::string link_volume(Cluster& cluster, const Drive& drive, const CloneOrder& order, int number) {
    Storage& storage = cluster.storage(drive.storage());
    Volume volume = cluster.volume(drive.volume, order.node);
    volume.vmid = order.to;
    volume.parent = drive.volname();
    volume.ctime = cluster.epoch(order.node);
    const std::string name = linked_name(storage, drive.volname(), order.to, number);
    cluster.volumes_of(storage, order.node)[name] = volume;
    return storage.name + ":" + name;
}

Work clone_cloudinit(
    Worker& worker, Cluster& cluster, CloneOrder order, NamedDrive named, Config& made) {
    const std::string storage = order.storage.empty() ? named.drive.storage() : order.storage;
    worker.log(fmt::format("create full clone of drive {} ({})", named.key, named.drive.volume));
    const Hold lock = co_await lock_storage(worker, cluster.storage(storage), order.node);
    const std::string volid = cloudinit_volume(
        cluster, storage, order.node, order.to, order.format.empty() ? "" : order.format);
    const Storage& on = cluster.storage(storage);
    const std::string name = volid.substr(volid.find(':') + 1);
    worker.log(formatting_line(on, name, format_of(on, name), 4 << 20));
    worker.log(fmt::format("allocated target volume '{}'", volid));
    Drive drive = named.drive;
    drive.volume = volid;
    drive.options["size"] = "4M";
    made[named.key] = print_drive(drive);
    co_await worker.spend(milliseconds(50));
}

Work clone_linked(Worker& worker,
                  Cluster& cluster,
                  CloneOrder order,
                  NamedDrive named,
                  Config& made,
                  int number) {
    worker.log(fmt::format("create linked clone of drive {} ({})", named.key, named.drive.volume));
    const Hold lock =
        co_await lock_storage(worker, cluster.storage(named.drive.storage()), order.node);
    Drive drive = named.drive;
    drive.volume = link_volume(cluster, named.drive, order, number);
    made[named.key] = print_drive(drive);
    co_await worker.spend(milliseconds(150));
}

Work clone_full(
    Worker& worker, Cluster& cluster, CloneOrder order, NamedDrive named, Config& made) {
    const std::string storage = order.storage.empty() ? named.drive.storage() : order.storage;
    worker.log(fmt::format("create full clone of drive {} ({})", named.key, named.drive.volume));
    const Volume from = cluster.volume(named.drive.volume, order.node);
    Drive drive = named.drive;
    drive.options["size"] = size_text(from.size);
    {
        const Hold lock = co_await lock_storage(worker, cluster.storage(storage), order.node);
        drive.volume = allocate(cluster,
                                {.storage = storage,
                                 .node = order.node,
                                 .vmid = order.to,
                                 .format = order.format.empty() ? from.format : order.format,
                                 .size = from.size});
        made[named.key] = print_drive(drive);  // who is stopped now gives it back
        co_await worker.spend(milliseconds(50));
    }
    const Storage& on = cluster.storage(storage);
    worker.log(formatting_line(on, drive.volname(), format_of(on, drive.volname()), from.size));
    worker.log(fmt::format("allocated target volume '{}'", drive.volume));
    const CopyOrder copy{
        .size = from.size,
        .kib_per_second = order.bwlimit,
        .interrupted = copy_command(cluster, order, named.drive.volume, drive.volume)};
    co_await copy_worker(worker, copy);
    cluster.volume(drive.volume, order.node).has_system = from.has_system;
}

// The new guest's configuration before its disks.
Config beginning(Cluster& cluster, const CloneOrder& order) {
    Config config;
    for (const auto& [key, value] : order.source) {
        if (is_drive(key) || is_unused(key) || key == "template" || key == "lock" ||
            key == "parent" || key == "snaptime" || key == "snapstate")
            continue;
        config[key] = value;
        if (!is_net(key)) continue;
        Properties net = parse_net(key, value);
        net["macaddr"] = cluster.new_mac();
        config[key] = print_net(net);
    }
    config["smbios1"] = "uuid=" + cluster.new_uuid();
    if (config.contains("vmgenid")) config["vmgenid"] = cluster.new_uuid();
    const auto name = order.source.find("name");
    config["name"] = !order.name.empty()          ? order.name
                     : name != order.source.end() ? "Copy-of-VM-" + name->second
                                                  : fmt::format("Copy-of-VM-{}", order.from);
    if (!order.description.empty()) config["description"] = order.description;
    return config;
}

Work clone_disks(Worker& worker, Cluster& cluster, CloneOrder order, Config& made) {
    Config config = beginning(cluster, order);
    int number = 0;
    for (const NamedDrive& named : drives_of(order.source)) {
        if (!named.drive.has_volume()) {
            config[named.key] = print_drive(named.drive);
            continue;
        }
        if (named.drive.is_cloudinit()) {
            co_await clone_cloudinit(worker, cluster, order, named, made);
        } else if (named.drive.is_cdrom()) {
            made[named.key] = print_drive(named.drive);
        } else if (order.full) {
            co_await clone_full(worker, cluster, order, named, made);
        } else {
            co_await clone_linked(worker, cluster, order, named, made, number++);
        }
        // From the first disk on the new guest has its name; until then it is a lock and a remark.
        Config so_far = config;
        so_far.insert(made.begin(), made.end());
        so_far["lock"] = "clone";
        cluster.guest_on(order.to, order.node).config = so_far;
    }
    config.insert(made.begin(), made.end());
    Guest& guest = cluster.guest_on(order.to, order.node);
    guest.config = config;
    guest.node = order.target;
}

void free_disks(Cluster& cluster, const CloneOrder& order, const Config& made) {
    for (const auto& [key, drive] : drives_of(made))
        if (drive.has_volume() && is_owned_by(drive.volname(), order.to))
            remove_volume(cluster, drive.volume, order.node);
}

void check_new(Cluster& cluster, int vmid) {
    if (cluster.find_guest(vmid))
        die(fmt::format("unable to create VM {}: config file already exists", vmid));
}

Work clone_worker(Worker& worker, Cluster& cluster, CloneOrder order) {
    const bool runs = cluster.find_guest(order.from) && cluster.find_guest(order.from)->run;
    const Hold source = co_await worker.lock(
        config_file_of(order.from), seconds(1), runs ? LockMode::Exclusive : LockMode::Shared);
    const Hold target = co_await worker.lock(config_file_of(order.to), seconds(1));
    check_new(cluster, order.to);
    worker.log(fmt::format("creating a clone of VM {} with ID {}", order.from, order.to));
    Guest& guest = cluster.guests[order.to];
    guest = {.id = order.to,
             .node = order.node,
             .config = {{"lock", "clone"}, {"description", " qmclone temporary file"}}};
    guest.made = cluster.now();
    Config made;
    try {
        co_await clone_disks(worker, cluster, order, made);
    } catch (const Refused& refused) {
        free_disks(cluster, order, made);
        cluster.guests.erase(order.to);
        const std::string why = dynamic_cast<const Interrupted*>(&refused) != nullptr
                                    ? "interrupted by signal"
                                    : refused.what();
        die("clone failed: " + why);
    }
    const auto firewall = cluster.firewalls.find(order.from);
    if (firewall != cluster.firewalls.end()) cluster.firewalls[order.to] = firewall->second;
    cluster.join_pool(order.to, order.pool);
}

void check_linkable(Cluster& cluster, const Guest& guest, const std::string& snapshot) {
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cdrom()) continue;
        const Storage& storage = cluster.storage(drive.storage());
        const bool is_base = drive.volname().find("base-") != std::string::npos;
        const bool from_snapshot = !snapshot.empty() && !keeps_files(storage);
        if (is_base && snapshot.empty()) continue;
        if (from_snapshot) continue;
        die(fmt::format("Linked clone feature is not supported for {}'{}' ({})",
                        snapshot.empty() ? "" : "a snapshot of ",
                        drive.volume,
                        key));
    }
}

void check_target(Call& call, const CloneOrder& order) {
    if (order.target == order.node) return;
    const Node* node = call.cluster.find_node(order.target);
    if (!node) die(fmt::format("no such cluster node '{}'", order.target));
    if (!order.storage.empty()) {
        if (!call.cluster.storage(order.storage).shared)
            die(fmt::format("can't clone to non-shared storage '{}'", order.storage));
    }
    for (const auto& [key, drive] : drives_of(order.source))
        if (drive.has_volume() && !call.cluster.storage(drive.storage()).shared)
            die(fmt::format("can't clone VM to node '{}' (VM uses local storage)", order.target));
}

// Of `pool`: in whose name the new guest is made.
void check_pool(Call& call) {
    const std::string pool = call.params.text("pool");
    if (pool.empty()) return;
    if (!call.cluster.pools.contains(pool))
        forbidden(fmt::format("pool '{}' does not exist", pool));
}

CloneOrder order_of(Call& call, const Guest& guest) {
    const std::string snapshot = call.params.text("snapname");
    const auto taken = guest.snapshots.find(snapshot);
    if (!snapshot.empty() && taken == guest.snapshots.end())
        die(fmt::format("snapshot '{}' does not exist", snapshot));
    return {.from = guest.id,
            .to = static_cast<int>(call.params.number("newid")),
            .node = call.node(),
            .target = call.params.text("target", call.node()),
            .full = call.params.flag("full", !guest.is_template()),
            .storage = call.params.text("storage"),
            .format = call.params.text("format"),
            .bwlimit = call.params.number("bwlimit"),
            .source = snapshot.empty() ? guest.config : taken->second.config,
            .name = call.params.text("name"),
            .description = call.params.text("description"),
            .pool = call.params.text("pool")};
}

void check_storages(Call& call, const CloneOrder& order) {
    if (!order.storage.empty()) {
        usable_storage(call.cluster, order.storage, order.target, "images");
        call.need("/storage/" + order.storage, "Datastore.AllocateSpace");
        return;
    }
    for (const auto& [key, drive] : drives_of(order.source))
        if (drive.has_volume() && (!drive.is_cdrom() || drive.is_cloudinit()))
            call.need("/storage/" + drive.storage(), "Datastore.AllocateSpace");
}

Json clone(Call& call) {
    check_pool(call);
    Guest* source = call.cluster.find_guest(call.vmid());
    if (!source || source->node != call.node())
        die(fmt::format(
            "unable to find configuration file for VM {} on node '{}'", call.vmid(), call.node()));
    const CloneOrder order = order_of(call, *source);
    if (order.target != order.node && !call.cluster.find_node(order.target))
        die(fmt::format("no such cluster node '{}'", order.target));
    check_lock(*source);
    if (!order.full && !order.storage.empty())
        die("parameter 'storage' not allowed for linked clones");
    if (!order.full && !order.format.empty())
        die("parameter 'format' not allowed for linked clones");
    check_target(call, order);
    check_storages(call, order);
    check_new(call.cluster, order.to);
    if (!order.full) check_linkable(call.cluster, *source, call.params.text("snapname"));
    return call.start("qmclone", std::to_string(order.from), [&](Worker& worker) {
        return clone_worker(worker, call.cluster, order);
    });
}

}  // namespace

void add_clone_calls(Handlers& handlers) {
    handlers["POST /nodes/{node}/qemu/{vmid}/clone"] = clone;
}

}  // namespace slipway::sandbox
