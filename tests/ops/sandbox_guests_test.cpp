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

std::string began_backup(Box& box, const std::string& form) {
    const std::string upid = box.data("POST", "/nodes/pve1/vzdump", form);
    box.sandbox->catch_up();
    return upid;
}

// A clone of the template that has an agent, and runs.
void run_clone(Box& box) {
    ASSERT_EQ(box.task("POST", vm(9000, "/clone"), "newid=100&full=1"), "OK");
    ASSERT_EQ(box.task("POST", vm(100, "/status/start")), "OK");
    box.clock.advance(10s);
    ASSERT_EQ(box.line("POST", vm(100, "/agent/ping")), "200 OK");
}

TEST(SandboxBackup, InModeStopTheVmRunsAgainAsItRanBefore) {
    Box box;
    run_clone(box);

    EXPECT_EQ(box.task("POST", "/nodes/pve1/vzdump", "vmid=100&mode=stop"), "OK");
    box.clock.advance(10s);

    EXPECT_EQ(box.line("POST", vm(100, "/agent/ping")), "200 OK");
    EXPECT_TRUE(box.data("GET", vm(100, "/status/current")).contains("nics"));
}

TEST(SandboxBackup, InModeStopTheVmRunsAlsoIfTheBackupIsStopped) {
    for (const auto after : {1s, 5s}) {
        Box box;
        run_clone(box);
        const std::string upid = began_backup(box, "vmid=100&mode=stop&bwlimit=10240");
        box.clock.advance(after);
        box.ask("DELETE", "/nodes/pve1/tasks/" + upid);

        EXPECT_EQ(box.end_of(upid), "interrupted by signal");

        EXPECT_EQ(box.data("GET", vm(100, "/status/current"))["qmpstatus"], "running");
        EXPECT_FALSE(box.data("GET", vm(100, "/config")).contains("lock"));
    }
}

TEST(SandboxBackup, AVmStartedDuringItsBackupIsAWholeOne) {
    Box box;
    ASSERT_EQ(box.task("POST", vm(9000, "/clone"), "newid=100&full=1"), "OK");
    const std::string upid = began_backup(box, "vmid=100&bwlimit=10240");
    box.clock.advance(5s);
    EXPECT_EQ(box.data("GET", vm(100, "/status/current"))["qmpstatus"], "prelaunch");

    EXPECT_EQ(box.task("POST", vm(100, "/status/start")), "OK");
    box.clock.advance(10s);

    EXPECT_EQ(box.line("POST", vm(100, "/agent/ping")), "200 OK");
    EXPECT_EQ(box.end_of(upid), "OK");
    EXPECT_EQ(box.data("GET", vm(100, "/status/current"))["qmpstatus"], "running");
}

TEST(SandboxBackup, AVmThatIsStoppedDuringItsBackupStaysSo) {
    Box box;
    run_clone(box);
    const std::string upid = began_backup(box, "vmid=100&mode=stop&bwlimit=102400");
    box.clock.advance(5s);
    box.sandbox->catch_up();
    box.sandbox->cluster().guests.at(100).run.reset();

    EXPECT_EQ(box.end_of(upid), "OK");

    EXPECT_EQ(box.data("GET", vm(100, "/status/current"))["status"], "stopped");
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
