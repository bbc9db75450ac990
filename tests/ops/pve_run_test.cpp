// Many tasks at once: how many run at a time, what each comes to, and that nothing is started twice
// or called failed that nobody could see.

#include "ops/slipway/pve_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "ops/slipway/pve_report.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

std::string upid_of(int vmid, const std::string& type = "qmstart") {
    return fmt::format(
        "UPID:pve1:{:08X}:000953F2:6B0030A2:{}:{}:root@pam!slipway:", vmid, type, vmid);
}

struct NodeTask {
    std::chrono::seconds takes{3};
    std::string exit_status = "OK";
    std::chrono::nanoseconds began{0};
};

// A node with tasks that take their time, by the simulated clock.
class Node final : public Http {
  public:
    HttpAnswer send(const HttpRequest& request) override {
        if (away_until > clock.since_boot()) throw HttpError(Sent::Unknown, "no answer");
        for (const auto& [upid, task] : tasks) {
            if (request.url.find(percent_encoded(upid)) == std::string::npos) continue;
            return request.url.find("/log") != std::string::npos ? log(task) : status(task);
        }
        return {.status = 400, .body = R"({"errors":{"upid":"no such task"},"data":null})"};
    }

    Upid start(int vmid, NodeTask task = {}) {
        task.began = clock.since_boot();
        tasks[upid_of(vmid)] = task;
        most_running = std::max(most_running, running());
        return parse_upid(upid_of(vmid));
    }

    SimClock clock = {};
    std::map<std::string, NodeTask> tasks = {};
    std::chrono::nanoseconds away_until{0};
    int most_running = 0;

  private:
    bool is_over(const NodeTask& task) const {
        return clock.since_boot() - task.began >= task.takes;
    }
    int running() const {
        int count = 0;
        for (const auto& [upid, task] : tasks) count += is_over(task) ? 0 : 1;
        return count;
    }
    HttpAnswer status(const NodeTask& task) const {
        return {.status = 200,
                .body = is_over(task) ? R"({"data":{"status":"stopped","exitstatus":")" +
                                            task.exit_status + R"("}})"
                                      : R"({"data":{"status":"running"}})"};
    }
    HttpAnswer log(const NodeTask& task) const {
        return {
            .status = 200,
            .body = is_over(task)
                        ? R"({"data":[{"n":1,"t":"TASK ERROR: )" + task.exit_status +
                              R"("}],"total":1})"
                        : R"x({"data":[{"n":1,"t":"transferred 1 of 2 (50.00%)"}],"total":1})x"};
    }
};

struct Bench {
    Node node = {};
    ProxmoxCluster cluster{
        node, node.clock, {.endpoints = {"https://pve1:8006"}, .token = "root@pam!a=b"}};
    std::vector<std::string> seen = {};  // the table, whenever it changed
    std::chrono::nanoseconds stop_at = std::chrono::nanoseconds::max();

    std::vector<ActionState> run(std::vector<PveAction> actions, RunSettings settings = {}) {
        PveRun run({cluster},
                   settings,
                   {.pause =
                        [&](std::chrono::milliseconds time) {
                            node.clock.advance(time);
                            return node.clock.since_boot() < stop_at;
                        },
                    .show =
                        [&](const std::vector<ActionState>& states) {
                            for (const ActionState& state : states)
                                if (state.percent && state.outcome == Outcome::Running)
                                    seen.push_back(state.subject);
                        }});
        return run.run(std::move(actions));
    }

    PveAction starting(int vmid, const NodeTask& task = {}) {
        return {.subject = fmt::format("pve1:{}", vmid),
                .limit = 5min,
                .start = [this, vmid, task]() -> Started { return node.start(vmid, task); }};
    }
};

std::string shown(const std::vector<ActionState>& states) {
    std::string out;
    for (const std::string& line : table_lines(states)) out += line + "\n";
    return out;
}

TEST(PveRun, StartsNoMoreThanItMayAndWatchesAll) {
    Bench bench;
    std::vector<PveAction> actions;
    for (int vmid = 100; vmid < 110; ++vmid) actions.push_back(bench.starting(vmid));

    const auto states = bench.run(actions, {.at_once = 3});

    EXPECT_EQ(bench.node.most_running, 3);
    EXPECT_EQ(exit_code(states), 0);
    for (const ActionState& state : states) EXPECT_EQ(state.outcome, Outcome::Completed);
    EXPECT_FALSE(bench.seen.empty()) << "progress is read";
}

TEST(PveRun, TellsApartWhatBecameOfThem) {
    Bench bench;
    PveAction unverified = bench.starting(102);
    unverified.verify = [](const Upid&) { return std::string("the list does not hold it"); };
    PveAction vanished = bench.starting(107);
    vanished.verify = [](const Upid&) -> std::string {
        throw Error("there is no VM 107 on node pve1");
    };
    PveAction unseen = bench.starting(108);
    unseen.verify = [](const Upid&) -> std::string {
        throw ProxmoxError(
            {.fault = Fault::Forbidden, .request = "GET /x", .status = 403, .text = "no"});
    };
    PveAction refused = bench.starting(104);
    refused.start = []() -> Started {
        throw ProxmoxError(
            {.fault = Fault::Refused, .request = "POST /x", .status = 500, .text = "no"});
    };
    PveAction already = bench.starting(105);
    already.start = []() -> Started { return AlreadySo{"is running already"}; };
    PveAction endless = bench.starting(106, {.takes = 24h});
    endless.limit = 10s;

    const auto states = bench.run({bench.starting(100),
                                   bench.starting(101, {.exit_status = "start failed: no"}),
                                   unverified,
                                   bench.starting(103, {.exit_status = "WARNINGS: 2"}),
                                   refused,
                                   already,
                                   endless,
                                   vanished,
                                   unseen},
                                  {.at_once = 10});

    EXPECT_EQ(shown(states),
              "pve1:100  qmstart     completed     3.0s         OK\n"
              "pve1:101  qmstart     failed        3.0s         start failed: no\n"
              "pve1:102  qmstart     failed        3.0s         the task says OK, but the list "
              "does not hold it\n"
              "pve1:103  qmstart     completed     3.0s         WARNINGS: 2\n"
              "pve1:104              failed        0.0s         POST /x: 500 no\n"
              "pve1:105              completed     0.0s         is running already\n"
              "pve1:106  qmstart     timeout      10.0s         still running; go on with: slipway "
              "pve task wait '" +
                  upid_of(106) +
                  "'\n"
                  "pve1:107  qmstart     failed        3.0s         the task says OK, but there is "
                  "no VM 107 on node pve1\n"
                  "pve1:108  qmstart     unknown       3.0s         GET /x: 403 no\n");
    EXPECT_EQ(summary(states),
              "\nthe end of the log of pve1:101:\n    TASK ERROR: start failed: no\n"
              "\n3 completed, 4 failed, 1 timeout, 1 unknown (they may be running; look with: "
              "slipway pve task list --running)\n");
    EXPECT_EQ(exit_code(states), 1);
}

TEST(PveRun, AsksAgainWhenTheNetworkIsAway) {
    Bench bench;
    PveAction action = bench.starting(100);
    action.start = [&]() -> Started {
        const Upid upid = bench.node.start(100);
        bench.node.away_until = bench.node.clock.since_boot() + 12s;
        return upid;
    };

    const auto states = bench.run({action});

    EXPECT_EQ(states.at(0).outcome, Outcome::Completed) << states.at(0).text;
    EXPECT_GE(states.at(0).elapsed, 15s) << "three pauses of five seconds";
}

TEST(PveRun, CallsUnknownWhatItCannotSee) {
    Bench bench;
    PveAction action = bench.starting(100);
    action.start = [&]() -> Started {
        const Upid upid = bench.node.start(100);
        bench.node.away_until = bench.node.clock.since_boot() + 24h;
        return upid;
    };

    const auto states = bench.run({action});

    EXPECT_EQ(states.at(0).outcome, Outcome::Unknown);
    EXPECT_LT(states.at(0).elapsed, 17s);
    EXPECT_NE(states.at(0).text.find("no answer"), std::string::npos) << states.at(0).text;
    EXPECT_NE(summary(states).find("1 unknown (they may be running"), std::string::npos);
    EXPECT_EQ(exit_code(states), 1);
}

TEST(PveRun, CallsUnknownWhatItsNodeHasForgotten) {
    Bench bench;
    PveAction action = bench.starting(100);
    action.start = []() -> Started { return parse_upid(upid_of(100)); };

    const auto states = bench.run({action}, {.retries = 1});

    EXPECT_EQ(states.at(0).outcome, Outcome::Unknown);
    EXPECT_EQ(states.at(0).text, "node pve1 knows no such task (any more)");
}

// A start whose answer was lost is looked for, not sent again.
TEST(PveRun, LooksForWhatMayHaveBegun) {
    const auto lost = []() -> Started {
        throw ProxmoxError({.fault = Fault::Unknown, .request = "POST /x", .text = "reset"});
    };
    Bench bench;
    PveAction found = bench.starting(100);
    found.start = lost;
    int looks = 0;
    found.find_started = [&]() -> std::optional<Upid> {
        // Its node is away, and then the list lags behind.
        if (++looks == 1)
            throw ProxmoxError(
                {.fault = Fault::NotExecuted, .request = "GET /x", .text = "nobody there"});
        return looks == 2 ? std::nullopt : std::optional(bench.node.start(100));
    };
    PveAction not_found = bench.starting(101);
    not_found.start = lost;
    not_found.find_started = []() -> std::optional<Upid> { return std::nullopt; };

    PveAction blind = bench.starting(102);
    blind.start = lost;

    const auto states = bench.run({found, not_found, blind});

    EXPECT_EQ(shown(states),
              "pve1:100  qmstart     completed    13.0s         OK\n"
              "pve1:101              unknown      15.0s         POST /x: reset; looked for, but no "
              "such task is listed\n"
              "pve1:102              unknown       0.0s         POST /x: reset\n");
    EXPECT_EQ(looks, 3);
}

// What is lost on the way to a look has begun nothing.
TEST(PveRun, LooksAgainBeforeItStarts) {
    Bench bench;
    int looks = 0;
    PveAction action = bench.starting(100);
    action.look_first = [&]() -> std::optional<AlreadySo> {
        if (++looks < 3)
            throw ProxmoxError({.fault = Fault::Unknown, .request = "GET /x", .text = "reset"});
        return std::nullopt;
    };

    EXPECT_EQ(bench.run({action}).at(0).outcome, Outcome::Completed);

    looks = -100;
    const auto states = bench.run({action});
    EXPECT_EQ(states.at(0).outcome, Outcome::Failed) << "and not unknown";
    EXPECT_EQ(states.at(0).text, "GET /x: reset");
}

TEST(PveRun, StartsAgainWhatWasProvablyNotExecuted) {
    Bench bench;
    int tries = 0;
    PveAction action = bench.starting(100);
    action.start = [&]() -> Started {
        if (++tries < 3)
            throw ProxmoxError(
                {.fault = Fault::NotExecuted, .request = "POST /x", .status = 595, .text = "away"});
        return bench.node.start(100);
    };
    EXPECT_EQ(bench.run({action}).at(0).outcome, Outcome::Completed);
    EXPECT_EQ(tries, 3);

    tries = -100;
    const auto states = bench.run({action});
    EXPECT_EQ(states.at(0).outcome, Outcome::Failed);
    EXPECT_EQ(states.at(0).text, "POST /x: 595 away");
    EXPECT_EQ(tries, -96) << "once and three times again";
}

// Of power: the state counts, and it may come after the task's end or without it.
TEST(PveRun, LooksAtTheStateHoweverTheTaskEnded) {
    Bench bench;
    const auto began = bench.node.clock.since_boot();
    const auto running_after = [&](std::chrono::seconds time) {
        return [&bench, began, time](const Upid&) {
            return std::string(bench.node.clock.since_boot() - began >= time ? ""
                                                                             : "the VM is stopped");
        };
    };
    const auto by_ha = [&](int vmid) {
        PveAction action = bench.starting(vmid);
        action.start = [&bench, vmid]() -> Started {
            bench.node.tasks[upid_of(vmid, "hastart")] = {.takes = 1s,
                                                          .began = bench.node.clock.since_boot()};
            return parse_upid(upid_of(vmid, "hastart"));
        };
        action.limit = 1min;
        return action;
    };
    std::vector<PveAction> actions = {
        bench.starting(100),
        bench.starting(101),
        bench.starting(102, {.exit_status = "VM 102 already running"}),
        bench.starting(103, {.exit_status = "no room"}),
        by_ha(104),
        by_ha(105)};
    const std::chrono::seconds running_at[] = {5s, 30s, 0s, 5s, 20s, 24h};
    for (std::size_t i = 0; i < actions.size(); ++i) {
        actions[i].state_counts = true;
        actions[i].verify = running_after(running_at[i]);
    }

    EXPECT_EQ(shown(bench.run(actions, {.at_once = 10})),
              "pve1:100  qmstart     completed     5.0s         OK\n"
              "pve1:101  qmstart     failed        8.0s         the task says OK, but the VM is "
              "stopped\n"
              "pve1:102  qmstart     completed     3.0s         it is so, though the task says: VM "
              "102 already running\n"
              "pve1:103  qmstart     failed        3.0s         no room\n"
              "pve1:104  hastart     completed    20.0s         OK\n"
              "pve1:105  hastart     failed      1m 00s         the task says OK, but the VM is "
              "stopped\n");
}

// A node that is away when the time is up: nobody has seen that it still runs.
TEST(PveRun, DoesNotCallRunningWhatItCannotSee) {
    Bench bench;
    PveAction lost_of_sight = bench.starting(100, {.takes = 24h});
    lost_of_sight.limit = 12s;
    PveAction never_seen = bench.starting(101, {.takes = 24h});
    never_seen.limit = 8s;
    never_seen.start = [&]() -> Started {
        bench.node.away_until = bench.node.clock.since_boot() + 24h;
        return bench.node.start(101, {.takes = 24h});
    };

    const auto states = bench.run({lost_of_sight, never_seen}, {.interval = 700ms});

    for (const ActionState& state : states) {
        EXPECT_EQ(state.outcome, Outcome::Unknown) << state.text;
        EXPECT_TRUE(state.text.starts_with("not known whether it still runs (GET ")) << state.text;
        EXPECT_TRUE(
            state.text.ends_with("; go on with: slipway pve task wait '" + state.upid->text + "'"))
            << state.text;
    }
    EXPECT_EQ(states[1].elapsed, 8s) << "not at the next look, which would be 400 ms later";
}

// A call that hangs counts.
TEST(PveRun, CountsTheTimeThatItsCallsTake) {
    Bench bench;
    PveAction action = bench.starting(100, {.takes = 24h});
    action.limit = 10s;
    action.look_first = [&]() -> std::optional<AlreadySo> {
        bench.node.clock.advance(11s);
        return std::nullopt;
    };

    EXPECT_EQ(bench.run({action}).at(0).elapsed, 11s);
}

TEST(PveRun, SaysWhatGoesOnWhenItIsStopped) {
    Bench bench;
    bench.stop_at = bench.node.clock.since_boot() + 4s;

    const auto states = bench.run({bench.starting(100, {.takes = 2s}),
                                   bench.starting(101, {.takes = 1h}),
                                   bench.starting(102, {.takes = 1h}),
                                   bench.starting(103)},
                                  {.at_once = 2});

    EXPECT_EQ(shown(states),
              "pve1:100  qmstart     completed     2.0s         OK\n"
              "pve1:101  qmstart     running       3.5s   50 %  still running; go on with: slipway "
              "pve task wait '" +
                  upid_of(101) +
                  "'\n"
                  "pve1:102  qmstart     running       1.0s   50 %  still running; go on with: "
                  "slipway pve task wait '" +
                  upid_of(102) +
                  "'\n"
                  "pve1:103              waiting       0.0s         not begun\n");
    EXPECT_EQ(summary(states),
              "1 completed, 0 failed, 0 timeout, 1 not begun, 2 running\n"
              "they go on; slipway pve task wait '" +
                  upid_of(101) + "' '" + upid_of(102) + "'\n");
    EXPECT_EQ(exit_code(states), 1);
}

}  // namespace
}  // namespace slipway
