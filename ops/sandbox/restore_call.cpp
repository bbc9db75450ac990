// Restoring a guest from a backup: POST /nodes/{node}/qemu with `archive`.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* left_behind =
    "error before or during data restore, some or all disks were not completely restored. VM {} "
    "state is NOT cleaned up.";

struct RestoreOrder {
    int vmid;
    std::string node;
    std::string archive;
    std::string storage;
    Config options;
    bool is_unique = false;
    bool starts = false;
    std::int64_t bwlimit = 0;
    Caller who;
    std::string pool;
};

// The pipe that real Proxmox runs, which is how it names what failed.
std::string pipe_of(Cluster& cluster, const RestoreOrder& order, int pid) {
    const std::string path = path_of(cluster, order.archive);
    const char* unpack = path.ends_with(".zst")   ? "zstd -q -d -c {} | "
                         : path.ends_with(".gz")  ? "zcat {} | "
                         : path.ends_with(".lzo") ? "lzop -d -c {} | "
                                                  : "";
    return fmt::format("{0}vma extract -v -r /var/tmp/vzdumptmp{1}.fifo {2} /var/tmp/vzdumptmp{1}",
                       fmt::format(fmt::runtime(unpack), path),
                       pid,
                       *unpack ? "-" : path);
}

// Disks under the keys that come back are replaced; others are kept beside them.
void clear_for(Cluster& cluster, Guest& guest, const Archive& archive) {
    guest.snapshots.clear();
    guest.pending.clear();
    guest.pending_delete.clear();
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (archive.disks.contains(key)) {
            remove_volume(cluster, drive.volume, guest.node);
        } else if (!drive.is_cdrom()) {
            drop_drive(cluster, guest, print_drive(drive), false);
        }
    }
}

Work copy_disks(Worker& worker,
                Cluster& cluster,
                RestoreOrder order,
                std::shared_ptr<const Archive> archive,
                Config& config) {
    for (const auto& [key, from] : archive->disks) {
        Drive drive = read_drive(archive->config.at(key));
        const std::string storage = order.storage.empty() ? drive.storage() : order.storage;
        const NewVolume wanted{.storage = storage,
                               .node = order.node,
                               .vmid = order.vmid,
                               .format = from.format,
                               .size = from.size};
        co_await allocate_locked(worker, cluster, wanted, drive.volume);
        Volume& made = cluster.volume(drive.volume, order.node);
        made.has_system = from.has_system;
        drive.options["size"] = size_text(from.size);
        const Storage& on = cluster.storage(storage);
        worker.log(formatting_line(on, drive.volname(), made.format, from.size));
        worker.log(fmt::format("new volume ID is '{}'", drive.volume));
        config[key] = print_drive(drive);
        cluster.guest_on(order.vmid, order.node).config[key] = config[key];
        const std::int64_t rate = std::min(
            order.bwlimit > 0 ? order.bwlimit : kib_per_second_of_disks, kib_per_second_of_disks);
        co_await worker.spend(milliseconds(from.size / 1024 * 1000 / rate));
        worker.log(fmt::format("progress 100% (read {} bytes, duration 0 sec)", from.size));
    }
}

Config restored_config(Cluster& cluster, const RestoreOrder& order, const Archive& archive) {
    Config config = archive.config;
    for (const auto& [key, drive] : drives_of(archive.config)) {
        if (!archive.disks.contains(key) && !drive.is_cdrom()) config.erase(key);
        if (drive.is_cloudinit()) {
            Drive fresh = drive;
            fresh.volume = cloudinit_volume(cluster,
                                            order.storage.empty() ? drive.storage() : order.storage,
                                            order.node,
                                            order.vmid);
            config[key] = print_drive(fresh);
        }
    }
    config["vmgenid"] = cluster.new_uuid();
    if (order.is_unique) {
        config["smbios1"] = "uuid=" + cluster.new_uuid();
        for (auto& [key, value] : config) {
            if (!is_net(key)) continue;
            Properties net = parse_net(key, value);
            net["macaddr"] = cluster.new_mac();
            value = print_net(net);
        }
    }
    for (const auto& [key, value] : order.options) config[key] = value;
    return config;
}

Work restore_worker(Worker& worker, Cluster& cluster, RestoreOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    if (guest.run) {
        worker.log(fmt::format(fmt::runtime(left_behind), order.vmid));
        die(fmt::format("unable to restore VM {} - vm is running", order.vmid));
    }
    if (guest.get("lock") != "create") check_lock(guest);
    const auto archive = cluster.volume(order.archive, order.node).archive;
    if (!archive) die(fmt::format("volume '{}' does not exist", order.archive));
    const std::string pipe = pipe_of(cluster, order, worker.task().pid);
    worker.log("restore vma archive: " + pipe);
    clear_for(cluster, guest, *archive);
    const Config kept_unused = [&] {
        Config kept;
        for (const auto& [key, value] : guest.config)
            if (is_unused(key)) kept[key] = value;
        return kept;
    }();
    guest.config = {{"lock", "create"}};
    Config disks;
    try {
        co_await worker.spend(milliseconds(200));
        co_await copy_disks(worker, cluster, order, archive, disks);
        Config config = restored_config(cluster, order, *archive);
        for (const auto& [key, value] : disks) config[key] = value;
        config.insert(kept_unused.begin(), kept_unused.end());
        guest.config = std::move(config);
    } catch (const Refused& refused) {
        guest.config.erase("lock");
        worker.log(fmt::format(fmt::runtime(left_behind), order.vmid));
        die(fmt::format("command 'set -o pipefail && {}' failed: {}", pipe, refused.what()));
    }
    cluster.join_pool(order.vmid, order.pool);
    if (archive->firewall) cluster.firewalls[order.vmid] = *archive->firewall;
    worker.log("rescan volumes...");
    if (!order.starts) co_return;
    cluster.start_task(
        order.node, order.who, "qmstart", std::to_string(order.vmid), [&](Worker& w) {
            return start_worker(w, cluster, order.vmid, order.node);
        });
}

void check_rights(const Call& call, const Config& options) {
    if (call.params.has("storage"))
        call.need("/storage/" + call.params.text("storage"), "Datastore.AllocateSpace");
    std::set<std::string> names;
    for (const auto& [name, value] : options) names.insert(name);
    check_option_rights(call, call.vmid(), names);
}

}  // namespace

Json restore(Call& call, Config options) {
    for (const auto& [name, value] : options)
        if (is_drive(name)) wrong_parameter(name, "option conflicts with option 'archive'");
    const std::string archive = call.params.text("archive");
    const std::size_t colon = archive.find(':');
    if (colon == std::string::npos)
        die("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm "
            "line 651.");
    call.cluster.storage(archive.substr(0, colon));
    complete_options(call.cluster, options);
    check_rights(call, options);
    Guest* there = call.cluster.find_guest(call.vmid());
    const bool is_other = there && (there->node != call.node() || there->container);
    if (there && (is_other || !call.params.flag("force")))
        die(fmt::format("unable to restore VM {0} - {1} {0} already exists on node '{2}'",
                        call.vmid(),
                        there->container ? "CT" : "VM",
                        there->node));
    if (!call.cluster.find_volume(archive, call.node()))
        die(fmt::format("volume '{}' does not exist", archive));
    if (!there) {
        Guest& guest = call.cluster.guests[call.vmid()];
        guest = {.id = call.vmid(), .node = call.node(), .config = {{"lock", "create"}}};
        guest.made = call.cluster.now();
    }
    const RestoreOrder order{call.vmid(),
                             call.node(),
                             archive,
                             call.params.text("storage"),
                             options,
                             call.params.flag("unique"),
                             call.params.flag("start"),
                             call.params.number("bwlimit"),
                             call.who,
                             call.params.text("pool")};
    return call.start("qmrestore", std::to_string(call.vmid()), [&](Worker& worker) {
        return restore_worker(worker, call.cluster, order);
    });
}

}  // namespace slipway::sandbox
