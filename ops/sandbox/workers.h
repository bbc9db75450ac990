#pragma once
// What the calls of one file start for those of another.

#include <fmt/format.h>

#include "ops/sandbox/call.h"
#include "ops/sandbox/devices.h"

namespace slipway::sandbox {

// POST /nodes/{node}/qemu with an archive: answers the UPID.
Json restore(Call& call, Config options);

// hold = co_await lock_storage(…): before a volume is made. A local storage has a lock on every
// node, a shared one in the cluster.
inline auto lock_storage(Worker& worker, const Storage& storage, const std::string& node) {
    const std::chrono::seconds most(10);
    if (storage.shared) {
        const std::string name = "storage-" + storage.name;
        return worker.lock(name,
                           most,
                           LockMode::Exclusive,
                           fmt::format("cfs-lock '{}' error: got lock request timeout", name));
    }
    const std::string file = "/var/lock/pve-manager/pve-storage-" + storage.name;
    return worker.lock(node + ":" + file,
                       most,
                       LockMode::Exclusive,
                       fmt::format("can't lock file '{}' - got timeout", file));
}

// Makes the volume while nobody else makes one on that storage.
Work allocate_locked(Worker& worker, Cluster& cluster, NewVolume wanted, std::string& volid);

Work start_worker(Worker& worker, Cluster& cluster, int vmid, std::string node);

// Copies a volume's content in the time that its size takes, with the lines qemu-img writes.
struct CopyOrder {
    std::int64_t size = 0;
    std::int64_t kib_per_second = 0;  // 0: as fast as the disks go
    std::string interrupted = {};     // what is said if it is stopped
};
Work copy_worker(Worker& worker, CopyOrder order);

inline constexpr std::int64_t kib_per_second_of_disks = 500 * 1024;

std::string bytes_text(std::int64_t bytes);  // 27.2 MiB

}  // namespace slipway::sandbox
