// `slipway pve vm` and `ct`: what is asked of Proxmox, and what of its answers is believed.

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/ops/tiny_pve.h"

namespace slipway {
namespace {

TEST(PveVm, LooksStartsWatchesAndVerifies) {
    TinyPve pve;
    with_tasks(pve);
    const std::string upid = "{\"data\":\"" + start + "\"}";
    pve.answer("GET /nodes/pve1/qemu/100/status/current", R"({"data":{"status":"stopped"}})");
    pve.answer("GET /nodes/pve1/qemu/101/status/current", R"({"data":{"status":"running"}})");
    pve.answer("POST /nodes/pve1/qemu/100/status/start", upid);

    const Ended ended = pve.run({"vm", "start", "pve1:100", "pve1:101"});

    // The task says OK, and the VM is no more running than before: that is no success.
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_EQ(
        timeless(ended.output),
        "pve1:101              completed     0.0s         is running already\n"
        "pve1:100  qmstart     failed        0.0s         the task says OK, but the VM is stopped\n"
        "1 completed, 1 failed, 0 timeout\n");
}

// Whoever asks HA finds a task that ends at once, and the machine started later.
TEST(PveVm, FindsTheTaskOfHighAvailabilityToo) {
    TinyPve pve;
    const std::string ha = "UPID:pve1:000007E9:000953F9:6B0030A9:hastart:100:root@pam!slipway:";
    pve.fail("POST /nodes/pve1/qemu/100/status/start", "596 Broken pipe");
    pve.answer(tasks_of_100, listed({start}));
    pve.then(tasks_of_100, listed({ha, start}));
    pve.answer(task_path(ha, "status"), R"({"data":{"status":"stopped","exitstatus":"OK"}})");
    const std::string current = "GET /nodes/pve1/qemu/100/status/current";
    pve.answer(current, R"({"data":{"status":"stopped"}})");
    for (int look = 0; look < 5; ++look) pve.then(current, R"({"data":{"status":"stopped"}})");
    pve.then(current, R"({"data":{"status":"running"}})");

    const Ended ended = pve.run({"vm", "start", "pve1:100"});

    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_NE(ended.output.find("hastart     completed"), std::string::npos) << ended.output;
}

TEST(PveVm, SeesThatASnapshotIsInTheList) {
    TinyPve pve;
    with_tasks(pve);
    pve.answer("POST /nodes/pve1/qemu/100/snapshot", "{\"data\":\"" + start + "\"}");
    pve.answer("GET /nodes/pve1/qemu/100/snapshot",
               R"({"data":[{"name":"current"},{"name":"before"}]})");

    EXPECT_EQ(pve.run({"vm", "snapshot", "pve1:100", "--name", "before"}).exit_code, 0);
    const Ended missing = pve.run({"vm", "snapshot", "pve1:100", "--name", "after"});
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_NE(missing.output.find("the list of snapshots does not hold after"), std::string::npos);
    EXPECT_EQ(pve.run({"vm", "snapshot", "pve1:100", "--name", "current"}).exit_code, 2);
}

TEST(PveVm, KnowsThatOkFromVzdumpMeansNothingWasDone) {
    TinyPve pve;
    pve.answer("POST /nodes/pve1/vzdump", R"({"data":"OK"})");

    const Ended ended = pve.run({"vm", "backup", "pve1:100", "--storage", "nas"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("node pve1 has no machine 100: nothing was backed up"),
              std::string::npos)
        << ended.output;
}

TEST(PveVm, TakesNoOlderBackupForTheOneWhoseAnswerWasLost) {
    const std::string old = "UPID:pve1:000007E8:000953F2:6B0030A2:vzdump:100:root@pam!slipway:";
    const std::string fresh = "UPID:pve1:000007E9:000953F9:6B0030A9:vzdump:100:root@pam!slipway:";
    const std::string theirs = "UPID:pve1:000007EA:000953F9:6B0030A9:vzdump:100:joe@pam:";
    const std::string content = "GET /nodes/pve1/storage/nas/content?content=backup&vmid=100";
    TinyPve pve;
    pve.fail("POST /nodes/pve1/vzdump", "596 Broken pipe");
    pve.answer(tasks_of_100, listed({old}));
    pve.then(tasks_of_100, listed({theirs, old}));
    pve.answer(content, R"({"data":[{"volid":"nas:backup/old","ctime":1795174563}]})");

    const Ended lost = pve.run({"vm", "backup", "pve1:100", "--storage", "nas"});
    EXPECT_EQ(lost.exit_code, 1);
    EXPECT_NE(lost.output.find("looked for, but no such task is listed"), std::string::npos)
        << lost.output;
    EXPECT_NE(lost.output.find("0 completed, 0 failed, 0 timeout, 1 unknown"), std::string::npos);

    // Now it did begin; but what lies in the storage is older than the task.
    pve.answer(tasks_of_100, listed({old}));
    pve.then(tasks_of_100, listed({fresh, old}));
    pve.answer(task_path(fresh, "status"), R"({"data":{"status":"stopped","exitstatus":"OK"}})");
    const Ended no_backup = pve.run({"vm", "backup", "pve1:100", "--storage", "nas"});
    EXPECT_EQ(no_backup.exit_code, 1);
    EXPECT_NE(no_backup.output.find("storage nas holds no backup of it from that time"),
              std::string::npos)
        << no_backup.output;

    pve.answer(tasks_of_100, listed({old}));
    pve.then(tasks_of_100, listed({fresh, old}));
    pve.answer(content, R"({"data":[{"volid":"nas:backup/new","ctime":1795174570}]})");
    EXPECT_EQ(pve.run({"vm", "backup", "pve1:100", "--storage", "nas"}).exit_code, 0);
}

TEST(PveVm, TakesNoCloneWithALongerNumberForItsOwn) {
    TinyPve pve;
    with_tasks(pve);
    const std::string clone = "UPID:pve1:000007E9:000953F9:6B0030A9:qmclone:9000:root@pam!slipway:";
    const std::string log = task_path(clone, "log?start=0&limit=50");
    pve.fail("POST /nodes/pve1/qemu/9000/clone", "596 Broken pipe");
    pve.answer(tasks_of_9000, listed({failing}));
    pve.then(tasks_of_9000, listed({clone, failing}));
    pve.answer(task_path(clone, "status"), R"({"data":{"status":"stopped","exitstatus":"OK"}})");
    pve.answer("GET /nodes/pve1/qemu/201/config?current=1", R"({"data":{"name":"web"}})");
    pve.answer(log, R"({"data":[{"n":1,"t":"creating a clone of VM 9000 with ID 2010"}]})");

    EXPECT_EQ(pve.run({"vm", "clone", "pve1:9000", "--to", "201"}).exit_code, 1);

    pve.answer(tasks_of_9000, listed({failing}));
    pve.then(tasks_of_9000, listed({clone, failing}));
    pve.answer(log, R"({"data":[{"n":1,"t":"creating a clone of VM 9000 with ID 201"}]})");
    const Ended found = pve.run({"vm", "clone", "pve1:9000", "--to", "201"});
    EXPECT_EQ(found.exit_code, 0) << found.output;
}

TEST(PveVm, ClonesOneToMany) {
    TinyPve pve;
    with_tasks(pve);
    pve.answer("POST /nodes/pve1/qemu/9000/clone", "{\"data\":\"" + start + "\"}");
    pve.answer("GET /nodes/pve1/qemu/201/config?current=1", R"({"data":{"name":"web-201"}})");
    pve.answer("GET /nodes/pve1/qemu/202/config?current=1", R"({"data":{"lock":"clone"}})");

    const Ended ended =
        pve.run({"vm", "clone", "pve1:9000", "--to", "201", "202", "--name", "web", "--linked"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("VM 202 is locked (clone)"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("1 completed, 1 failed"), std::string::npos) << ended.output;
    EXPECT_EQ(pve.asked_with("POST /nodes/pve1/qemu/9000/clone"),
              "POST /nodes/pve1/qemu/9000/clone\r\nnewid=201&name=web-201&full=0");
}

TEST(PveCt, MakesAContainerWithoutItsPasswordOnTheCommandLine) {
    TinyPve pve;
    with_tasks(pve);
    pve.answer("POST /nodes/pve1/lxc", "{\"data\":\"" + start + "\"}");
    pve.answer("GET /nodes/pve1/lxc/300/status/current", R"({"data":{"status":"stopped"}})");
    const std::string file = ::testing::TempDir() + "pve-ct-password";
    std::FILE* out = std::fopen(file.c_str(), "w");
    std::fputs("hun ter2\n", out);
    std::fclose(out);

    const Ended ended = pve.run({"ct",
                                 "create",
                                 "pve1:300",
                                 "--storage",
                                 "nas",
                                 "--template",
                                 "local:vztmpl/debian.tar.zst",
                                 "--password-file",
                                 file});

    EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
    EXPECT_EQ(pve.asked_with("POST /nodes/pve1/lxc"),
              "POST /nodes/pve1/lxc\r\nostemplate=local%3Avztmpl%2Fdebian.tar.zst&rootfs=nas%3A8&"
              "cores=1&memory=512&password=hun%20ter2&start=0&unprivileged=1&vmid=300");
    EXPECT_EQ((ended.output + ended.errors).find("ter2"), std::string::npos);
}

// With 0 Proxmox would pull the plug at once.
TEST(PveVm, GivesAGuestASecondAtLeast) {
    TinyPve pve;
    with_tasks(pve);
    pve.answer("POST /nodes/pve1/qemu/100/status/shutdown", "{\"data\":\"" + start + "\"}");
    pve.answer("GET /nodes/pve1/qemu/100/status/current", R"({"data":{"status":"running"}})");
    pve.then("GET /nodes/pve1/qemu/100/status/current", R"({"data":{"status":"stopped"}})");

    const Ended ended =
        pve.run({"vm", "shutdown", "pve1:100", "--force", "--guest-timeout", "500ms"});

    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_NE(pve.asked_with("POST /nodes/pve1/qemu/100/status/shutdown").find("timeout=1&"),
              std::string::npos)
        << pve.asked_with("POST /nodes/pve1/qemu/100/status/shutdown");
}

// The others go on, and there is a summary for people and for programs.
TEST(PveVm, LetsOneMachineFailAlone) {
    TinyPve pve;
    with_tasks(pve);
    const std::string current = "GET /nodes/pve1/qemu/100/status/current";
    pve.answer("POST /nodes/pve1/qemu/100/status/start", "{\"data\":\"" + start + "\"}");
    pve.answer("GET /nodes/pve1/qemu/101/status/current", R"({"data":{"status":"running"}})");
    pve.answer(current, R"({"data":{"status":"stopped"}})");
    pve.then_fail(current,
                  "500 Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist");

    const Ended ended = pve.run({"vm", "start", "pve1:100", "pve1:101", "--json"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("but there is no VM 100 on node pve1"), std::string::npos)
        << ended.output << ended.errors;
    EXPECT_NE(ended.output.find(R"("completed":1,"failed":1)"), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace slipway
