// Tasks: what their states, logs and lists say, however a release of Proxmox writes it; and the
// board that reads them once for all who wait.

#include "consumers/proxmox/tasks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "consumers/proxmox/task_board.h"
#include "tests/consumers/proxmox/scripted_http.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string clone = "UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:";
const std::string start = "UPID:pve1:000007E9:000953F3:6B0030A3:qmstart:100:root@pam!slipway:";

struct Talk {
    SimClock clock = {};
    ScriptedHttp http = {};
    ProxmoxCluster cluster{
        http, clock, {.endpoints = {"https://pve1:8006"}, .token = "root@pam!slipway=secret"}};
    Proxmox pve{cluster};
};

TEST(Tasks, SayHowTheyAre) {
    struct Row {
        std::string body;
        std::string_view shown;
    };
    const Row rows[] = {
        {R"({"status":"running"})", "running"},
        {R"({"status":"stopped","exitstatus":"OK"})", "OK, succeeded"},
        {R"({"status":"stopped","exitstatus":"WARNINGS: 2"})", "WARNINGS: 2, succeeded"},
        {R"({"status":"stopped","exitstatus":"clone failed: no space"})", "clone failed: no space"},
        {R"({"status":"stopped","exitstatus":"unexpected status"})", "unexpected status"},
        {R"({"status":"stopped"})", "unexpected status"},
        {R"({"status":"stopped","exitstatus":"OKAY"})", "OKAY"},
    };
    for (const Row& row : rows) {
        Talk talk;
        talk.http.answers(200, data_body(row.body));
        const auto task = task_status(talk.pve, parse_upid(clone));
        ASSERT_TRUE(task);
        std::string shown = task->running ? "running" : task->exit_status;
        if (!task->running && succeeded(task->exit_status)) shown += ", succeeded";
        EXPECT_EQ(shown, row.shown);
        EXPECT_EQ(talk.http.take_requests().at(0),
                  "GET https://pve1:8006/api2/json/nodes/pve1/tasks/UPID%3Apve1%3A000007E8%3A"
                  "000953F2%3A6B0030A2%3Aqmclone%3A9000%3Aroot%40pam%21slipway%3A/status");
    }
}

TEST(Tasks, MayBeUnknownToTheirNode) {
    Talk talk;
    talk.http.answers(400, R"({"errors":{"upid":"no such task"},"data":null})");
    EXPECT_EQ(task_status(talk.pve, parse_upid(clone)), std::nullopt);
}

// A node that is down leaves the outcome open: nobody may take that for a failure.
TEST(Tasks, OfANodeThatIsDownAreNotOver) {
    Talk talk;
    talk.http.answers(595, "", "No route to host");
    try {
        task_status(talk.pve, parse_upid(clone));
        FAIL();
    } catch (const ProxmoxError& error) {
        EXPECT_EQ(error.fault, Fault::NotExecuted);
    }
}

TEST(Tasks, TellTheEndOfTheirLog) {
    Talk talk;
    talk.http.answers(200, R"({"data":[{"n":1,"t":"first"}],"total":120})")
        .answers(200, R"({"data":[{"n":119,"t":"TASK ERROR: no"},{"n":120,"t":"x"}],"total":120})");

    EXPECT_EQ(task_log_tail(talk.pve, parse_upid(clone), 2),
              (std::vector<std::string>{"TASK ERROR: no", "x"}));
    EXPECT_TRUE(talk.http.take_requests().at(1).ends_with("/log?start=118&limit=2"));
}

TEST(Tasks, MayHaveNoLog) {
    Talk talk;
    talk.http.answers(200, R"({"data":[{"n":1,"t":"no content"}],"total":1})");
    EXPECT_EQ(task_log(talk.pve, parse_upid(clone), 0, 0).lines, std::vector<std::string>());

    talk.http.answers(200, R"({"data":[],"total":3})");
    EXPECT_EQ(task_log(talk.pve, parse_upid(clone), 5, 0).total, 3);

    talk.http.answers(
        200,
        R"({"data":[{"n":1,"t":"unable to open file - No such file or directory"}],"total":1})");
    try {
        task_log(talk.pve, parse_upid(clone), 0, 0);
        FAIL();
    } catch (const ProxmoxError& error) {
        EXPECT_EQ(error.fault, Fault::Gone);
    }
}

TEST(Tasks, SayHowFarTheyAre) {
    struct Row {
        std::string line;
        double percent;  // -1: does not say
    };
    const Row rows[] = {
        {"transferred 27.2 MiB of 2.0 GiB (1.33%)", 1.33},
        {"drive-scsi0: transferred 1.0 GiB of 10.0 GiB (10.00%) in 3s", 10},
        {"INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: 1.0 GiB/s, write: 0 B/s", 12},
        {"INFO: 100% (1.0 GiB of 1.0 GiB) in 1s, read: 1.0 GiB/s, write: 0 B/s", 100},
        {"progress 45% (read 1073741824 bytes, duration 0 sec)", 45},
        {"INFO: backup is sparse: 1.00 GiB (100%) total zero data", -1},
        {"INFO: status: 7% of nothing", -1},
        {"transferred 1 of 2 (%)", -1},
        {"transferred 1 of 2 (300%)", -1},
        {"progress 1.2.3%", -1},
        {"%", -1},
        {"TASK OK", -1},
        {"", -1},
    };
    for (const Row& row : rows)
        EXPECT_EQ(progress_in({row.line}).value_or(-1), row.percent) << row.line;
    EXPECT_EQ(progress_in({rows[0].line, rows[1].line, "TASK OK"}), 10);
    EXPECT_EQ(progress_in({}), std::nullopt);
}

// Active ones have status RUNNING and no end; of ended ones user and token are apart.
TEST(Tasks, AreListedNewestFirst) {
    Talk talk;
    talk.http.answers(
        200,
        R"({"total":3,"data":[
        {"upid":")" +
            clone + R"(","status":"OK","endtime":1795174570,"user":"root@pam","tokenid":"slipway"},
        {"upid":"nonsense"},
        {"upid":")" +
            start + R"(","status":"RUNNING","user":"root@pam!slipway"}]})");

    const auto tasks = task_list(
        talk.pve,
        "pve1",
        {.most = 5, .vmid = 100, .type = "qmstart", .since = Time(1795174000s), .errors = true});

    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].upid.text, start);
    EXPECT_TRUE(tasks[0].running);
    EXPECT_EQ(tasks[1].exit_status, "OK");
    EXPECT_EQ(tasks[1].ended, Time(1795174570s));
    EXPECT_EQ(talk.http.take_requests().at(0),
              "GET https://pve1:8006/api2/json/nodes/pve1/tasks?limit=5&source=all&vmid=100&"
              "typefilter=qmstart&since=1795174000&errors=1");
}

TEST(Tasks, ThatEndedAMomentAgoDoNotCountAsRunning) {
    Talk talk;
    talk.http.answers(200,
                      R"({"data":[{"upid":")" + clone + R"(","status":"OK","endtime":1795174570},
                                  {"upid":")" +
                          start + R"("}]})");

    const auto tasks = task_list(talk.pve, "pve1", {.running = true});

    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].upid.text, start);
}

std::string list_of(const std::string& clone_is, const std::string& start_is) {
    return R"({"data":[{"upid":")" + clone + R"(","status":")" + clone_is + R"("},{"upid":")" +
           start + R"(","status":")" + start_is + R"("}]})";
}

TEST(TaskBoard, AsksANodeOnceForAllWhoWait) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(200, list_of("RUNNING", "RUNNING"));

    EXPECT_TRUE(board.status(parse_upid(clone))->running);
    // Older than what the list was asked for is no question of another list.
    EXPECT_TRUE(board.status(parse_upid(start))->running);
    EXPECT_TRUE(board.status(parse_upid(clone))->running);
    EXPECT_TRUE(
        talk.http.take_requests().at(0).ends_with("limit=5000&source=all&since=1795174562"));

    talk.clock.advance(1s);
    talk.http.answers(200, list_of("RUNNING", "start failed: no"));
    EXPECT_EQ(board.status(parse_upid(start))->exit_status, "start failed: no");
    EXPECT_TRUE(board.status(parse_upid(clone))->running);
    EXPECT_EQ(talk.http.take_requests().size(), 1U);
}

TEST(TaskBoard, AsksForATaskThatIsOlderThanItsList) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(200, list_of("RUNNING", "RUNNING")).answers(200, list_of("OK", "RUNNING"));

    board.status(parse_upid(start));
    EXPECT_EQ(board.status(parse_upid(clone))->exit_status, "OK");
    EXPECT_TRUE(talk.http.take_requests().at(1).ends_with("since=1795174562"));
}

TEST(TaskBoard, AsksAloneForWhatIsInNoList) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(200, R"({"data":[]})")
        .answers(200, data_body(R"({"status":"running"})"))
        .answers(400, R"({"errors":{"upid":"no such task"}})");

    EXPECT_TRUE(board.status(parse_upid(clone))->running);
    EXPECT_EQ(board.status(parse_upid(clone)), std::nullopt);
}

TEST(TaskBoard, AsksASickNodeOnceForAllWhoWait) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(596, "", "Connection timed out");

    EXPECT_THROW(board.status(parse_upid(clone)), ProxmoxError);
    EXPECT_THROW(board.status(parse_upid(clone)), ProxmoxError);
    EXPECT_EQ(talk.http.take_requests().size(), 1U);

    talk.clock.advance(1s);
    talk.http.answers(200, list_of("OK", "OK"));
    EXPECT_EQ(board.status(parse_upid(clone))->exit_status, "OK");
}

// Somebody has asked for it and waits; it says that both tasks have ended well.
class ListOnItsWay {
  public:
    ListOnItsWay(Talk& talk, TaskBoard& board) {
        talk.http.does([this](const HttpRequest&) -> HttpAnswer {
            asked_ = true;
            while (!comes_) std::this_thread::yield();
            return {.status = 200, .body = list_of("OK", "OK")};
        });
        asking_ = std::jthread(
            [&board] { EXPECT_EQ(board.status(parse_upid(clone))->exit_status, "OK"); });
        while (!asked_) std::this_thread::yield();
    }
    ~ListOnItsWay() { comes_ = true; }
    ListOnItsWay(const ListOnItsWay&) = delete;
    ListOnItsWay& operator=(const ListOnItsWay&) = delete;

    void comes() {
        comes_ = true;
        asking_.join();
    }

  private:
    std::atomic<bool> asked_ = false;
    std::atomic<bool> comes_ = false;
    std::jthread asking_;  // last: it uses the others
};

// Whoever asks while the list is on its way gets the last one's word, or waits for this one.
TEST(TaskBoard, HoldsNobodyWhoCanBeAnswered) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(200, list_of("RUNNING", "RUNNING"));
    board.status(parse_upid(clone));
    talk.clock.advance(1s);

    ListOnItsWay list(talk, board);
    EXPECT_TRUE(board.status(parse_upid(start))->running) << "the last word";
    list.comes();

    EXPECT_EQ(board.status(parse_upid(start))->exit_status, "OK");
    EXPECT_TRUE(talk.http.is_used_up());
}

// One of those who ask waits for the node; the others go on, and what has ended is known.
TEST(TaskBoard, HoldsOneOfThoseWhoAskANodeThatHangs) {
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.answers(200, list_of("RUNNING", "OK")).does([&](const HttpRequest&) -> HttpAnswer {
        throw HttpError(Sent::Unknown, "timeout");
    });
    board.status(parse_upid(clone));
    talk.clock.advance(1s);
    EXPECT_THROW(board.status(parse_upid(clone)), ProxmoxError);
    talk.clock.advance(1s);

    ListOnItsWay list(talk, board);
    EXPECT_THROW(board.status(parse_upid(clone)), ProxmoxError);
    EXPECT_EQ(board.status(parse_upid(start))->exit_status, "OK");
    list.comes();

    EXPECT_TRUE(talk.http.is_used_up());
}

// A Crash of the stories is no exception of the library, and a failed check() is none of ours.
TEST(TaskBoard, LetsTheNextOneReadWhateverBecameOfTheFirst) {
    struct Crash {};
    Talk talk;
    TaskBoard board(talk.cluster, 1s);
    talk.http.does([](const HttpRequest&) -> HttpAnswer { throw Crash(); })
        .answers(200, list_of("OK", "OK"));

    EXPECT_THROW(board.status(parse_upid(clone)), Crash);
    EXPECT_EQ(board.status(parse_upid(clone))->exit_status, "OK");
}

}  // namespace
}  // namespace slipway
