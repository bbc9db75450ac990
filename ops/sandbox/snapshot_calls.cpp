// Snapshots of guests.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct SnapshotOrder {
    int vmid;
    std::string node;
    std::string name;
    std::string description;
    bool with_memory = false;
    bool starts = false;
};

SnapshotOrder order_of(const Call& call) {
    return {.vmid = call.vmid(),
            .node = call.node(),
            .name = call.params.text("snapname"),
            .description = call.params.text("description"),
            .with_memory = call.params.flag("vmstate"),
            .starts = call.params.flag("start")};
}

Snapshot& snapshot_of(Guest& guest, const std::string& name) {
    const auto found = guest.snapshots.find(name);
    if (found == guest.snapshots.end()) die(fmt::format("snapshot '{}' does not exist", name));
    return found->second;
}

Json list(Call& call) {
    const Guest& guest = call.guest();
    Json all = Json::array();
    for (const auto& [name, snapshot] : guest.snapshots) {
        Json entry = {{"name", name},
                      {"snaptime", snapshot.time},
                      {"vmstate", snapshot.with_memory ? 1 : 0},
                      {"description", snapshot.description}};
        if (!snapshot.parent.empty()) entry["parent"] = snapshot.parent;
        if (!snapshot.state.empty()) entry["snapstate"] = snapshot.state;
        all.push_back(entry);
    }
    Json current = {{"name", "current"},
                    {"description", "You are here!"},
                    {"digest", digest_of(guest)},
                    {"running", guest.run ? 1 : 0}};
    if (guest.config.contains("parent")) current["parent"] = guest.get("parent");
    all.push_back(current);
    return all;
}

void check_storages(Cluster& cluster, const Guest& guest) {
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cdrom()) continue;
        const Storage& storage = cluster.storage(drive.storage());
        const bool can = keeps_files(storage) ? format_of(storage, drive.volname()) == "qcow2"
                                              : storage.type != "lvm";
        if (!can) die("snapshot feature is not available");
    }
}

Work take_snapshot(Worker& worker, Cluster& cluster, SnapshotOrder order) {
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    if (guest.run) {
        const bool with_memory = snapshot_of(guest, order.name).with_memory;
        worker.log(with_memory ? "saving VM state and RAM using storage 'local'"
                               : "skipping guest filesystem freeze - disabled in VM options");
        co_await worker.spend(milliseconds(with_memory ? 1500 : 300));
    }
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cdrom()) continue;
        worker.log(fmt::format("snapshotting 'drive-{}' ({})", key, drive.volume));
        co_await worker.spend(milliseconds(150));
    }
}

Work create_worker(Worker& worker, Cluster& cluster, SnapshotOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    if (guest.is_template()) die("you can't take a snapshot if it's a template");
    check_lock(guest);
    if (guest.snapshots.contains(order.name))
        die(fmt::format("snapshot name '{}' already used", order.name));
    check_storages(cluster, guest);
    Snapshot snapshot{.config = guest.config,
                      .time = cluster.epoch(order.node),
                      .with_memory = order.with_memory && guest.run,
                      .description = order.description,
                      .parent = guest.get("parent"),
                      .state = "prepare"};
    std::erase_if(snapshot.config, [](const auto& option) {
        return is_unused(option.first) || option.first == "parent";
    });
    snapshot.config["snaptime"] = std::to_string(snapshot.time);
    if (!snapshot.parent.empty()) snapshot.config["parent"] = snapshot.parent;
    if (order.description.empty()) snapshot.config.erase("description");
    if (!order.description.empty()) snapshot.config["description"] = order.description;
    guest.snapshots[order.name] = snapshot;
    guest.config["lock"] = "snapshot";
    try {
        co_await take_snapshot(worker, cluster, order);
    } catch (const Refused&) {
        worker.log("snapshot create failed: starting cleanup");
        guest.snapshots.erase(order.name);
        guest.config.erase("lock");
        throw;
    }
    guest.snapshots[order.name].state.clear();
    guest.config.erase("lock");
    guest.config["parent"] = order.name;
}

Json create(Call& call) {
    const SnapshotOrder order = order_of(call);
    if (order.name == "current" || order.name == "pending")
        die(fmt::format("unable to use snapshot name '{}' (reserved name)", order.name));
    return call.start("qmsnapshot", std::to_string(order.vmid), [&](Worker& worker) {
        return create_worker(worker, call.cluster, order);
    });
}

Work remove_worker(Worker& worker, Cluster& cluster, SnapshotOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    check_lock(guest);
    snapshot_of(guest, order.name).state = "delete";
    guest.config["lock"] = "snapshot-delete";
    co_await worker.spend(milliseconds(250));
    const std::string parent = snapshot_of(guest, order.name).parent;
    guest.snapshots.erase(order.name);
    const auto adopt = [&](Config& config, std::string* kept) {
        if (kept && *kept == order.name) *kept = parent;
        const auto found = config.find("parent");
        if (found == config.end() || found->second != order.name) return;
        parent.empty() ? void(config.erase(found)) : void(found->second = parent);
    };
    for (auto& [name, snapshot] : guest.snapshots) adopt(snapshot.config, &snapshot.parent);
    adopt(guest.config, nullptr);
    guest.config.erase("lock");
}

Json remove(Call& call) {
    call.guest();
    const SnapshotOrder order = order_of(call);
    return call.start("qmdelsnapshot", std::to_string(order.vmid), [&](Worker& worker) {
        return remove_worker(worker, call.cluster, order);
    });
}

// The disks that came after the snapshot are kept beside those that are back.
void keep_newer_disks(Cluster& cluster, Guest& guest, const Config& newer) {
    std::set<std::string> back;
    for (const auto& [key, drive] : drives_of(guest.config)) back.insert(drive.volume);
    for (const auto& [key, drive] : drives_of(newer))
        if (!drive.is_cdrom() && !back.contains(drive.volume))
            drop_drive(cluster, guest, drive.volume, false);
}

// Unused disks and the description stay as they are; everything else is as it was.
void roll_back(Cluster& cluster, Guest& guest, const Snapshot& snapshot, const std::string& name) {
    Config config = snapshot.config;
    config.erase("snaptime");
    config.erase("description");
    for (const auto& [key, value] : guest.config)
        if (is_unused(key) || key == "description") config[key] = value;
    config["parent"] = name;
    if (config.contains("vmgenid")) config["vmgenid"] = cluster.new_uuid();
    for (const auto& [key, drive] : drives_of(config)) {
        Volume* volume = cluster.find_volume(drive.volume, guest.node);
        const auto size = drive.options.find("size");
        if (volume && size != drive.options.end()) volume->size = size_of_text(size->second);
    }
    const Config attached = std::exchange(guest.config, std::move(config));
    const Config pending = std::exchange(guest.pending, {});
    guest.pending_delete.clear();
    keep_newer_disks(cluster, guest, attached);
    keep_newer_disks(cluster, guest, pending);
}

Work rollback_worker(Worker& worker, Cluster& cluster, SnapshotOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    if (guest.is_template()) die("you can't rollback if vm is a template");
    const Snapshot snapshot = snapshot_of(guest, order.name);
    if (!snapshot.state.empty())
        die(fmt::format("unable to rollback to incomplete snapshot (snapstate = {})",
                        snapshot.state));
    check_lock(guest);
    guest.config["lock"] = "rollback";
    if (guest.run) co_await worker.spend(seconds(5));
    guest.run.reset();
    co_await worker.spend(milliseconds(200));
    roll_back(cluster, guest, snapshot, order.name);
    if (snapshot.with_memory || order.starts) start_guest(cluster, guest);
}

Json rollback(Call& call) {
    call.guest();
    const SnapshotOrder order = order_of(call);
    return call.start("qmrollback", std::to_string(order.vmid), [&](Worker& worker) {
        return rollback_worker(worker, call.cluster, order);
    });
}

Json index(Call& call) {
    snapshot_of(call.guest(), call.params.text("snapname"));
    return Json::array({{{"cmd", "rollback"}}, {{"cmd", "config"}}});
}

Json get_config(Call& call) {
    Guest& guest = call.guest();
    return config_json(snapshot_of(guest, call.params.text("snapname")).config, guest.container);
}

Json put_config(Call& call) {
    const Hold hold = call.lock(config_file_of(call.vmid()));
    Guest& guest = call.guest();
    check_lock(guest);
    Snapshot& snapshot = snapshot_of(guest, call.params.text("snapname"));
    if (!call.params.has("description")) return nullptr;
    snapshot.description = call.params.text("description");
    snapshot.config["description"] = snapshot.description;
    return nullptr;
}

}  // namespace

void add_snapshot_calls(Handlers& handlers) {
    const std::string all = "/nodes/{node}/qemu/{vmid}/snapshot";
    const std::string one = all + "/{snapname}";
    handlers["GET " + all] = list;
    handlers["POST " + all] = create;
    handlers["GET " + one] = index;
    handlers["DELETE " + one] = remove;
    handlers["GET " + one + "/config"] = get_config;
    handlers["PUT " + one + "/config"] = put_config;
    handlers["POST " + one + "/rollback"] = rollback;
}

}  // namespace slipway::sandbox
