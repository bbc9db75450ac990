// slipway pve task: what Proxmox is at, what became of it, and waiting for it.

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "consumers/proxmox/json.h"
#include "ops/slipway/pve.h"
#include "ops/slipway/pve_report.h"
#include "topics/event.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

struct TaskOptions {
    std::vector<std::string> upids;
    bool follow = false;
    std::int64_t limit = 10;
    std::string node;
    std::optional<std::int64_t> vmid;
    std::string type;
    std::string since;
    bool errors = false;
    bool running = false;
    RunOptions run = {};
};

Upid upid_of(const std::string& text) {
    try {
        return parse_upid(text);
    } catch (const Error& error) {
        throw UsageError(error.what());
    }
}

// How a task is shown.
struct TaskTexts {
    std::string if_running;
    bool as_json = false;
};

[[noreturn]] void no_such_task(const Upid& upid) {
    throw Error(fmt::format("node {} knows no task {} (any more: a busy node forgets within hours)",
                            upid.node,
                            upid.text));
}

// All of the names are read before anything is done, and what is wrong with one task stops none of
// the others. `act` answers whether all is well.
int for_each_task(const std::vector<std::string>& texts,
                  const std::function<bool(const Upid&)>& act) {
    std::vector<Upid> upids;
    for (const std::string& text : texts) upids.push_back(upid_of(text));
    bool all_well = true;
    for (const Upid& upid : upids) {
        try {
            all_well = act(upid) && all_well;
        } catch (const Error& error) {
            all_well = false;
            fmt::print(stderr, "slipway: {}\n", error.what());
        }
    }
    return all_well ? Succeeded : CouldNot;
}

TaskStatus print_task(const PveSession& session, const Upid& upid, const TaskTexts& texts) {
    const auto task = task_status(session.pve, upid);
    if (!task) no_such_task(upid);
    if (texts.as_json)
        fmt::print("{}", task_as_json(*task));
    else
        fmt::print("{}  {}\n",
                   task->running ? texts.if_running : clean_text(task->exit_status),
                   upid.text);
    return *task;
}

int print_status(const Config& config, const TaskOptions& options) {
    PveSession session(config);
    return for_each_task(options.upids, [&](const Upid& upid) {
        const TaskStatus task =
            print_task(session, upid, {.if_running = "running", .as_json = options.run.json});
        return task.running || succeeded(task.exit_status);
    });
}

void print_lines(const std::vector<std::string>& lines, std::int64_t first, bool as_json) {
    for (const std::string& line : lines) {
        ++first;
        if (as_json)
            fmt::print("{}\n",
                       JsonValue{{"n", first}, {"t", line}}.dump(
                           -1, ' ', false, JsonValue::error_handler_t::replace));
        else
            fmt::print("{}\n", clean_text(line));
    }
    std::fflush(stdout);
}

// The lines from `from` on; answers how many there were.
std::int64_t print_log_from(const PveSession& session,
                            const Upid& upid,
                            std::int64_t from,
                            bool as_json) {
    const TaskLog part = task_log(session.pve, upid, from, 0);
    print_lines(part.lines, from, as_json);
    return static_cast<std::int64_t>(part.lines.size());
}

// The status is asked for first, so that no line is missed that was written before the end. A look
// without an answer is repeated as often as that of one who waits.
int follow_log(const PveSession& session, const Upid& upid, const RunOptions& options) {
    const PveConfig& config = session.config.pve;
    const auto interval =
        options.interval.empty()
            ? config.interval
            : parse_time("--interval", options.interval, limits_of("pve.interval"));
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    std::int64_t printed = 0;
    int failures = 0;  // in a row
    while (true) {
        try {
            const auto task = task_status(session.pve, upid);
            if (!task) no_such_task(upid);
            printed += print_log_from(session, upid, printed, options.json);
            if (!task->running) return succeeded(task->exit_status) ? Succeeded : CouldNot;
            failures = 0;
        } catch (const ProxmoxError& error) {
            if (!may_be_asked_again(error) || ++failures > config.retries) throw;
            fmt::print(stderr, "slipway: {}; asking again\n", error.what());
        }
        never.wait_for(lock, failures == 0 ? interval : config.retry_pause);
    }
}

int print_log(const Config& config, const TaskOptions& options) {
    const Upid upid = upid_of(options.upids.at(0));
    PveSession session(config);
    if (options.follow) return follow_log(session, upid, options.run);
    print_log_from(session, upid, 0, options.run.json);
    return Succeeded;
}

int wait_for_tasks(const Config& config, const TaskOptions& options) {
    PveSession session(config);
    std::vector<PveAction> actions;
    for (const std::string& text : options.upids) {
        const Upid upid = upid_of(text);
        actions.push_back({.subject = upid.id.empty() ? upid.node : upid.node + ":" + upid.id,
                           .limit = limit_for(session.config.task_limits, upid.type),
                           .start = [upid]() -> Started { return upid; }});
    }
    RunOptions run = options.run;
    run.at_once = static_cast<int>(actions.size());
    return run_actions(session, std::move(actions), run);
}

std::vector<std::string> nodes_to_ask(const PveSession& session, const TaskOptions& options) {
    if (!options.node.empty()) return {options.node};
    std::vector<std::string> names;
    for (const NodeState& node : nodes(session.pve)) {
        if (node.online)
            names.push_back(node.name);
        else
            fmt::print(stderr, "slipway: node {} is offline; its tasks are not shown\n", node.name);
    }
    return names;
}

int list_tasks(const Config& config, const TaskOptions& options) {
    PveSession session(config);
    if (!options.node.empty()) check_node("--node", options.node);
    TaskFilter filter{.most = options.limit, .errors = options.errors, .running = options.running};
    if (options.vmid) filter.vmid = options.vmid;
    if (!options.type.empty()) filter.type = options.type;
    if (!options.since.empty()) filter.since = parse_since(options.since, session.clock.now());
    std::vector<TaskStatus> tasks;
    bool all_shown = true;
    for (const std::string& node : nodes_to_ask(session, options)) {
        try {
            for (TaskStatus& task : task_list(session.pve, node, filter))
                tasks.push_back(std::move(task));
        } catch (const ProxmoxError& error) {
            all_shown = false;
            fmt::print(
                stderr, "slipway: the tasks of node {} are not shown: {}\n", node, error.what());
        }
    }
    std::stable_sort(tasks.begin(), tasks.end(), [](const TaskStatus& a, const TaskStatus& b) {
        return a.upid.started > b.upid.started;
    });
    if (static_cast<std::int64_t>(tasks.size()) > options.limit)
        tasks.resize(static_cast<std::size_t>(options.limit));
    for (const TaskStatus& task : tasks)
        fmt::print("{}", options.run.json ? task_as_json(task) : task_line(task) + "\n");
    if (tasks.empty() && all_shown && !options.run.json) fmt::print("no tasks\n");
    return all_shown ? Succeeded : CouldNot;
}

int stop(const Config& config, const TaskOptions& options) {
    PveSession session(config);
    return for_each_task(options.upids, [&](const Upid& upid) {
        stop_task(session.pve, upid);
        return !print_task(
                    session, upid, {.if_running = "still running", .as_json = options.run.json})
                    .running;
    });
}

using Does = int (*)(const Config&, const TaskOptions&);

struct SubCommand {
    CLI::App* command;
    std::shared_ptr<TaskOptions> options;
};

SubCommand add(
    CLI::App* parent, Context& context, std::string_view name, std::string_view help, Does does) {
    CLI::App* command = parent->add_subcommand(std::string(name), std::string(help));
    const auto options = std::make_shared<TaskOptions>();
    command->callback([&context, options, does] {
        context.action = [&context, options, does] {
            return does(load_config(context).config, *options);
        };
    });
    return {command, options};
}

void add_upids(const SubCommand& sub, int least, int most) {
    sub.command->add_option("upid", sub.options->upids, "Tasks, by the names Proxmox gave them.")
        ->type_name("UPID")
        ->required()
        ->expected(least, most);
}

void add_json(const SubCommand& sub) {
    sub.command->add_flag("--json", sub.options->run.json, "One JSON object per line.");
}

void add_list(CLI::App* task, Context& context) {
    const SubCommand sub =
        add(task, context, "list", "The newest tasks of all nodes, or of one.", list_tasks);
    sub.command->footer("Example:\n  slipway pve task list --errors --since 24h --limit 50");
    TaskOptions& options = *sub.options;
    sub.command->add_option("--limit", options.limit, "Show no more than this many; 10.")
        ->check(CLI::Range(1, 100'000));
    sub.command->add_option("--node", options.node, "Only this node's.")->type_name("NODE");
    sub.command->add_option("--vmid", options.vmid, "Only this machine's.")
        ->type_name("VMID")
        ->check(CLI::Range(100, 999'999'999));
    sub.command->add_option("--type", options.type, "Only of this type: qmstart, vzdump, …")
        ->type_name("TYPE");
    sub.command->add_option("--since", options.since, "Only those begun since: 2h, 7d, 2026-04-18.")
        ->type_name("TIME");
    CLI::Option* errors =
        sub.command->add_flag("--errors", options.errors, "Only those that failed.");
    sub.command->add_flag("--running", options.running, "Only those that run now.")
        ->excludes(errors);
    add_json(sub);
}

}  // namespace

void add_pve_task_commands(CLI::App* pve, Context& context) {
    CLI::App* task = pve->add_subcommand("task", "Tasks: status, log, wait, list, stop.");
    task->require_subcommand(1);
    task->footer("Example:\n  slipway pve task wait UPID UPID --timeout 10m");

    const SubCommand status =
        add(task, context, "status", "Whether tasks run, and how they ended.", print_status);
    status.command->footer(
        "Example:\n  slipway pve task status UPID\nExit code 1 if one of them failed.");
    add_upids(status, 1, CLI::detail::expected_max_vector_size);
    add_json(status);

    const SubCommand log = add(task, context, "log", "What a task has said.", print_log);
    log.command->footer(
        "Example:\n  slipway pve task log UPID --follow\n"
        "With --follow the exit code says whether the task succeeded.");
    add_upids(log, 1, 1);
    log.command->add_flag("--follow", log.options->follow, "Go on until the task ends.");
    log.command->add_option("--interval", log.options->run.interval, "Time between two looks.")
        ->type_name("TIME");
    add_json(log);

    const SubCommand wait =
        add(task, context, "wait", "Wait until tasks have ended, in a live table.", wait_for_tasks);
    wait.command->footer(
        "Example:\n  slipway pve task wait UPID UPID --timeout 10s --interval 500ms\n"
        "A timeout ends the waiting, never the task. Exit code 0 if all of them succeeded.");
    add_upids(wait, 1, CLI::detail::expected_max_vector_size);
    add_run_options(wait.command, wait.options->run);

    add_list(task, context);

    const SubCommand stop_command =
        add(task, context, "stop", "End tasks; what they were at may stay half done.", stop);
    stop_command.command->footer(
        "Example:\n  slipway pve task stop UPID\nExit code 1 if one of them still runs.");
    add_upids(stop_command, 1, CLI::detail::expected_max_vector_size);
    add_json(stop_command);
}

}  // namespace slipway
