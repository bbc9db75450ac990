// The sandbox as an object on a simulated clock: locks, time, misbehaviour, and that all of it can
// be repeated. What it answers is compared with real answers in tests/live/sandbox_replay_test.cpp.

#include <gtest/gtest.h>

#include "consumers/runtime/error.h"
#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

TEST(Sandbox, AVmLivesAndDies) {
    Box box;
    EXPECT_EQ(box.task("POST", vm(9000, "/clone"), "newid=100&name=web1"), "OK");
    EXPECT_EQ(box.task("PUT", vm(100, "/resize"), "disk=scsi0&size=10G"), "OK");
    EXPECT_EQ(box.task("POST", vm(100, "/status/start")), "OK");
    EXPECT_EQ(box.data("GET", vm(100, "/status/current"))["status"], "running");
    EXPECT_EQ(box.task("POST", vm(100, "/snapshot"), "snapname=before"), "OK");
    EXPECT_EQ(box.task("POST", "/nodes/pve1/vzdump", "vmid=100&storage=local"), "OK");
    EXPECT_EQ(box.line("DELETE", vm(100)), "500 VM 100 is running - destroy failed");
    EXPECT_EQ(box.task("POST", vm(100, "/status/shutdown")), "OK");
    EXPECT_EQ(box.task("POST", vm(100, "/migrate"), "target=pve2"), "migration aborted");
    EXPECT_EQ(box.task("DELETE", vm(100)), "OK");
    EXPECT_EQ(box.line("GET", vm(100, "/config")),
              "500 Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist");
}

TEST(Sandbox, WhoNeedsALockFileWaitsTenSecondsForIt) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    box.task("POST", vm(100, "/status/start"));
    const std::string shutdown = box.data("POST", vm(100, "/status/shutdown"), "timeout=100");
    const auto began = box.clock.since_boot();

    EXPECT_EQ(box.line("PUT", vm(100, "/config"), "description=x"),
              "500 can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout");

    EXPECT_GE(box.clock.since_boot() - began, 10s);
    EXPECT_LT(box.clock.since_boot() - began, 11s);
    EXPECT_EQ(box.end_of(shutdown), "VM quit/powerdown failed - got timeout");
}

TEST(Sandbox, ALockFileThatComesFreeInTimeIsTaken) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    box.task("POST", vm(100, "/status/start"));
    box.data("POST", vm(100, "/status/shutdown"), "timeout=4");

    EXPECT_EQ(box.line("PUT", vm(100, "/config"), "description=later"), "200 OK");

    EXPECT_EQ(box.data("GET", vm(100, "/config"))["description"], "later");
}

TEST(Sandbox, AStoppedCloneLeavesNothingBehind) {
    Box box;
    const std::string upid = box.data("POST", vm(9000, "/clone"), "newid=100&full=1&bwlimit=10240");
    box.clock.advance(20s);
    EXPECT_EQ(box.data("GET", vm(100, "/config"))["lock"], "clone");
    EXPECT_EQ(box.line("PUT", vm(100, "/config"), "cores=2"), "500 VM is locked (clone)");

    box.ask("DELETE", "/nodes/pve1/tasks/" + upid);

    EXPECT_TRUE(box.end_of(upid).ends_with("failed: interrupted by signal")) << box.end_of(upid);
    EXPECT_EQ(box.ask("GET", vm(100, "/config")).status, 500);
    EXPECT_EQ(box.data("GET", "/nodes/pve1/storage/local/content", "vmid=100"), Json::array());
    EXPECT_EQ(box.line("PUT", vm(9000, "/config"), "description=x"), "200 OK");
}

TEST(Sandbox, CopyingTakesTimeInProportionToSize) {
    const auto seconds_for = [](const std::string& size) {
        Box box;
        box.task("POST", vms, "vmid=100&scsi0=local:" + size);
        const auto began = box.clock.since_boot();
        EXPECT_EQ(box.task("POST", vm(100, "/clone"), "newid=101&full=1"), "OK");
        return std::chrono::duration<double>(box.clock.since_boot() - began).count();
    };

    EXPECT_NEAR(seconds_for("100") / seconds_for("10"), 10, 1);
}

TEST(Sandbox, CountersBeginAgainWithTheVm) {
    Box box;
    box.task("POST", vms, "vmid=100&net0=virtio,bridge%3Dvmbr0");
    box.task("POST", vm(100, "/status/start"));
    box.clock.advance(100s);
    const Json before = box.data("GET", vm(100, "/status/current"));
    box.task("POST", vm(100, "/status/stop"));
    box.task("POST", vm(100, "/status/start"));
    box.clock.advance(10s);
    const Json after = box.data("GET", vm(100, "/status/current"));

    EXPECT_GE(before["uptime"].get<int>(), 100);
    EXPECT_GT(before["netin"].get<std::int64_t>(), after["netin"].get<std::int64_t>());
    EXPECT_GT(after["netin"].get<std::int64_t>(), 0);
}

TEST(Sandbox, AStorageThatIsFullFailsTheCloneWhichCleansUp) {
    Box box;
    box.sandbox->cluster().storages.at("local").full = true;

    const std::string end = box.task("POST", vm(9000, "/clone"), "newid=100&full=1");

    EXPECT_TRUE(end.starts_with("clone failed: ")) << end;
    EXPECT_TRUE(end.ends_with("No space left on device")) << end;
    EXPECT_EQ(box.data("GET", "/cluster/nextid", "vmid=100"), "100");
}

TEST(Sandbox, ANodeThatFailsTakesItsTasksAlongAndLeavesTheirLocks) {
    Box box;
    const std::string upid = box.data("POST", vm(9000, "/clone"), "newid=100&full=1&bwlimit=10240");
    box.clock.advance(5s);
    box.sandbox->catch_up();

    box.sandbox->cluster().set_online("pve1", false);
    EXPECT_EQ(box.line("GET", vms), "595 No route to host");
    box.sandbox->cluster().set_online("pve1", true);

    EXPECT_EQ(box.end_of(upid), "unexpected status");
    EXPECT_EQ(box.data("GET", vm(100, "/config"))["lock"], "clone");
    EXPECT_EQ(box.task("DELETE", vm(100)), "VM is locked (clone)");
}

TEST(Sandbox, AClockThatIsWrongShowsInTheTasksOfItsNode) {
    Box box;
    box.sandbox->cluster().skew["pve1"] = 3600;
    const std::string upid = box.data("POST", vms, "vmid=100");

    const Json status = box.data("GET", "/nodes/pve1/tasks/" + upid + "/status");

    EXPECT_EQ(status["starttime"].get<std::int64_t>() - box.sandbox->cluster().epoch(), 3600);
}

TEST(Sandbox, TheSameSeedGivesTheSameAnswers) {
    const auto transcript = [](std::uint64_t seed) {
        Box box(default_state(), seed);
        box.sandbox->misbehaviour().by_seed(seed, 0.3);
        std::string text;
        for (int id = 100; id < 120; ++id) {
            text += box.task("POST", vm(9000, "/clone"), "newid=" + std::to_string(id)) + "\n";
            text += box.ask("GET", vm(id, "/config")).body + "\n";
            text += box.ask("GET", "/cluster/tasks").body + "\n";
        }
        return text;
    };

    EXPECT_EQ(transcript(7), transcript(7));
    EXPECT_NE(transcript(7), transcript(8));
}

struct Misbehaving {
    const char* fault;
    const char* answer;  // to the clone
    const char* end;     // of its task, if one was started
    bool happened;
};

TEST(Sandbox, MisbehavesByRule) {
    // clang-format off
    const Misbehaving table[] = {
        {"slow",            "200 OK",                        "OK",                               true},
        {"error-before",    "500 got timeout",               "",                                 false},
        {"error-after",     "500 can't lock file '/var/log/pve/tasks/.active.lock' - got timeout", "OK", true},
        {"595",             "595 Connection refused",        "",                                 false},
        {"596",             "596 Connection timed out",      "OK",                               true},
        {"597",             "597 Broken pipe",               "OK",                               true},
        {"599",             "599 Too many redirections",     "OK",                               true},
        {"reset-before",    "reset",                         "",                                 false},
        {"reset-after",     "reset",                         "OK",                               true},
        {"task-fails",      "200 OK",                        "command failed: exit code 1",      false},
        {"task-lies",       "200 OK",                        "OK",                               false},
        {"task-fails-late", "200 OK",                        "command failed: exit code 1",      true},
    };
    // clang-format on
    for (const Misbehaving& row : table) {
        SCOPED_TRACE(row.fault);
        Box box;
        box.sandbox->misbehaviour().add({.fault = *fault_named(row.fault),
                                         .method = "POST",
                                         .path = "/qemu/*/clone",
                                         .nth = 2});
        ASSERT_EQ(box.task("POST", vm(9000, "/clone"), "newid=100"), "OK");

        const auto began = box.clock.since_boot();
        const Answer answer = box.ask("POST", vm(9000, "/clone"), "newid=101");
        const bool took_its_time = box.clock.since_boot() - began >= 30s;
        box.clock.advance(60s);

        EXPECT_EQ(took_its_time, std::string(row.fault) == "slow");
        EXPECT_EQ(answer.connection == Connection::Reset
                      ? "reset"
                      : std::to_string(answer.status) + " " + answer.reason,
                  row.answer);
        EXPECT_EQ(box.ask("GET", vm(101, "/config")).status == 200, row.happened);
        const Json tasks = box.data("GET", "/nodes/pve1/tasks", "typefilter=qmclone");
        EXPECT_EQ(tasks.size() == 2 ? tasks[0]["status"] : "", row.end);
        EXPECT_EQ(box.task("POST", vm(9000, "/clone"), "newid=102"), "OK");
    }
}

TEST(Sandbox, MisbehavesTowardsACallThatHadToWaitForALock) {
    Box box;
    box.task("POST", vms, "vmid=100&scsi0=local:1");
    box.task("POST", vm(100, "/status/start"));
    box.sandbox->misbehaviour().add({.fault = Fault::BrokenRelay, .method = "PUT"});
    box.data("POST", vm(100, "/status/shutdown"), "timeout=4");

    EXPECT_EQ(box.line("PUT", vm(100, "/config"), "description=later"), "596 Connection timed out");

    EXPECT_EQ(box.data("GET", vm(100, "/config"))["description"], "later");
}

TEST(Sandbox, AStateFileThatIsWrongIsToldWhereAndWhat) {
    const auto problem = [](const std::string& yaml) {
        try {
            Box box(yaml);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("none");
    };

    EXPECT_EQ(problem("nodes:\n  - {name: a, cups: 3}\n"),
              "line 2: unknown key \"cups\"; there are bridges, cpus, ip, memory_gib, name, "
              "online, skew");
    EXPECT_EQ(problem("nodes: []\n"),
              "line 1: nodes is missing or empty; there must be one at least");
    EXPECT_EQ(problem("nodes: [{name: a}]\nmisbehave:\n  - {fault: odd}\n"),
              "line 3: there is no fault \"odd\"; there are slow, error-before, error-after, 595, "
              "596, 597, "
              "599, reset-before, reset-after, task-fails, task-lies, task-fails-late");
    EXPECT_EQ(problem("nodes: [{name: a}]\nstorages: [{name: local, content: [images]}]\nguests:\n"
                      "  - {vmid: 100}\n  - {vmid: 100}\n"),
              "line 5: there is a guest 100 already");
    EXPECT_EQ(problem("nodes: [{name: a, cpus: many}]\n"),
              "line 1: cpus has a value of the wrong kind");
    EXPECT_EQ(problem("nodes: [{name: a}]\ndns:\n  - {name: a, kind: bind}\n"),
              "line 3: there is no kind \"bind\"; there are powerdns, hestiacp, cloudflare");
    EXPECT_EQ(problem("nodes: [{name: a}]\ndns:\n  - {name: a, kind: powerdns}\n"
                      "  - {name: a, kind: hestiacp}\n"),
              "line 4: there is a DNS provider a already");
    EXPECT_EQ(problem(default_state()), "none");
}

}  // namespace
}  // namespace slipway::sandbox
