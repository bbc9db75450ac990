// Guests that are backed up, restored, migrated and rolled back, and the locks of the storages they
// lie on.

#include <gtest/gtest.h>

#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

std::string content(const std::string& node, const std::string& storage) {
    return "/nodes/" + node + "/storage/" + storage + "/content";
}

std::string began_backup(Box& box, const std::string& form) {
    std::string upid = box.data("POST", "/nodes/pve1/vzdump", form);
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

TEST(SandboxRestore, AVmOnAnotherNodeIsLeftAlone) {
    Box box;
    box.task("POST", "/nodes/pve2/qemu", "vmid=310&scsi0=shared:1");
    box.task("POST", "/nodes/pve2/vzdump", "vmid=310&storage=shared");
    const std::string archive =
        box.data("GET", content("pve1", "shared"), "content=backup")[0]["volid"];

    EXPECT_EQ(box.line("POST", vms, "vmid=310&force=1&archive=" + archive),
              "500 unable to restore VM 310 - VM 310 already exists on node 'pve2'");
    EXPECT_EQ(box.task("POST", "/nodes/pve2/qemu", "vmid=310&force=1&archive=" + archive), "OK");
}

TEST(SandboxRestore, TakesRightsAndJoinsThePool) {
    Box box(default_state() + R"(users:
  - {id: joe@pve, tokens: [{name: t, secret: s, privsep: false}],
     rights: [{path: /vms, role: PVEVMUser}, {path: /pool/web, role: PVEVMAdmin}]}
)");
    box.ask("POST", "/pools", "poolid=web");
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    box.task("POST", "/nodes/pve1/vzdump", "vmid=100");
    const std::string archive =
        box.data("GET", content("pve1", "local"), "content=backup")[0]["volid"];
    const std::string restore = "vmid=101&pool=web&archive=" + archive;
    const std::string roots = std::exchange(box.token, "joe@pve!t=s");

    EXPECT_EQ(box.line("POST", vms, restore + "&storage=local"),
              "403 Permission check failed (/storage/local, Datastore.AllocateSpace)");
    EXPECT_EQ(box.line("POST", vms, restore + "&cores=4"),
              "403 Permission check failed (/vms/101, VM.Config.CPU)");

    box.token = roots;
    EXPECT_EQ(box.task("POST", vms, restore), "OK");
    EXPECT_EQ(box.sandbox->cluster().pool_of(101), "web");
}

TEST(SandboxMigration, TakesBackWhatItCopiedAndNothingElse) {
    Box box;
    Cluster& cluster = box.sandbox->cluster();
    const std::string iso = "local:iso/a.iso";
    for (const char* node : {"pve1", "pve2"})
        cluster.volumes_of(cluster.storage("local"), node)["iso/a.iso"] = {.content = "iso"};
    box.task("POST", vms, "vmid=100&scsi0=local:1&ide2=" + iso + ",media%3Dcdrom");
    box.task("POST", vms, "vmid=101&scsi0=local:1");

    EXPECT_EQ(box.task("POST", vm(100, "/migrate"), "target=pve2"), "migration aborted");
    const std::string upid =
        box.data("POST", vm(101, "/migrate"), "target=pve2&targetstorage=shared&bwlimit=10240");
    box.clock.advance(10s);
    EXPECT_EQ(box.data("GET", content("pve2", "shared"), "vmid=101").size(), 1);
    box.ask("DELETE", "/nodes/pve1/tasks/" + upid);
    EXPECT_EQ(box.end_of(upid), "migration aborted");

    EXPECT_TRUE(cluster.find_volume(iso, "pve2"));
    EXPECT_EQ(box.data("GET", content("pve2", "shared"), "vmid=101"), Json::array());
    EXPECT_EQ(box.data("GET", content("pve1", "local"), "vmid=101").size(), 1);
}

TEST(SandboxMigration, CarriesUnusedDisksToo) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1&scsi1=local:1");
    box.ask("PUT", vm(100, "/config"), "delete=scsi1");

    EXPECT_EQ(box.task("POST", vm(100, "/migrate"), "target=pve2"), "OK");

    EXPECT_EQ(box.data("GET", "/nodes/pve2/qemu/100/config")["unused0"],
              "local:100/vm-100-disk-1.raw");
    EXPECT_EQ(box.data("GET", content("pve2", "local"), "vmid=100").size(), 2);
    EXPECT_EQ(box.data("GET", content("pve1", "local"), "vmid=100"), Json::array());
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
