// Tasks as clients see them: lists, status, log, stop.

#include <fmt/format.h>

#include <algorithm>

#include "ops/sandbox/call.h"

namespace slipway::sandbox {
namespace {

const Pattern& upid_pattern() {
    static const Pattern pattern(
        R"(UPID:([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:([^:\s/]+):([^:\s/]*):([^:\s/]+):)");
    return pattern;
}

enum class Ask { Status, Log, Stop };

// Own tasks, and foreign ones for those who may see or stop them. A user's tasks are not a token's.
bool is_own(const Call& call, const Task& task) {
    if (task.user == call.who.name) return true;
    const bool asks_as_user = call.who.name.find('!') == std::string::npos;
    return asks_as_user && task.owner() == call.who.name;
}

Task* asked_for(Call& call, Ask ask) {
    const std::string upid = call.params.text("upid");
    if (!upid_pattern().matches(upid)) wrong_parameter("upid", "unable to parse worker upid");
    Task* task = call.cluster.tasks.find(upid);
    const std::string user = upid.substr(upid.find_last_of(':', upid.size() - 2) + 1);
    const Task as_named{.node = call.node(), .user = user.substr(0, user.size() - 1)};
    if (!is_own(call, task ? *task : as_named))
        call.need("/nodes/" + call.node(), ask == Ask::Stop ? "Sys.Modify" : "Sys.Audit");
    if (!task && ask != Ask::Log) wrong_parameter("upid", "no such task");
    return task;
}

Json index(Call&) {
    return Json::array({{{"name", "log"}}, {{"name", "status"}}});
}

Json status(Call& call) {
    const Task& task = *asked_for(call, Ask::Status);
    Json json = {{"upid", task.upid},
                 {"node", task.node},
                 {"pid", task.pid},
                 {"pstart", task.pstart},
                 {"starttime", task.starttime},
                 {"type", task.type},
                 {"id", task.id},
                 {"user", task.owner()},
                 {"status", task.runs() ? "running" : "stopped"}};
    if (!task.token().empty()) json["tokenid"] = task.token();
    if (!task.runs()) json["exitstatus"] = task.status;
    return json;
}

Json log(Call& call) {
    const bool download = call.params.flag("download");
    if (download && (call.params.has("start") || call.params.has("limit")))
        wrong_parameter("download",
                        "The parameter 'download' can't be used together with 'start' or 'limit'");
    const Task* task = asked_for(call, Ask::Log);
    std::vector<std::string> lines =
        task ? task->log
             : std::vector<std::string>{"unable to open file - No such file or directory"};
    if (lines.empty()) lines.emplace_back("no content");
    if (download) {
        call.text.emplace();
        for (const std::string& line : lines) *call.text += line + "\n";
        return nullptr;
    }
    const auto count = static_cast<std::int64_t>(lines.size());
    const std::int64_t start = call.params.number("start");
    std::int64_t limit = call.params.number("limit", 50);
    if (limit == 0) limit = count;
    Json list = Json::array();
    for (std::int64_t i = start; i < count && i - start < limit; ++i)
        list.push_back({{"n", i + 1}, {"t", lines[static_cast<std::size_t>(i)]}});
    call.total = count;
    return list;
}

Json stop(Call& call) {
    Task& task = *asked_for(call, Ask::Stop);
    if (task.runs()) call.cluster.tasks.stop(task);
    return nullptr;
}

// How `statusfilter` and `errors` see it.
std::string kind_of(const Task& task) {
    if (task.status == "OK") return "ok";
    if (task.status.starts_with("WARNINGS")) return "warning";
    return task.status == "unexpected status" ? "unknown" : "error";
}

bool is_wanted(const Call& call, const Task& task) {
    const Params& params = call.params;
    const std::string source = params.text("source", "archive");
    if (task.node != call.node()) return false;
    if (task.runs() ? source == "archive" : source == "active") return false;
    if (params.has("vmid") && params.text("vmid") != task.id) return false;
    if (params.has("typefilter") && params.text("typefilter") != task.type) return false;
    if (params.has("userfilter") && task.user.find(params.text("userfilter")) == std::string::npos)
        return false;
    if (params.has("since") && task.starttime < params.number("since")) return false;
    if (params.has("until") && task.starttime > params.number("until")) return false;
    if (params.flag("errors") && (task.runs() || kind_of(task) == "ok")) return false;
    const auto kinds = params.list("statusfilter");
    return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind_of(task)) != kinds.end();
}

Json entry(const Task& task) {
    Json json = {{"upid", task.upid},
                 {"node", task.node},
                 {"pid", task.pid},
                 {"pstart", task.pstart},
                 {"starttime", task.starttime},
                 {"type", task.type},
                 {"id", task.id}};
    if (task.runs()) {  // Proxmox keeps those in another file, in which a token is part of the user
        json["user"] = task.user;
        json["status"] = "RUNNING";
        json["saved"] = "0";
        return json;
    }
    json["user"] = task.owner();
    json["status"] = task.status;
    json["endtime"] = task.endtime;
    if (!task.token().empty()) json["tokenid"] = task.token();
    return json;
}

Json list(Call& call) {
    const bool sees_all = call.may("/nodes/" + call.node(), "Sys.Audit");
    const std::int64_t start = call.params.number("start");
    const std::int64_t limit = call.params.number("limit", 50);
    std::int64_t count = 0;
    Json found = Json::array();
    for (const auto& task : call.cluster.tasks.all()) {
        if (!is_wanted(call, *task) || !(sees_all || is_own(call, *task))) continue;
        if (count >= start && (limit == 0 || count - start < limit)) found.push_back(entry(*task));
        ++count;
    }
    if (count > 0) call.total = count;
    return found;
}

// Recent ones of the whole cluster.
Json cluster_list(Call& call) {
    constexpr std::size_t most_finished = 25;
    const bool sees_all = call.may("/", "Sys.Audit");
    std::map<std::string, std::size_t> finished;
    Json found = Json::array();
    for (const auto& task : call.cluster.tasks.all()) {
        if (!sees_all && !is_own(call, *task)) continue;
        if (!task->runs() && ++finished[task->node] > most_finished) continue;
        Json json = {{"upid", task->upid},
                     {"node", task->node},
                     {"starttime", task->starttime},
                     {"type", task->type},
                     {"id", task->id},
                     {"user", task->owner()}};
        if (!task->token().empty()) json["tokenid"] = task->token();
        if (task->runs()) {
            json["pid"] = task->pid;
        } else {
            json["endtime"] = task->endtime;
            json["status"] = task->status;
            json["saved"] = "1";
        }
        found.push_back(json);
    }
    return found;
}

}  // namespace

void add_task_calls(Handlers& handlers) {
    const std::string all = "/nodes/{node}/tasks";
    handlers["GET " + all] = list;
    handlers["GET " + all + "/{upid}"] = index;
    handlers["DELETE " + all + "/{upid}"] = stop;
    handlers["GET " + all + "/{upid}/log"] = log;
    handlers["GET " + all + "/{upid}/status"] = status;
    handlers["GET /cluster/tasks"] = cluster_list;
}

}  // namespace slipway::sandbox
