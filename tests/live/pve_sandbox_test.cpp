// `slipway pve` against `slipway sandbox`, over TLS: two halves of one house that were written from
// the same documents, and what each does when the other lies, breaks off or goes away.

#include <gtest/gtest.h>

#include <regex>

#include "tests/live/sandbox_process.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// How long something took is another machine's business, and so is when it began.
std::string timeless(std::string output) {
    output = std::regex_replace(output, std::regex(" +[0-9]+\\.[0-9]s"), " 0.0s");
    output = std::regex_replace(output, std::regex("slipway-[0-9]{8}-[0-9]{6}"), "slipway-NOW");
    return std::regex_replace(output, std::regex("127\\.0\\.0\\.1:[0-9]+"), "HOST:PORT");
}

class PveSandbox : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(SlipwayProcess::missing())) GTEST_SKIP() << *why;
    }
    void start(const std::string& state = {}) {
        sandbox_ = std::make_unique<SandboxProcess>(state);
    }
    SandboxProcess& sandbox() { return *sandbox_; }

    SlipwayOptions pve(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "pve");
        return {.arguments = std::move(arguments),
                .environment = {"SLIPWAY_PROXMOX_ENDPOINTS=" + sandbox_->url(),
                                "SLIPWAY_PROXMOX_TOKEN=" + sandbox_->token(),
                                "SLIPWAY_PROXMOX_FINGERPRINT=" + sandbox_->fingerprint(),
                                "SLIPWAY_PVE_INTERVAL=100ms",
                                "SLIPWAY_PVE_RETRIES=2",
                                "SLIPWAY_PVE_RETRY_PAUSE=600ms",
                                "SLIPWAY_LOG_LEVEL=error"}};
    }
    // What is printed, and the exit code after it.
    std::string run(std::vector<std::string> arguments) {
        const Ended ended = run_slipway(pve(std::move(arguments)));
        EXPECT_EQ(ended.errors, "");
        return timeless(ended.output) + "exit code " + std::to_string(ended.exit_code) + "\n";
    }

  private:
    std::unique_ptr<SandboxProcess> sandbox_;
};

TEST_F(PveSandbox, TakesManyMachinesFromATemplateToABackup) {
    start();

    EXPECT_EQ(run({"vm", "clone", "pve1:9000", "--to", "101", "102"}),
              "pve1:101  qmclone     completed 0.0s         OK\n"
              "pve1:102  qmclone     completed 0.0s         OK\n"
              "2 completed, 0 failed, 0 timeout\nexit code 0\n");
    EXPECT_EQ(run({"vm", "start", "pve1:101", "pve1:102"}),
              "pve1:101  qmstart     completed 0.0s         OK\n"
              "pve1:102  qmstart     completed 0.0s         OK\n"
              "2 completed, 0 failed, 0 timeout\nexit code 0\n");
    EXPECT_EQ(run({"vm", "snapshot", "pve1:101"}),
              "pve1:101  qmsnapshot  completed 0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\nexit code 0\n");
    EXPECT_EQ(run({"vm", "backup", "pve1:101", "--storage", "local"}),
              "pve1:101  vzdump      completed 0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\nexit code 0\n");
    EXPECT_EQ(run({"vm", "start", "pve1:101", "pve1:999"}),
              "pve1:101              completed 0.0s         is running already\n"
              "pve1:999              failed 0.0s         there is no VM 999 on node pve1\n"
              "1 completed, 1 failed, 0 timeout\nexit code 1\n");
    EXPECT_EQ(run({"ct",
                   "create",
                   "pve1:300",
                   "--storage",
                   "local-lvm",
                   "--template",
                   "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"}),
              "pve1:300  vzcreate    completed 0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\nexit code 0\n");
}

TEST_F(PveSandbox, BelievesNeitherATaskThatLiesNorACallThatBrokeOff) {
    start(R"(
nodes: [{name: pve1}]
storages: [{name: local, content: [images]}]
guests:
  - {vmid: 100}
  - {vmid: 101}
  - {vmid: 9000, template: true, disk_gib: 1}
  - {vmid: 9001, template: true, disk_gib: 1}
misbehave:
  - {fault: task-lies, method: POST, path: /qemu/100/snapshot}
  - {fault: task-fails-late, method: POST, path: /qemu/101/snapshot}
  - {fault: 596, method: POST, path: /qemu/100/status/start}
  - {fault: reset-after, method: POST, path: /9000/clone}
  - {fault: reset-before, method: POST, path: /9001/clone}
)");

    EXPECT_EQ(run({"vm", "snapshot", "pve1:100"}),
              "pve1:100  qmsnapshot  failed 0.0s         the task says OK, but the list of "
              "snapshots does not hold slipway-NOW\n"
              "0 completed, 1 failed, 0 timeout\nexit code 1\n");
    EXPECT_EQ(run({"vm", "snapshot", "pve1:101"}),
              "pve1:101  qmsnapshot  failed 0.0s         command failed: exit code 1\n"
              "\nthe end of the log of pve1:101:\n"
              "    snapshotting 'drive-scsi0' (local:101/vm-101-disk-0.qcow2)\n"
              "    TASK ERROR: command failed: exit code 1\n"
              "\n0 completed, 1 failed, 0 timeout\nexit code 1\n");
    // Its answer is lost; the list of tasks holds one that can only be ours.
    EXPECT_EQ(run({"vm", "start", "pve1:100"}),
              "pve1:100  qmstart     completed 0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\nexit code 0\n");
    // The only endpoint is left alone for a second then; afterwards the list has it, and its log
    // the new number, for a clone's task names its source alone.
    EXPECT_EQ(run({"vm", "clone", "pve1:9000", "--to", "201"}),
              "pve1:201  qmclone     completed 0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\nexit code 0\n");
    // Here nothing began, which nobody can know.
    EXPECT_EQ(run({"vm", "clone", "pve1:9001", "--to", "202"}),
              "pve1:202              unknown 0.0s         POST /nodes/pve1/qemu/9001/clone: "
              "HOST:PORT: the connection was closed without an answer; looked for, but no such "
              "task is listed\n"
              "0 completed, 0 failed, 0 timeout, 1 unknown (they may be running; look with: "
              "slipway pve task list --running)\nexit code 1\n");
}

TEST_F(PveSandbox, CallsUnknownWhatItCouldNotWatchToItsEnd) {
    start(R"(
nodes: [{name: pve1}]
storages: [{name: local, content: [images]}]
guests: [{vmid: 9000, template: true, disk_gib: 100}]
)");
    SlipwayProcess clone(pve({"vm", "clone", "pve1:9000", "--full", "--to", "101"}));
    while (run({"task", "list", "--running"}).find("qmclone") == std::string::npos)
        ASSERT_TRUE(clone.running()) << clone.tail();

    sandbox().kill9();

    EXPECT_EQ(clone.wait(30s), 1) << clone.tail();
    EXPECT_NE(clone.output().find("0 completed, 0 failed, 0 timeout, 1 unknown"), std::string::npos)
        << clone.output();
}

}  // namespace
}  // namespace slipway
