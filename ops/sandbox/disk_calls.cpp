// Disks of guests: growing them, moving them to another storage.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ResizeOrder {
    int vmid;
    std::string node;
    std::string disk;
    std::string size;
    std::string digest;
    bool skip_lock = false;
};

Work resize_worker(Worker& worker, Cluster& cluster, ResizeOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    if (!order.digest.empty() && order.digest != digest_of(guest))
        die("checksum mismatch (file change by other user?)");
    if (!order.skip_lock) check_lock(guest);
    const auto entry = guest.config.find(order.disk);
    if (entry == guest.config.end()) die(fmt::format("disk '{}' does not exist", order.disk));
    Drive drive = read_drive(entry->second);
    if (drive.is_cdrom()) die("you can't resize a cdrom");
    const Volume was = cluster.volume(drive.volume, order.node);
    const std::int64_t asked = size_of_text(order.size);
    const std::int64_t size = order.size.starts_with('+') ? was.size + asked : asked;
    if (size < was.size) die("shrinking disks is not supported");
    if (size == was.size) co_return;
    Storage& storage = cluster.storage(drive.storage());
    if (!has_room(cluster, storage, order.node, size - was.size))
        die(fmt::format("command '/usr/bin/qemu-img resize -f {} {} {}' failed: exit code 1",
                        was.format,
                        path_of(storage, drive.volname()),
                        size));
    if (!guest.run) worker.log("Image resized.");
    co_await worker.spend(milliseconds(200));
    cluster.volume(drive.volume, order.node).size = size;
    drive.options["size"] = size_text(size);
    guest.config[order.disk] = print_drive(drive);
}

Json resize(Call& call) {
    call.only_root("skiplock");
    const ResizeOrder order{call.vmid(),
                            call.node(),
                            call.params.text("disk"),
                            call.params.text("size"),
                            call.params.text("digest"),
                            call.params.flag("skiplock")};
    return call.start("resize", std::to_string(order.vmid), [&](Worker& worker) {
        return resize_worker(worker, call.cluster, order);
    });
}

struct MoveOrder {
    int vmid;
    std::string node;
    std::string disk;
    std::string storage;
    std::string format;
    bool removes_source = false;
    std::int64_t bwlimit = 0;
};

Work move_worker(Worker& worker, Cluster& cluster, MoveOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    check_lock(guest);
    Drive drive = read_drive(guest.get(order.disk));
    const Volume from = cluster.volume(drive.volume, order.node);
    const std::string was = drive.volume;
    worker.log(fmt::format("copying volume '{}' from current storage '{}' to target storage '{}'",
                           was,
                           drive.storage(),
                           order.storage));
    worker.log(fmt::format("create full clone of drive {} ({})", order.disk, was));
    const NewVolume wanted{.storage = order.storage,
                           .node = order.node,
                           .vmid = order.vmid,
                           .format = order.format.empty() ? from.format : order.format,
                           .size = from.size};
    std::string is;
    co_await allocate_locked(worker, cluster, wanted, is);
    const Storage& on = cluster.storage(order.storage);
    const std::string name = is.substr(is.find(':') + 1);
    worker.log(formatting_line(on, name, format_of(on, name), from.size));
    worker.log(fmt::format("allocated target volume '{}'", is));
    const CopyOrder copy{.size = from.size, .kib_per_second = order.bwlimit};
    try {
        co_await copy_worker(worker, copy);
        cluster.volume(is, order.node).has_system = from.has_system;
    } catch (const Refused& refused) {
        remove_volume(cluster, is, order.node);
        die(fmt::format("storage migration failed: {}", refused.what()));
    }
    drive.volume = is;
    guest.config[order.disk] = print_drive(drive);
    if (order.removes_source) {
        worker.log(fmt::format("removing source volume '{}' after successful copy", was));
        remove_volume(cluster, was, order.node);
    } else {
        drop_drive(cluster, guest, was, false);
    }
}

Json move_disk(Call& call) {
    const Guest& guest = call.guest();
    const MoveOrder order{call.vmid(),
                          call.node(),
                          call.params.text("disk"),
                          call.params.text("storage"),
                          call.params.text("format"),
                          call.params.flag("delete"),
                          call.params.number("bwlimit")};
    check_lock(guest);
    if (order.storage.empty()) wrong_parameter("storage", "required parameter is not set");
    if (!guest.config.contains(order.disk))
        die(fmt::format("disk '{}' does not exist", order.disk));
    const Drive drive = read_drive(guest.get(order.disk));
    if (drive.is_cdrom()) die("you can't move a cdrom");
    usable_storage(call.cluster, order.storage, order.node, "images");
    call.need("/storage/" + order.storage, "Datastore.AllocateSpace");
    const std::string format = format_of(call.cluster.storage(drive.storage()), drive.volname());
    if (drive.storage() == order.storage && (order.format.empty() || order.format == format))
        die("you can't move to the same storage with same format");
    for (const auto& [name, snapshot] : guest.snapshots)
        if (order.removes_source && snapshot.config.contains(order.disk))
            die("you can't move a disk with snapshots and delete the source");
    return call.start("qmmove", std::to_string(order.vmid), [&](Worker& worker) {
        return move_worker(worker, call.cluster, order);
    });
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
    double number = static_cast<double>(bytes);
    const char* unit = "B";
    for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
        if (number < 1024) break;
        number /= 1024;
        unit = larger;
    }
    return fmt::format("{:.1f} {}", number, unit);
}

Work allocate_locked(Worker& worker, Cluster& cluster, NewVolume wanted, std::string& volid) {
    const Hold lock = co_await lock_storage(worker, cluster.storage(wanted.storage), wanted.node);
    volid = allocate(cluster, wanted);
}

// A line a second, as qemu-img -p is read.
Work copy_worker(Worker& worker, CopyOrder order) {
    const std::int64_t rate =
        std::min(order.kib_per_second > 0 ? order.kib_per_second : kib_per_second_of_disks,
                 kib_per_second_of_disks);
    const auto progress = [&](std::int64_t done) {
        worker.log(fmt::format(
            "transferred {} of {} ({:.2f}%)",
            bytes_text(done),
            bytes_text(order.size),
            order.size == 0 ? 100.0
                            : 100.0 * static_cast<double>(done) / static_cast<double>(order.size)));
    };
    progress(0);
    try {
        for (std::int64_t done = 0; done < order.size;) {
            const std::int64_t step = std::min(rate * 1024, order.size - done);
            co_await worker.spend(milliseconds(step / 1024 * 1000 / rate + 1));
            done += step;
            progress(done);
        }
    } catch (const Interrupted&) {
        if (order.interrupted.empty()) throw;
        throw Refused(500, order.interrupted);
    }
}

void add_disk_calls(Handlers& handlers) {
    const std::string guest = "/nodes/{node}/qemu/{vmid}";
    handlers["PUT " + guest + "/resize"] = resize;
    handlers["POST " + guest + "/move_disk"] = move_disk;
}

}  // namespace slipway::sandbox
