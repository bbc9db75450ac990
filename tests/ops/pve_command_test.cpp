// `slipway pve` as people and scripts meet it: the built command against a server that answers a
// few paths the way Proxmox does, over TLS with a pinned certificate and a token.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <mutex>
#include <regex>

#include "tests/consumers/http/scripted_server.h"
#include "tests/live/slipway_process.h"

namespace slipway {
namespace {

const std::string start = "UPID:pve1:000007E8:000953F2:6B0030A2:qmstart:100:root@pam!slipway:";
const std::string failing = "UPID:pve1:000007E9:000953F3:6B0030A3:qmclone:9000:root@pam!slipway:";

// What each request line is answered with; the rest is 501, as Proxmox has it.
class TinyPve {
  public:
    void answer(const std::string& line, const std::string& json) {
        answers_[line] = {ok_answer(json)};
    }
    // From the second time on.
    void then(const std::string& line, const std::string& json) {
        answers_[line].push_back(ok_answer(json));
    }
    void fail(const std::string& line, const std::string& status) {
        answers_[line].clear();
        then_fail(line, status);
    }
    void then_fail(const std::string& line, const std::string& status) {
        answers_[line].push_back("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n");
    }

    std::vector<std::string> asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    std::string asked_with(const std::string& line) {
        for (const std::string& request : asked())
            if (request.starts_with(line)) return request;
        return "(never)";
    }
    std::vector<std::string> environment() const {
        return {"SLIPWAY_PROXMOX_ENDPOINTS=" + server_.url(),
                "SLIPWAY_PROXMOX_TOKEN=root@pam!slipway=the-secret",
                "SLIPWAY_PROXMOX_FINGERPRINT=" + server_.fingerprint(),
                "SLIPWAY_PVE_INTERVAL=100ms",
                "SLIPWAY_PVE_RETRY_PAUSE=100ms",
                "SLIPWAY_LOG_LEVEL=error"};
    }
    Ended run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "pve");
        return run_slipway({.arguments = std::move(arguments), .environment = environment()});
    }

  private:
    void serve(ScriptedPeer& peer) {
        while (true) {
            const std::string request = peer.read_request();
            if (request.empty()) return;
            const std::string prefix = "/api2/json";
            std::string line = request.substr(0, request.find(" HTTP/"));
            line.erase(line.find(prefix), prefix.size());
            const std::lock_guard lock(mutex_);
            asked_.push_back(line + request.substr(request.find("\r\n\r\n") + 2));
            const bool believed =
                request.find("PVEAPIToken=root@pam!slipway=the-secret\r\n") != std::string::npos;
            auto& answers = answers_[line];
            if (!believed)
                peer.write("HTTP/1.1 401 No ticket\r\nContent-Length: 0\r\n\r\n");
            else if (answers.empty() && line.starts_with("GET /nodes/pve1/tasks?"))
                peer.write(ok_answer(R"({"data":[]})"));
            else if (answers.empty())
                peer.write("HTTP/1.1 501 Method '" + line +
                           "' not implemented\r\nContent-Length: 0\r\n\r\n");
            else
                peer.write(answers.front());
            if (answers.size() > 1) answers.pop_front();
        }
    }

    std::mutex mutex_;
    std::map<std::string, std::deque<std::string>> answers_;
    std::vector<std::string> asked_;
    ScriptedServer server_{ServerKind::Tls, [this](ScriptedPeer& peer, int) { serve(peer); }};
};

// How long something took is another machine's business.
std::string timeless(const std::string& output) {
    return std::regex_replace(output, std::regex(" [0-9]+\\.[0-9]s"), " 0.0s");
}

std::string encoded(std::string text) {
    for (const auto& [plain, code] :
         {std::pair<std::string, std::string>{":", "%3A"}, {"@", "%40"}, {"!", "%21"}})
        for (std::size_t at = text.find(plain); at != std::string::npos; at = text.find(plain, at))
            text.replace(at, 1, code);
    return text;
}

std::string task_path(const std::string& upid, const std::string& what) {
    return "GET /nodes/pve1/tasks/" + encoded(upid) + "/" + what;
}

// One task that has succeeded and one that has failed.
void with_tasks(TinyPve& pve) {
    pve.answer(task_path(start, "status"), R"({"data":{"status":"stopped","exitstatus":"OK"}})");
    pve.answer(task_path(failing, "status"),
               R"({"data":{"status":"stopped","exitstatus":"clone failed: no space"}})");
    for (const std::string query : {"log?start=0&limit=500",
                                    "log?start=0&limit=1",
                                    "log?start=0&limit=10",
                                    "log?start=0&limit=0"}) {
        pve.answer(task_path(start, query), R"({"data":[{"n":1,"t":"TASK OK"}],"total":1})");
        pve.answer(task_path(failing, query),
                   R"({"data":[{"n":1,"t":"TASK ERROR: clone failed: no space"}],"total":1})");
    }
}

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

    const Ended ended = pve.run({"task", "wait", start, "--timeout", "300ms", "--json"});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("still running; go on with: slipway pve task wait '" + start + "'"),
              std::string::npos)
        << ended.output;
    EXPECT_NE(ended.output.find("\"timeout\":1"), std::string::npos);
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

TEST(PveTask, RefusesWhatIsNoUpidBeforeItAsksAnybody) {
    TinyPve pve;
    const Ended ended =
        pve.run({"task", "wait", "UPID:pve1:00001234:12345678:qmstart:100:root@pam:"});

    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_NE(ended.errors.find("it has no pstart"), std::string::npos) << ended.errors;
    EXPECT_TRUE(pve.asked().empty());
}

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

const std::string tasks_of_100 = "GET /nodes/pve1/tasks?limit=100&source=all&vmid=100";
const std::string tasks_of_9000 = "GET /nodes/pve1/tasks?limit=100&source=all&vmid=9000";

// A list of tasks that are over.
std::string listed(const std::vector<std::string>& upids) {
    std::string entries;
    for (const std::string& upid : upids)
        entries += (entries.empty() ? "" : ",") +
                   (R"({"upid":")" + upid + R"(","status":"OK","endtime":1795174565})");
    return R"({"data":[)" + entries + "]}";
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
