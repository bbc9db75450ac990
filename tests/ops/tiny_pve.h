#pragma once
// A server that answers a few paths the way Proxmox does, over TLS with a pinned certificate and a
// token, and the built command that meets it.

#include <fmt/format.h>

#include <deque>
#include <map>
#include <mutex>
#include <regex>

#include "tests/consumers/http/scripted_server.h"
#include "tests/live/slipway_process.h"

namespace slipway {

inline const std::string start =
    "UPID:pve1:000007E8:000953F2:6B0030A2:qmstart:100:root@pam!slipway:";
inline const std::string failing =
    "UPID:pve1:000007E9:000953F3:6B0030A3:qmclone:9000:root@pam!slipway:";

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

    // Says nothing until the client has gone.
    void hang(const std::string& line) { answers_[line] = {""}; }

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
inline std::string timeless(const std::string& output) {
    return std::regex_replace(output, std::regex(" [0-9]+\\.[0-9]s"), " 0.0s");
}

inline std::string encoded(std::string text) {
    for (const auto& [plain, code] :
         {std::pair<std::string, std::string>{":", "%3A"}, {"@", "%40"}, {"!", "%21"}})
        for (std::size_t at = text.find(plain); at != std::string::npos; at = text.find(plain, at))
            text.replace(at, 1, code);
    return text;
}

inline std::string task_path(const std::string& upid, const std::string& what) {
    return "GET /nodes/pve1/tasks/" + encoded(upid) + "/" + what;
}

inline const std::string tasks_of_100 = "GET /nodes/pve1/tasks?limit=100&source=all&vmid=100";
inline const std::string tasks_of_9000 = "GET /nodes/pve1/tasks?limit=100&source=all&vmid=9000";

// A list of tasks that are over.
inline std::string listed(const std::vector<std::string>& upids) {
    std::string entries;
    for (const std::string& upid : upids)
        entries += (entries.empty() ? "" : ",") +
                   (R"({"upid":")" + upid + R"(","status":"OK","endtime":1795174565})");
    return R"({"data":[)" + entries + "]}";
}

// One task that has succeeded and one that has failed.
inline void with_tasks(TinyPve& pve) {
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

}  // namespace slipway
