// Migration to another node.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::seconds;

struct MigrateOrder {
    int vmid;
    std::string node;
    std::string target;
    bool online = false;
    std::map<std::string, std::string> storages;  // from: to; "" for all others
    std::int64_t bwlimit = 0;
};

std::string stamp(const Cluster& cluster, const std::string& node) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S}",
                       fmt::gmtime(static_cast<time_t>(cluster.epoch(node))));
}

// local:a,b:c or one name for all.
std::map<std::string, std::string> storages_of(const std::string& text) {
    std::map<std::string, std::string> map;
    for (const std::string& pair : split_list(text)) {
        const std::size_t colon = pair.find(':');
        if (colon == std::string::npos) {
            if (pair != "1") map[""] = pair;
        } else {
            map[pair.substr(0, colon)] = pair.substr(colon + 1);
        }
    }
    return map;
}

std::string target_of(const MigrateOrder& order, const std::string& storage) {
    const auto named = order.storages.find(storage);
    if (named != order.storages.end()) return named->second;
    const auto rest = order.storages.find("");
    return rest == order.storages.end() ? storage : rest->second;
}

// Drives whose volumes have to be carried over, in use or not.
std::vector<NamedDrive> local_drives(Cluster& cluster, const Guest& guest) {
    std::vector<NamedDrive> found = drives_of(guest.config);
    for (const auto& [key, value] : guest.config)
        if (is_unused(key)) found.push_back({key, read_drive(value)});
    std::erase_if(found, [&](const NamedDrive& named) {
        return !named.drive.has_volume() || cluster.storage(named.drive.storage()).shared;
    });
    return found;
}

// Why the guest cannot go; empty if it can.
std::string obstacle(Cluster& cluster, const Guest& guest) {
    for (const auto& [key, drive] : local_drives(cluster, guest)) {
        if (drive.is_cdrom() && !drive.is_cloudinit())
            return fmt::format("can't migrate '{}': local cdrom image", drive.volume);
        const Volume* volume = cluster.find_volume(drive.volume, guest.node);
        if (volume && !volume->parent.empty())
            return fmt::format(
                "can't migrate '{}' as it's a clone of '{}'", drive.volume, volume->parent);
        const Storage& storage = cluster.storage(drive.storage());
        if (!guest.snapshots.empty() && storage.type != "zfspool" &&
            format_of(storage, drive.volname()) != "qcow2")
            return fmt::format("can't migrate '{}': non-migratable snapshot exists", drive.volume);
    }
    return {};
}

// What has been carried over so far.
struct Carried {
    Config config;                  // of the guest on its new node
    std::vector<std::string> from;  // volumes that have gone over
    std::vector<std::string> made;  // on the target; a drive for cloud-init may lie there already
};

void make_room(Cluster& cluster,
               const MigrateOrder& order,
               const NamedDrive& named,
               Carried& carried) {
    const Volume from = cluster.volume(named.drive.volume, order.node);
    const std::string storage = target_of(order, named.drive.storage());
    const auto& there = cluster.volumes_of(cluster.storage(storage), order.target);
    const std::size_t before = there.size();
    Drive moved = named.drive;
    if (moved.is_cloudinit()) {
        moved.volume = cloudinit_volume(cluster, storage, order.target, order.vmid, from.format);
    } else {
        moved.volume = allocate(cluster,
                                {.storage = storage,
                                 .node = order.target,
                                 .vmid = order.vmid,
                                 .format = from.format,
                                 .size = from.size});
        cluster.volume(moved.volume, order.target).has_system = from.has_system;
    }
    if (there.size() > before) carried.made.push_back(moved.volume);
    carried.from.push_back(named.drive.volume);
    carried.config[named.key] = print_drive(moved);
}

Work carry_over(Worker& worker, Cluster& cluster, MigrateOrder order, Carried& carried) {
    const Guest& guest = cluster.guest_on(order.vmid, order.node);
    for (const NamedDrive& named : local_drives(cluster, guest)) {
        const std::int64_t size = cluster.volume(named.drive.volume, order.node).size;
        worker.log(fmt::format("{} found local disk '{}' ({})",
                               stamp(cluster, order.node),
                               named.drive.volume,
                               is_unused(named.key) ? "unused" : "attached"));
        {
            const Storage& on = cluster.storage(target_of(order, named.drive.storage()));
            const Hold lock = co_await lock_storage(worker, on, order.target);
            make_room(cluster, order, named, carried);
        }
        const CopyOrder copy{.size = size, .kib_per_second = order.bwlimit};
        co_await copy_worker(worker, copy);
    }
}

Work migrate_worker(Worker& worker, Cluster& cluster, MigrateOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    check_lock(guest);
    const Node& target = *cluster.find_node(order.target);
    worker.log(fmt::format("{} starting migration of VM {} to node '{}' ({})",
                           stamp(cluster, order.node),
                           order.vmid,
                           order.target,
                           target.ip));
    if (!target.online) {
        co_await worker.spend(seconds(3));
        worker.log(fmt::format("{} ssh: connect to host {} port 22: No route to host",
                               stamp(cluster, order.node),
                               target.ip));
        worker.log(
            fmt::format("{} ERROR: migration aborted (duration 00:00:03): Can't connect to "
                        "destination address using public key",
                        stamp(cluster, order.node)));
        die("migration aborted");
    }
    guest.config["lock"] = "migrate";
    Carried carried{.config = guest.config};
    try {
        if (const std::string why = obstacle(cluster, guest); !why.empty()) {
            worker.log(fmt::format("{} {}", stamp(cluster, order.node), why));
            die("can't migrate VM - check log");
        }
        co_await carry_over(worker, cluster, order, carried);
        co_await worker.spend(seconds(guest.run ? 4 : 2));
    } catch (const Refused& refused) {
        for (const std::string& volid : carried.made) remove_volume(cluster, volid, order.target);
        guest.config.erase("lock");
        worker.log(fmt::format("{} ERROR: migration aborted (duration 00:00:01): {}",
                               stamp(cluster, order.node),
                               refused.what()));
        die("migration aborted");
    }
    for (const std::string& volid : carried.from) remove_volume(cluster, volid, order.node);
    carried.config.erase("lock");
    guest.config = carried.config;
    guest.node = order.target;
    if (guest.run) guest.run->since = cluster.now();  // counters begin again with the new process
    worker.log(fmt::format("{} migration finished successfully (duration 00:00:02)",
                           stamp(cluster, order.node)));
}

void check_storages(Call& call, const MigrateOrder& order, const Guest& guest) {
    if (!order.storages.empty()) call.need(fmt::format("/vms/{}", order.vmid), "VM.Config.Disk");
    for (const auto& [from, to] : order.storages)
        call.need("/storage/" + to, "Datastore.AllocateSpace");
    for (const auto& [key, drive] : drives_of(guest.config))
        if (drive.has_volume())
            usable_storage(call.cluster, target_of(order, drive.storage()), order.target, "");
}

Json migrate(Call& call) {
    call.only_root("force");
    call.only_root("migration_type");
    call.only_root("migration_network");
    const MigrateOrder order{.vmid = call.vmid(),
                             .node = call.node(),
                             .target = call.params.text("target"),
                             .online = call.params.flag("online"),
                             .storages = storages_of(call.params.text("targetstorage")),
                             .bwlimit = call.params.number("bwlimit")};
    if (order.target == order.node) wrong_parameter("target", "target is local node.");
    if (!call.cluster.find_node(order.target))
        die(fmt::format("no such cluster node '{}'", order.target));
    const Guest& guest = call.guest();
    check_lock(guest);
    if (guest.run && !order.online) die("can't migrate running VM without --online");
    check_storages(call, order, guest);
    return call.start("qmigrate", std::to_string(order.vmid), [&](Worker& worker) {
        return migrate_worker(worker, call.cluster, order);
    });
}

// A node that is down counts as allowed, and as not allowed for no reason: so does Proxmox.
Json precheck(Call& call) {
    const Guest& guest = call.guest();
    Json allowed = Json::array();
    Json refused = Json::object();
    for (const Node& node : call.cluster.nodes) {
        if (node.name == guest.node) continue;
        Json missing = Json::array();
        for (const auto& [key, drive] : drives_of(guest.config)) {
            if (!drive.has_volume()) continue;
            const Storage& storage = call.cluster.storage(drive.storage());
            if (!storage.nodes.empty() && !storage.nodes.contains(node.name))
                missing.push_back(storage.name);
        }
        if (missing.empty()) allowed.push_back(node.name);
        refused[node.name] = Json::object();
        if (!missing.empty()) refused[node.name]["unavailable_storages"] = missing;
    }
    Json disks = Json::array();
    for (const auto& [key, drive] : local_drives(call.cluster, guest)) {
        const Volume* volume = call.cluster.find_volume(drive.volume, guest.node);
        disks.push_back({{"volid", drive.volume},
                         {"drivename", key},
                         {"size", volume ? volume->size : 0},
                         {"cdrom", drive.is_cdrom() ? 1 : 0},
                         {"is_attached", is_unused(key) ? 0 : 1},
                         {"is_cloudinit", drive.is_cloudinit() ? 1 : 0},
                         {"is_tpmstate", key == "tpmstate0" ? 1 : 0},
                         {"is_unused", is_unused(key) ? 1 : 0},
                         {"is_vmstate", 0},
                         {"replicate", 1},
                         {"shared", 0}});
    }
    return {{"running", guest.run ? 1 : 0},
            {"allowed_nodes", allowed},
            {"not_allowed_nodes", refused},
            {"local_disks", disks},
            {"local_resources", Json::array()},
            {"mapped-resources", Json::array()},
            {"mapped-resource-info", Json::object()},
            {"has-dbus-vmstate", 1}};
}

}  // namespace

void add_migrate_calls(Handlers& handlers) {
    handlers["GET /nodes/{node}/qemu/{vmid}/migrate"] = precheck;
    handlers["POST /nodes/{node}/qemu/{vmid}/migrate"] = migrate;
}

}  // namespace slipway::sandbox
