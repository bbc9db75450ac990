// Tasks that are stopped, are killed, or lose under their hands what they work on: they end alone,
// and give back what they took.

#include <gtest/gtest.h>

#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

const std::string on_local = "/nodes/pve1/storage/local/content";

std::string ended(Box& box, const std::string& upid) {
    box.ask("DELETE", "/nodes/pve1/tasks/" + upid);
    return box.end_of(upid);
}

Work mistaken(Worker& worker) {
    co_await worker.spend(1s);
    throw std::out_of_range("no such key");
}

Work holding(Worker& worker, LockMode mode) {
    const Hold hold = co_await worker.lock("file", 60s, mode);
    co_await worker.spend(10s);
}

TEST(SandboxStopped, AMistakeEndsItsOwnTask) {
    Box box;
    Task& task = box.sandbox->cluster().tasks.start({.upid = "UPID:x"}, mistaken);

    EXPECT_EQ(box.end_of(task.upid), "no such key");
}

TEST(SandboxStopped, ALockFileGoesWithWhoWasKilledBeforeHeCouldUseIt) {
    Tasks tasks(1);
    const auto start = [&](const char* upid, LockMode mode) -> Task& {
        return tasks.start({.upid = upid}, [&](Worker& w) { return holding(w, mode); });
    };
    Task& first = start("1", LockMode::Shared);
    Task& second = start("2", LockMode::Exclusive);
    Task& third = start("3", LockMode::Shared);

    tasks.kill(second);  // the third waited behind it alone
    tasks.run_until(1s, [](Moment) {});
    EXPECT_EQ(third.log.back(), " OK");
    Task& fourth = start("4", LockMode::Exclusive);
    tasks.stop(first);
    tasks.stop(third);
    tasks.kill(fourth);

    EXPECT_FALSE(tasks.is_locked("file"));
}

TEST(SandboxStopped, ARestoreOntoAVmThatIsBeingDestroyedFails) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    ASSERT_EQ(box.task("POST", "/nodes/pve1/vzdump", "vmid=100"), "OK");
    const std::string archive = box.data("GET", on_local, "content=backup")[0]["volid"];
    box.data("DELETE", vm(100));

    EXPECT_EQ(box.task("POST", vms, "vmid=100&force=1&archive=" + archive),
              "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist");
}

TEST(SandboxStopped, AVolumeThatGoesMeanwhileIsMissed) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1,format%3Dqcow2");
    const std::string disk = "local:100/vm-100-disk-0.qcow2";
    const std::string missing = "volume '" + disk + "' does not exist";

    const std::string resize = box.data("PUT", vm(100, "/resize"), "disk=scsi0&size=2G");
    box.data("DELETE", on_local + "/" + disk);
    EXPECT_EQ(box.end_of(resize), missing);
    EXPECT_EQ(box.task("POST", vm(100, "/move_disk"), "disk=scsi0&storage=shared"), missing);
    EXPECT_EQ(box.task("POST", vm(100, "/template")), missing);

    box.task("POST", vms, "vmid=101&scsi0=local:1");
    const std::string move =
        box.data("POST", vm(101, "/move_disk"), "disk=scsi0&storage=shared&bwlimit=10240");
    box.task("DELETE", "/nodes/pve1/storage/shared/content/shared:101/vm-101-disk-0.raw");
    EXPECT_EQ(box.end_of(move),
              "storage migration failed: volume 'shared:101/vm-101-disk-0.raw' does not exist");

    const std::string base = "local:9000/base-9000-disk-0.qcow2";
    EXPECT_EQ(box.task("DELETE", on_local + "/" + base), "OK");
    EXPECT_EQ(box.task("POST", vm(9000, "/clone"), "newid=102"),
              "clone failed: volume '" + base + "' does not exist");
}

TEST(SandboxStopped, ABaseThatIsClonedWhileItIsToGoStays) {
    Box box;
    const std::string base = "local:9000/base-9000-disk-0.qcow2";
    const std::string removal = box.data("DELETE", on_local + "/" + base);

    EXPECT_EQ(box.task("POST", vm(9000, "/clone"), "newid=100"), "OK");

    EXPECT_EQ(box.end_of(removal),
              "base volume '9000/base-9000-disk-0.qcow2' is still in use by linked cloned");
}

TEST(SandboxStopped, ABackupWhoseGuestOrStorageGoesFails) {
    Box box;
    ASSERT_EQ(box.line("POST", "/storage", "storage=more&type=dir&path=/more&content=backup"),
              "200 OK");
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    box.task("POST", vms, "vmid=101&scsi0=local:1");
    const auto began = [&](const std::string& form) -> std::string {
        std::string upid = box.data("POST", "/nodes/pve1/vzdump", form + "&bwlimit=102400");
        box.clock.advance(3s);
        return upid;
    };

    const std::string of_guest = began("vmid=100");
    box.sandbox->cluster().guests.erase(100);
    EXPECT_EQ(box.end_of(of_guest), "OK");  // what was read is there
    const std::string on_storage = began("vmid=101&storage=more&mode=stop");
    box.ask("DELETE", "/storage/more");
    EXPECT_EQ(box.end_of(on_storage), "job errors");
}

TEST(SandboxStopped, ASnapshotLeavesNoTrace) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1,format%3Dqcow2");
    const std::string upid = box.data("POST", vm(100, "/snapshot"), "snapname=before");

    EXPECT_EQ(ended(box, upid), "received interrupt");

    EXPECT_EQ(box.data("GET", vm(100, "/snapshot")).size(), 1);
    EXPECT_FALSE(box.data("GET", vm(100, "/config")).contains("lock"));
}

TEST(SandboxStopped, ACreatedContainerLeavesNoDisk) {
    Box box;
    const std::string upid = box.data(
        "POST",
        "/nodes/pve1/lxc",
        "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local:4");
    box.clock.advance(1s);

    EXPECT_EQ(ended(box, upid), "unable to create CT 100 - received interrupt");

    EXPECT_EQ(box.data("GET", on_local, "vmid=100"), Json::array());
}

TEST(SandboxStopped, ACloneThatHasAllocatedOnlyLeavesNoDisk) {
    Box box;
    const std::string upid =
        box.data("POST", vm(9000, "/clone"), "newid=100&full=1&storage=shared");
    box.clock.advance(70ms);  // the drive for cloud-init took 50
    box.sandbox->catch_up();

    EXPECT_EQ(ended(box, upid), "clone failed: interrupted by signal");

    EXPECT_EQ(box.data("GET", "/nodes/pve1/storage/shared/content", "vmid=100"), Json::array());
}

TEST(SandboxStopped, AGuestIsInAPoolOnceItIsWhole) {
    Box box;
    box.ask("POST", "/pools", "poolid=web");
    const auto members = [&] { return box.sandbox->cluster().pools.at("web").guests; };

    box.sandbox->cluster().storages.at("local").full = true;
    box.task("POST", vms, "vmid=100&scsi0=local:1&pool=web");
    box.task("POST", vm(9000, "/clone"), "newid=101&full=1&pool=web");
    EXPECT_EQ(members(), std::set<int>());
    box.sandbox->cluster().storages.at("local").full = false;

    box.task("POST", vms, "vmid=100&scsi0=local:1&pool=web");
    box.task("POST", vm(9000, "/clone"), "newid=101&full=1&pool=web");
    EXPECT_EQ(members(), (std::set<int>{100, 101}));
}

}  // namespace
}  // namespace slipway::sandbox
