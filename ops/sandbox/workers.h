#pragma once
// What the calls of one file start for those of another.

#include "ops/sandbox/call.h"

namespace slipway::sandbox {

// POST /nodes/{node}/qemu with an archive: answers the UPID.
Json restore(Call& call, Config options);

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
