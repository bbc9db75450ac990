// Guests that are backed up, restored, migrated and rolled back, and the locks of the storages they
// lie on.

#include <gtest/gtest.h>

#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

const std::string vms = "/nodes/pve1/qemu";

std::string vm(int id, const std::string& rest = "") {
    return vms + "/" + std::to_string(id) + rest;
}

TEST(SandboxRollback, KeepsDisksThatAreNewer) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1,format%3Dqcow2");
    box.task("POST", vm(100, "/snapshot"), "snapname=before");
    box.ask("PUT", vm(100, "/config"), "scsi1=local:1");

    EXPECT_EQ(box.task("POST", vm(100, "/snapshot/before/rollback")), "OK");

    const Json config = box.data("GET", vm(100, "/config"));
    EXPECT_FALSE(config.contains("scsi1"));
    EXPECT_EQ(config["unused0"], "local:100/vm-100-disk-1.raw");
}

TEST(SandboxStorageLock, IsOfTheNodeOrOfTheClusterAndSaysSo) {
    struct Row {
        const char* held;
        const char* storage;
        const char* end;
    };
    // clang-format off
    const Row table[] = {
        {"storage-shared", "shared", "cfs-lock 'storage-shared' error: got lock request timeout"},
        {"pve1:/var/lock/pve-manager/pve-storage-local", "local", "can't lock file '/var/lock/pve-manager/pve-storage-local' - got timeout"},
        {"pve2:/var/lock/pve-manager/pve-storage-local", "local", ""},
    };
    // clang-format on
    for (const Row& row : table) {
        SCOPED_TRACE(row.held);
        const std::string on = row.storage;
        const std::string end = row.end;
        Box box;
        box.task("POST", vms, "vmid=100&scsi0=local-lvm:1");
        const auto hold = box.sandbox->cluster().tasks.try_lock(row.held);
        const auto expected = [&](const std::string& before) {
            return end.empty() ? "OK" : before + end;
        };

        EXPECT_EQ(box.task("POST", vms, "vmid=101&scsi0=" + on + ":1"),
                  expected("unable to create VM 101 - "));
        EXPECT_EQ(box.task("POST", vm(100, "/clone"), "newid=102&full=1&storage=" + on),
                  expected("clone failed: "));
        EXPECT_EQ(box.task("POST", vm(100, "/move_disk"), "disk=scsi0&storage=" + on),
                  expected(""));
    }
}

}  // namespace
}  // namespace slipway::sandbox
