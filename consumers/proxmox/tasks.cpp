#include "consumers/proxmox/tasks.h"

#include <algorithm>

#include "consumers/runtime/log.h"

namespace slipway {
namespace {

std::vector<Argument> at(const Upid& upid, std::vector<Argument> more = {}) {
    more.push_back({"node", upid.node});
    more.push_back({"upid", upid.text});
    return more;
}

std::int64_t epoch_seconds(Time time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// One of a list. The running ones have the status "RUNNING" and no end, and name user and token
// differently from the ended ones: so whose task it is is read from its UPID.
std::optional<TaskStatus> listed(const JsonValue& entry) {
    try {
        TaskStatus task{.upid = parse_upid(text_at(entry, "upid").value_or(""))};
        if (const auto ended = whole_at(entry, "endtime"))
            task.ended = Time(std::chrono::seconds(std::clamp<std::int64_t>(*ended, 0, 1LL << 40)));
        const std::string status = text_at(entry, "status").value_or("RUNNING");
        task.running = !task.ended && status == "RUNNING";
        if (!task.running) task.exit_status = status;
        return task;
    } catch (const Error& error) {
        log(Level::Warning, "a task in Proxmox's list was passed over", {{"why", error.what()}});
        return std::nullopt;
    }
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The number right before the last per cent sign: "(1.33%)", "INFO:  12% (…)".
std::optional<double> percent_in(std::string_view line) {
    const std::size_t sign = line.rfind('%');
    if (sign == std::string_view::npos) return std::nullopt;
    std::size_t begin = sign;
    while (begin > 0 && (is_digit(line[begin - 1]) || line[begin - 1] == '.')) --begin;
    const auto number = number_in(line.substr(begin, sign - begin));
    return number && *number >= 0 && *number <= 100 ? number : std::nullopt;
}

// A line that says how far it is; others have per cents in them too ("1.00 GiB (100%) total zero
// data").
bool tells_progress(std::string_view line) {
    return line.find("transferred ") != std::string_view::npos ||
           line.find("progress ") != std::string_view::npos ||
           (line.starts_with("INFO: ") && line.find("% (") != std::string_view::npos &&
            line.find(" in ") != std::string_view::npos);
}

// vzdump has its number in front: "INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: …".
std::string_view telling_part(std::string_view line) {
    return line.starts_with("INFO: ") ? line.substr(0, line.find('%') + 1) : line;
}

}  // namespace

bool succeeded(std::string_view exit_status) {
    return exit_status == "OK" || exit_status.starts_with("WARNINGS: ");
}

std::optional<TaskStatus> task_status(const Proxmox& pve, const Upid& upid) {
    const auto answer = pve.look(call_named("task_status"), at(upid));
    if (!answer) return std::nullopt;
    TaskStatus task{.upid = upid};
    task.running = text_at(answer->data, "status") == "running";
    if (!task.running)
        task.exit_status = text_at(answer->data, "exitstatus").value_or("unexpected status");
    return task;
}

TaskLog task_log(const Proxmox& pve, const Upid& upid, std::int64_t from, std::int64_t most) {
    const PveAnswer answer =
        pve.send(call_named("task_log"), at(upid, {{"start", from}, {"limit", most}}));
    TaskLog part;
    if (answer.data.is_array())
        for (const JsonValue& line : answer.data)
            part.lines.push_back(text_at(line, "t").value_or(""));
    part.total = answer.total.value_or(from + static_cast<std::int64_t>(part.lines.size()));
    // How Proxmox says that there is nothing, and that there is no such task.
    if (part.lines.size() == 1 && part.lines[0] == "no content") return {};
    if (part.lines.size() == 1 && part.lines[0].starts_with("unable to open file - "))
        throw ProxmoxError({.fault = Fault::Gone,
                            .request = "GET the log of " + upid.text,
                            .status = 200,
                            .text = "node " + upid.node + " has no log of it (any more)"});
    return part;
}

std::vector<std::string> task_log_tail(const Proxmox& pve, const Upid& upid, std::int64_t most) {
    const std::int64_t total = task_log(pve, upid, 0, 1).total;
    return task_log(pve, upid, std::max<std::int64_t>(total - most, 0), most).lines;
}

std::optional<double> progress_in(const std::vector<std::string>& lines) {
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
        if (tells_progress(*line))
            if (const auto percent = percent_in(telling_part(*line))) return percent;
    return std::nullopt;
}

std::vector<TaskStatus> task_list(const Proxmox& pve,
                                  const std::string& node,
                                  const TaskFilter& filter) {
    const auto since = filter.since ? std::optional(epoch_seconds(*filter.since)) : std::nullopt;
    const PveAnswer answer =
        pve.send(call_named("task_list"),
                 {{"node", node},
                  {"limit", filter.most},
                  {"source", filter.running ? "active" : "all"},
                  {"vmid", filter.vmid},
                  {"typefilter", filter.type},
                  {"since", since},
                  {"errors", filter.errors ? std::optional(true) : std::nullopt}});
    std::vector<TaskStatus> tasks;
    if (!answer.data.is_array()) return tasks;
    for (const JsonValue& entry : answer.data)
        if (auto task = listed(entry))
            // The list of active ones keeps those that have ended for a while.
            if (task->running || !filter.running) tasks.push_back(std::move(*task));
    std::stable_sort(tasks.begin(), tasks.end(), [](const TaskStatus& a, const TaskStatus& b) {
        return a.upid.started > b.upid.started;
    });
    return tasks;
}

void stop_task(const Proxmox& pve, const Upid& upid) {
    pve.send(call_named("task_stop"), at(upid));
}

}  // namespace slipway
