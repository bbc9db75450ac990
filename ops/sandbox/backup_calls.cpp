// vzdump, restore, and pruning of backups.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/retention.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct BackupOrder {
    std::vector<int> vmids;
    std::string node;
    std::string storage;
    std::string mode;
    std::string compress;
    std::string notes;  // a template
    std::string prune;  // empty: the storage's own
    bool removes = true;
    bool is_protected = false;
    std::int64_t bwlimit = 0;
    std::int64_t lockwait = 180;  // minutes
    std::string told;
};

std::string time_text(const Cluster& cluster, const std::string& node, const char* format) {
    return fmt::format(fmt::runtime(format), fmt::gmtime(static_cast<time_t>(cluster.epoch(node))));
}

std::string ending(const std::string& compress) {
    if (compress == "zstd") return ".zst";
    if (compress == "gzip" || compress == "1") return ".gz";
    if (compress == "lzo") return ".lzo";
    return "";
}

std::string filled(std::string notes, const Cluster& cluster, const Guest& guest) {
    const std::map<std::string, std::string> values = {{"{{cluster}}", cluster.name},
                                                       {"{{guestname}}", guest.name()},
                                                       {"{{node}}", guest.node},
                                                       {"{{vmid}}", std::to_string(guest.id)}};
    for (const auto& [word, value] : values)
        for (std::size_t at = 0; (at = notes.find(word, at)) != std::string::npos;
             at += value.size())
            notes.replace(at, word.size(), value);
    return notes;
}

std::shared_ptr<Archive> archive_of(Cluster& cluster, const Guest& guest) {
    auto archive = std::make_shared<Archive>();
    archive->container = guest.container;
    for (const auto& [key, value] : guest.config)
        if (!is_unused(key) && key != "lock" && key != "parent") archive->config[key] = value;
    for (const auto& [key, drive] : drives_of(guest.config)) {
        const auto backup = drive.options.find("backup");
        if (drive.is_cdrom() || (backup != drive.options.end() && backup->second == "0")) continue;
        archive->disks[key] = cluster.volume(drive.volume, guest.node);
    }
    const auto firewall = cluster.firewalls.find(guest.id);
    if (firewall != cluster.firewalls.end()) archive->firewall = firewall->second;
    return archive;
}

Work read_disks(Worker& worker, const BackupOrder& order, std::int64_t size) {
    const std::int64_t rate = std::min(order.bwlimit > 0 ? order.bwlimit : kib_per_second_of_disks,
                                       kib_per_second_of_disks);
    const std::int64_t step = std::max<std::int64_t>(rate * 1024, 1);
    int second = 0;
    for (std::int64_t done = 0; done < size;) {
        const std::int64_t now = std::min(step, size - done);
        co_await worker.spend(milliseconds(now / 1024 * 1000 / rate + 1));
        done += now;
        ++second;
        if (second % 3 != 0 && done < size) continue;
        worker.log(fmt::format("INFO: {:3d}% ({} of {}) in {}s, read: {}/s, write: {}/s",
                               done * 100 / size,
                               bytes_text(done),
                               bytes_text(size),
                               second,
                               bytes_text(step),
                               bytes_text(step)));
    }
}

void check_limit(Cluster& cluster, const BackupOrder& order, int vmid) {
    const Storage& storage = cluster.storage(order.storage);
    const Retention retention(order.prune.empty() ? storage.prune_backups : order.prune);
    if (order.removes || !retention.most()) return;
    const auto backups = backups_of(cluster, cluster.storage(order.storage), order.node, vmid);
    if (static_cast<std::int64_t>(backups.size()) >= *retention.most())
        die(
            fmt::format("There is a max backup limit of {} enforced by the target storage or the "
                        "vzdump parameters. Either increase the limit or delete old backups.",
                        *retention.most()));
}

void prune(Worker& worker, Cluster& cluster, const BackupOrder& order, int vmid) {
    Storage& storage = cluster.storage(order.storage);
    const std::string text = order.prune.empty() ? storage.prune_backups : order.prune;
    if (!order.removes || text.empty()) return;
    worker.log("INFO: prune older backups with retention: " + text);
    int pruned = 0;
    for (const Marked& backup :
         marked_backups(cluster, storage, order.node, vmid, Retention(text))) {
        if (backup.mark != "remove") continue;
        worker.log(fmt::format("INFO: removing backup '{}'", backup.volid));
        remove_volume(cluster, backup.volid, order.node);
        ++pruned;
    }
    worker.log(
        fmt::format("INFO: pruned {} backup(s) not covered by keep-retention policy", pruned));
}

// No lock file keeps the guest where it is while it is read.
Guest& still_there(Cluster& cluster, const BackupOrder& order, int vmid) {
    Guest* guest = cluster.find_guest(vmid);
    if (!guest || guest->node != order.node) die(fmt::format("unable to find VM '{}'", vmid));
    return *guest;
}

// In mode stop a guest that runs goes down, and runs again as soon as the backup has begun.
Work begin_backup(Worker& worker, Cluster& cluster, const BackupOrder& order, int vmid) {
    const bool stops = order.mode == "stop" && still_there(cluster, order, vmid).run;
    if (stops) {
        worker.log("INFO: stopping virtual guest");
        stop_guest(cluster, still_there(cluster, order, vmid));
        try {
            co_await worker.spend(seconds(2));
        } catch (const Refused&) {
            power_on(cluster, still_there(cluster, order, vmid));
            throw;
        }
    }
    Guest& guest = still_there(cluster, order, vmid);
    if (!guest.run) {
        worker.log("INFO: starting kvm to execute backup task");
        power_on(cluster, guest);
        guest.run->prelaunch = true;
    }
    worker.log("INFO: starting backup via QMP command");
    worker.log(fmt::format("INFO: started backup task '{}'", cluster.new_uuid()));
    if (!stops) co_return;
    worker.log("INFO: resuming VM again");
    guest.run->prelaunch = false;
}

Work back_up_locked(Worker& worker, Cluster& cluster, const BackupOrder& order, int vmid) {
    const Guest guest = still_there(cluster, order, vmid);
    Storage& storage = usable_storage(cluster, order.storage, order.node, "backup");
    worker.log("INFO: VM Name: " + guest.name());
    std::int64_t size = 0;
    const auto archive = archive_of(cluster, guest);
    for (const auto& [key, volume] : archive->disks) {
        size += volume.size;
        worker.log(fmt::format("INFO: include disk '{}' '{}' {}",
                               key,
                               read_drive(guest.get(key)).volume,
                               size_text(volume.size)));
    }
    const std::string file = fmt::format("vzdump-{}-{}-{}.{}{}",
                                         guest.container ? "lxc" : "qemu",
                                         vmid,
                                         time_text(cluster, order.node, "{:%Y_%m_%d-%H_%M_%S}"),
                                         guest.container ? "tar" : "vma",
                                         ending(order.compress));
    const std::int64_t ctime = cluster.epoch(order.node);
    worker.log(
        fmt::format("INFO: creating vzdump archive '{}'", path_of(storage, "backup/" + file)));
    if (!has_room(cluster, storage, order.node, size / 50))
        die("vma_queue_write: write error - No space left on device");
    co_await begin_backup(worker, cluster, order, vmid);
    co_await worker.spend(milliseconds(500));
    co_await read_disks(worker, order, size);
    // The archive is there under its name only once it is whole.
    std::string notes = filled(order.notes, cluster, guest);
    Storage& target = usable_storage(cluster, order.storage, order.node, "backup");
    cluster.volumes_of(target, order.node)["backup/" + file] = {
        .vmid = vmid,
        .content = "backup",
        .format = file.substr(file.find('.') + 1),
        .size = size / 50 + 200'000,
        .ctime = ctime,
        .is_protected = order.is_protected,
        .notes = notes,
        .archive = archive};
    worker.log(fmt::format("INFO: archive file size: {}MB", size / 50 >> 20));
    if (!notes.empty()) worker.log("INFO: adding notes to backup");
    prune(worker, cluster, order, vmid);
}

void end_backup(Cluster& cluster, int vmid) {
    Guest* guest = cluster.find_guest(vmid);
    if (!guest) return;
    if (guest->get("lock") == "backup") guest->config.erase("lock");
    if (guest->run && guest->run->prelaunch) guest->run.reset();
}

Work back_up(Worker& worker, Cluster& cluster, const BackupOrder& order, int vmid) {
    check_limit(cluster, order, vmid);
    Guest& guest = still_there(cluster, order, vmid);
    const Moment began = cluster.now();
    worker.log(
        fmt::format("INFO: Starting Backup of VM {} ({})", vmid, guest.container ? "lxc" : "qemu"));
    worker.log("INFO: Backup started at " + time_text(cluster, order.node, "{:%Y-%m-%d %H:%M:%S}"));
    worker.log(fmt::format("INFO: status = {}", guest.run ? "running" : "stopped"));
    worker.log(fmt::format("INFO: backup mode: {}", guest.run ? order.mode : "stop"));
    worker.log("INFO: ionice priority: 7");
    check_lock(guest);
    guest.config["lock"] = "backup";
    std::exception_ptr failed;
    try {
        co_await back_up_locked(worker, cluster, order, vmid);
    } catch (const Refused&) {
        failed = std::current_exception();
    }
    end_backup(cluster, vmid);
    if (failed) std::rethrow_exception(failed);
    const auto took = std::chrono::duration_cast<seconds>(cluster.now() - began).count();
    worker.log(fmt::format("INFO: Finished Backup of VM {} ({:02d}:{:02d}:{:02d})",
                           vmid,
                           took / 3600,
                           took / 60 % 60,
                           took % 60));
    worker.log("INFO: Backup finished at " +
               time_text(cluster, order.node, "{:%Y-%m-%d %H:%M:%S}"));
}

Work backup_worker(Worker& worker, Cluster& cluster, BackupOrder order) {
    const std::string file = "/var/run/vzdump.lock@" + order.node;
    std::optional<Hold> alone = cluster.tasks.try_lock(file);
    for (std::int64_t waited = 0; !alone; ++waited) {
        if (waited / 60 >= order.lockwait) {
            worker.log(fmt::format("ERROR: can't acquire lock '/var/run/vzdump.lock' (wait = {})",
                                   waited));
            throw Killed();
        }
        if (waited == 0) worker.log("INFO: trying to get global lock - waiting...");
        co_await worker.spend(seconds(1));
        alone = cluster.tasks.try_lock(file);
    }
    if (!cluster.storages.contains(order.storage))
        die(fmt::format("could not activate storage '{0}': storage '{0}' does not exist",
                        order.storage));
    worker.log(order.told);
    bool all_fine = true;
    for (const int vmid : order.vmids) {
        bool interrupted = false;
        try {
            co_await back_up(worker, cluster, order, vmid);
        } catch (const Interrupted&) {
            interrupted = true;
        } catch (const Refused& refused) {
            all_fine = false;
            worker.log(fmt::format("ERROR: Backup of VM {} failed - {}", vmid, refused.what()));
            worker.log("INFO: Failed at " + time_text(cluster, order.node, "{:%Y-%m-%d %H:%M:%S}"));
        }
        if (interrupted) die("interrupted by signal");
    }
    if (!all_fine) {
        worker.log("INFO: Backup job finished with errors");
        die("job errors");
    }
    worker.log("INFO: Backup job finished successfully");
}

std::vector<int> guests_asked_for(Call& call) {
    std::vector<int> asked;
    for (const std::string& vmid : call.params.list("vmid")) asked.push_back(std::stoi(vmid));
    const std::string pool = call.params.text("pool");
    if (!pool.empty() && call.cluster.pools.contains(pool))
        for (const int vmid : call.cluster.pools[pool].guests) asked.push_back(vmid);
    if (call.params.flag("all"))
        for (const auto& [vmid, guest] : call.cluster.guests) asked.push_back(vmid);
    const auto excluded = call.params.list("exclude");
    std::erase_if(asked, [&](int vmid) {
        const Guest* guest = call.cluster.find_guest(vmid);
        // What exists nowhere is tried here, and fails here.
        return (guest && guest->node != call.node()) ||
               std::find(excluded.begin(), excluded.end(), std::to_string(vmid)) != excluded.end();
    });
    return asked;
}

Json vzdump(Call& call) {
    for (const char* param : {"tmpdir", "dumpdir", "script", "job-id"})
        call.only_root(param, "Only root may set this option.");
    const std::string storage = call.params.text("storage", "local");
    call.need("/storage/" + storage, "Datastore.AllocateSpace");
    if (call.params.has("prune-backups")) call.need("/storage/" + storage, "Datastore.Allocate");
    for (const char* param : {"bwlimit", "ionice", "performance"})
        if (call.params.has(param)) call.need("/", "Sys.Modify");
    const std::vector<int> vmids = guests_asked_for(call);
    if (vmids.empty()) return "OK";
    std::string told = "INFO: starting new backup job: vzdump";
    for (const int vmid : vmids) {
        call.need(fmt::format("/vms/{}", vmid), "VM.Backup");
        told += fmt::format(" {}", vmid);
    }
    for (const auto& [name, value] : call.params.all())
        if (name != "vmid") told += fmt::format(" --{} {}", name, value);
    const BackupOrder order{.vmids = vmids,
                            .node = call.node(),
                            .storage = storage,
                            .mode = call.params.text("mode", "snapshot"),
                            .compress = call.params.text("compress", "0"),
                            .notes = call.params.text("notes-template"),
                            .prune = call.params.text("prune-backups"),
                            .removes = call.params.flag("remove", true),
                            .is_protected = call.params.flag("protected"),
                            .bwlimit = call.params.number("bwlimit"),
                            .lockwait = call.params.number("lockwait", 180),
                            .told = told};
    return call.start("vzdump", vmids.size() == 1 ? std::to_string(vmids[0]) : "", [&](Worker& w) {
        return backup_worker(w, call.cluster, order);
    });
}

Json prunable(Call& call) {
    Storage& storage = call.cluster.storage(call.params.text("storage"));
    const Retention retention(call.params.text("prune-backups", storage.prune_backups));
    Json list = Json::array();
    for (const Marked& backup : marked_backups(call.cluster,
                                               storage,
                                               call.node(),
                                               static_cast<int>(call.params.number("vmid")),
                                               retention))
        list.push_back({{"volid", backup.volid},
                        {"vmid", backup.vmid},
                        {"ctime", backup.ctime},
                        {"type", "qemu"},
                        {"mark", backup.mark}});
    return list;
}

struct PruneOrder {
    std::string storage;
    std::string node;
    int vmid;
    std::string retention;
};

Work prune_worker(Worker& worker, Cluster& cluster, PruneOrder order) {
    co_await worker.spend(milliseconds(200));
    Storage& storage = cluster.storage(order.storage);
    for (const Marked& backup :
         marked_backups(cluster, storage, order.node, order.vmid, Retention(order.retention))) {
        worker.log(fmt::format("{} {}", backup.mark, backup.volid));
        if (backup.mark == "remove") remove_volume(cluster, backup.volid, order.node);
    }
}

Json prune_now(Call& call) {
    const Storage& storage = call.cluster.storage(call.params.text("storage"));
    call.need("/storage/" + storage.name,
              call.params.has("vmid") ? "Datastore.AllocateSpace" : "Datastore.Allocate");
    const PruneOrder order{storage.name,
                           call.node(),
                           static_cast<int>(call.params.number("vmid")),
                           call.params.text("prune-backups", storage.prune_backups)};
    const std::string id =
        order.vmid == 0 ? order.storage : fmt::format("{}@{}", order.vmid, order.storage);
    return call.start("prunebackups", id, [&](Worker& worker) {
        return prune_worker(worker, call.cluster, order);
    });
}

}  // namespace

void add_backup_calls(Handlers& handlers) {
    handlers["POST /nodes/{node}/vzdump"] = vzdump;
    handlers["GET /nodes/{node}/storage/{storage}/prunebackups"] = prunable;
    handlers["DELETE /nodes/{node}/storage/{storage}/prunebackups"] = prune_now;
}

}  // namespace slipway::sandbox
