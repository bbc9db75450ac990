// `slipway pve` as people and scripts meet it: tasks, wrong use, and whom it believes.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/ops/tiny_pve.h"

namespace slipway {
namespace {

TEST(PveTask, WaitsAndSaysByItsExitCodeWhetherAllSucceeded) {
    TinyPve pve;
    with_tasks(pve);

    const Ended good = pve.run({"task", "wait", start});
    EXPECT_EQ(good.exit_code, 0) << good.errors;
    EXPECT_EQ(timeless(good.output),
              "pve1:100  qmstart     completed     0.0s         OK\n"
              "1 completed, 0 failed, 0 timeout\n");

    const Ended bad = pve.run({"task", "wait", start, failing});
    EXPECT_EQ(bad.exit_code, 1);
    EXPECT_NE(bad.output.find("    TASK ERROR: clone failed: no space\n"), std::string::npos);
    EXPECT_NE(bad.output.find("1 completed, 1 failed, 0 timeout"), std::string::npos) << bad.output;
    EXPECT_EQ(bad.errors, "");
}

TEST(PveTask, SaysHowToGoOnAfterATimeout) {
    TinyPve pve;
    pve.answer(task_path(start, "status"), R"({"data":{"status":"running"}})");
    pve.answer(task_path(start, "log?start=0&limit=500"), R"({"data":[],"total":0})");

    const Ended ended = pve.run({"task", "wait", start, "--timeout", "1s", "--json"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("still running; go on with: slipway pve task wait '" + start + "'"),
              std::string::npos)
        << ended.output;
    EXPECT_NE(ended.output.find("\"timeout\":1"), std::string::npos);
}

// The task goes on, and whoever pressed Ctrl-C learns how to find it again.
TEST(PveTask, SaysHowToGoOnWhenItIsInterrupted) {
    TinyPve pve;
    pve.answer(task_path(start, "status"), R"({"data":{"status":"running"}})");
    pve.answer(task_path(start, "log?start=0&limit=500"), R"({"data":[],"total":0})");

    for (const int signal : {SIGINT, SIGTERM}) {
        const auto before = pve.asked().size();
        SlipwayProcess waiting(
            {.arguments = {"pve", "task", "wait", start}, .environment = pve.environment()});
        while (pve.asked().size() < before + 3) ASSERT_TRUE(waiting.running()) << waiting.tail();
        ::kill(waiting.pid(), signal);

        EXPECT_EQ(waiting.wait(std::chrono::seconds(20)), 1) << waiting.tail();
        EXPECT_NE(waiting.output().find("0 completed, 0 failed, 0 timeout, 1 running\n"
                                        "they go on; slipway pve task wait '" +
                                        start + "'\n"),
                  std::string::npos)
            << waiting.output();
    }
}

TEST(PveTask, CallsUnknownWhatNobodySawBeforeItsTimeWasUp) {
    TinyPve pve;
    pve.hang(task_path(start, "status"));

    const Ended ended = pve.run({"task", "wait", start, "--timeout", "1s", "--json"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("not known whether it still runs ("), std::string::npos)
        << ended.output;
    EXPECT_NE(ended.output.find("\"timeout\":0,\"unknown\":1"), std::string::npos) << ended.output;
    const std::size_t elapsed = ended.output.find("\"elapsed_s\":") + 12;
    EXPECT_LT(std::stod(ended.output.substr(elapsed)), 10) << "and not after 35 s";
}

TEST(PveTask, TellsStatusAndLog) {
    TinyPve pve;
    with_tasks(pve);

    const Ended status = pve.run({"task", "status", failing});
    EXPECT_EQ(status.exit_code, 1);
    EXPECT_EQ(status.output, "clone failed: no space  " + failing + "\n");
    const Ended json = pve.run({"task", "status", start, "--json"});
    EXPECT_EQ(json.exit_code, 0);
    EXPECT_EQ(
        json.output,
        R"({"exit_status":"OK","id":"100","node":"pve1","running":false,)"
        R"("started":"2026-11-20T11:36:02.000000Z","succeeded":true,"type":"qmstart","upid":")" +
            start + R"(","user":"root@pam!slipway"})" + "\n");

    EXPECT_EQ(pve.run({"task", "log", failing}).output, "TASK ERROR: clone failed: no space\n");
    const Ended followed = pve.run({"task", "log", failing, "--follow", "--json"});
    EXPECT_EQ(followed.exit_code, 1);
    EXPECT_EQ(followed.output, "{\"n\":1,\"t\":\"TASK ERROR: clone failed: no space\"}\n");
}

TEST(PveTask, ListsTheNewestOfAllNodes) {
    TinyPve pve;
    pve.answer("GET /nodes", R"({"data":[{"node":"pve1","status":"online"},
        {"node":"pve3","status":"offline"},{"node":"pve2","status":"online"}]})");
    const std::string query = "/tasks?limit=2&source=all";
    pve.answer("GET /nodes/pve1" + query,
               R"({"data":[{"upid":")" + start + R"(","status":"OK","endtime":1795174565}]})");
    pve.answer("GET /nodes/pve2" + query, R"({"data":[{"upid":")" + failing + R"("}]})");

    const Ended listed = pve.run({"task", "list", "--limit", "2"});

    EXPECT_EQ(listed.exit_code, 0) << listed.errors;
    EXPECT_EQ(listed.output,
              "2026-11-20T11:36:03  qmclone     9000         root@pam!slipway               "
              "running    " +
                  failing +
                  "\n"
                  "2026-11-20T11:36:02  qmstart     100          root@pam!slipway         3.0s  "
                  "OK         " +
                  start + "\n");
    EXPECT_EQ(listed.errors, "slipway: node pve3 is offline; its tasks are not shown\n");
}

TEST(PveTask, ListsWhatItCanWhenOneNodeFails) {
    TinyPve pve;
    pve.answer("GET /nodes",
               R"({"data":[{"node":"pve2","status":"online"},{"node":"pve1","status":"online"}]})");
    pve.fail("GET /nodes/pve2/tasks?limit=10&source=all", "595 No route to host");
    pve.answer("GET /nodes/pve1/tasks?limit=10&source=all", listed({start}));

    const Ended ended = pve.run({"task", "list"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find(start), std::string::npos) << ended.output;
    EXPECT_NE(ended.errors.find("slipway: the tasks of node pve2 are not shown: GET "
                                "/nodes/pve2/tasks: 595 No route to host\n"),
              std::string::npos)
        << ended.errors;
}

TEST(PveTask, RefusesToListWhatCannotBeMeant) {
    TinyPve pve;
    const std::vector<std::string> rows[] = {
        {"--vmid", "0"}, {"--vmid", "-5"}, {"--errors", "--running"}};
    for (std::vector<std::string> row : rows) {
        row.insert(row.begin(), {"task", "list"});
        const Ended ended = pve.run(row);
        EXPECT_EQ(ended.exit_code, 2) << ended.errors;
        EXPECT_NE(ended.errors.find(row[2]), std::string::npos) << ended.errors;
    }
    EXPECT_TRUE(pve.asked().empty());
}

// A network that is away for a moment ends no following, and prints no line twice.
TEST(PveTask, FollowsALogAcrossFailures) {
    TinyPve pve;
    const std::string status = task_path(start, "status");
    pve.answer(status, R"({"data":{"status":"running"}})");
    pve.then_fail(status, "596 Broken pipe");
    pve.then_fail(status, "595 No route to host");
    pve.then(status, R"({"data":{"status":"stopped","exitstatus":"OK"}})");
    pve.answer(task_path(start, "log?start=0&limit=0"),
               R"({"data":[{"n":1,"t":"one"}],"total":1})");
    pve.answer(task_path(start, "log?start=1&limit=0"),
               R"({"data":[{"n":2,"t":"TASK OK"}],"total":2})");

    const Ended ended = pve.run({"task", "log", start, "--follow"});

    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "one\nTASK OK\n");
    EXPECT_NE(ended.errors.find("595 No route to host; asking again\n"), std::string::npos)
        << ended.errors;

    pve.fail(status, "595 No route to host");
    EXPECT_EQ(pve.run({"task", "log", start, "--follow"}).exit_code, 1) << "not for ever";
}

TEST(PveTask, StopsAllThatItCanOrNoneAtAll) {
    TinyPve pve;
    with_tasks(pve);
    const std::string stop_it = "DELETE /nodes/pve1/tasks/" + encoded(start);

    EXPECT_EQ(pve.run({"task", "stop", start, "foo"}).exit_code, 2);
    EXPECT_TRUE(pve.asked().empty());

    // The first cannot be stopped, the second is.
    pve.answer(stop_it, R"({"data":null})");
    const Ended ended = pve.run({"task", "stop", failing, start});
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_EQ(ended.output, "OK  " + start + "\n");
    EXPECT_NE(ended.errors.find("not implemented"), std::string::npos) << ended.errors;

    pve.answer(task_path(start, "status"), R"({"data":{"status":"running"}})");
    const Ended unimpressed = pve.run({"task", "stop", start});
    EXPECT_EQ(unimpressed.exit_code, 1);
    EXPECT_EQ(unimpressed.output, "still running  " + start + "\n");
}

TEST(PveTask, RefusesWhatIsNoUpidBeforeItAsksAnybody) {
    TinyPve pve;
    const Ended ended =
        pve.run({"task", "wait", "UPID:pve1:00001234:12345678:qmstart:100:root@pam:"});

    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_NE(ended.errors.find("it has no pstart"), std::string::npos) << ended.errors;
    EXPECT_TRUE(pve.asked().empty());
}

TEST(Pve, SaysWhatIsWrongWithWordsThatHelp) {
    TinyPve pve;
    EXPECT_NE(pve.run({"vm", "start", "pve1"}).errors.find("is not NODE:VMID, such as pve1:100"),
              std::string::npos);
    EXPECT_NE(
        run_slipway({.arguments = {"pve", "task", "list"}}).errors.find("no endpoint is given"),
        std::string::npos);
    const Ended forbidden =
        run_slipway({.arguments = {"pve", "task", "list"},
                     .environment = {pve.environment()[0],
                                     "SLIPWAY_PROXMOX_TOKEN=root@pam!a=other-secret",
                                     pve.environment()[2]}});
    EXPECT_EQ(forbidden.exit_code, 1);
    EXPECT_NE(forbidden.errors.find("GET /nodes: 401 No ticket"), std::string::npos)
        << forbidden.errors;
    EXPECT_EQ(forbidden.errors.find("secret"), std::string::npos);

    const Ended stranger =
        run_slipway({.arguments = {"pve", "task", "list"},
                     .environment = {pve.environment()[0],
                                     pve.environment()[1],
                                     "SLIPWAY_PROXMOX_FINGERPRINT=" + std::string(64, 'a')}});
    EXPECT_EQ(stranger.exit_code, 1);
    EXPECT_NE(stranger.errors.find("has the SHA-256 fingerprint"), std::string::npos)
        << stranger.errors;
}

TEST(Pve, RefusesWhatIsNoNodeBeforeItAsksAnybody) {
    TinyPve pve;
    const std::vector<std::string> rows[] = {
        {"vm", "start", "..:100"},
        {"vm", "start", "pve1/qemu/9:100"},
        {"task", "list", "--node", ".."},
        {"vm", "clone", "pve1:9000", "--to", "201", "--target", "pve 2"},
    };
    for (const auto& row : rows) {
        const Ended ended = pve.run(row);
        EXPECT_EQ(ended.exit_code, 2) << ended.errors;
        EXPECT_NE(ended.errors.find(", such as pve1"), std::string::npos) << ended.errors;
    }
    EXPECT_TRUE(pve.asked().empty());
}

TEST(Pve, RefusesTimesThatNobodyCanMean) {
    TinyPve pve;
    const struct {
        std::vector<std::string> arguments;
        std::string said;
    } rows[] = {
        {{"task", "wait", start, "--timeout", "0s"},
         "--timeout: \"0s\" is no duration from 1s to 7d, such as 500ms, 30s, 2h"},
        {{"task", "wait", start, "--timeout", "30"}, "--timeout: \"30\" is no duration"},
        {{"task", "wait", start, "--interval", "1ms"},
         "--interval: \"1ms\" is no duration from 100ms to 1m"},
        {{"task", "log", start, "--follow", "--interval", "2h"},
         "--interval: \"2h\" is no duration from 100ms to 1m"},
        {{"vm", "shutdown", "pve1:100", "--guest-timeout", "8d"},
         "--guest-timeout: \"8d\" is no duration from 0s to 7d"},
        {{"task", "list", "--since", "999999999d"}, "\"999999999d\" is neither a duration"},
    };
    for (const auto& row : rows) {
        const Ended ended = pve.run(row.arguments);
        EXPECT_EQ(ended.exit_code, 2) << row.said;
        EXPECT_NE(ended.errors.find(row.said), std::string::npos) << ended.errors;
    }
    EXPECT_TRUE(pve.asked().empty());
}

TEST(Pve, WarnsLoudlyWhenItBelievesAnybody) {
    TinyPve pve;
    pve.answer("GET /nodes", R"({"data":[]})");
    const Ended ended = run_slipway(
        {.arguments = {"pve", "task", "list"},
         .environment = {
             pve.environment()[0], pve.environment()[1], "SLIPWAY_PROXMOX_VERIFY=false"}});

    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_NE(ended.errors.find("certificates are NOT verified"), std::string::npos)
        << ended.errors;
}

}  // namespace
}  // namespace slipway
