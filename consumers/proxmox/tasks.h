#pragma once
// Proxmox's tasks: what became of one, what it said, which there are.
//
// A task's end is news, never proof: one that says OK may have done nothing, one that failed may
// have done it. Whoever waits for a task looks at the thing itself afterwards.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/proxmox/proxmox.h"

namespace slipway {

struct TaskStatus {
    Upid upid;
    bool running = false;
    std::string exit_status = {};    // once it has ended: "OK", "WARNINGS: 2", or what went wrong
    std::optional<Time> ended = {};  // lists alone say when
};

// "OK" and "WARNINGS: n".
bool succeeded(std::string_view exit_status);

// Asked on the task's own node. nullopt: that node does not know it, or does no more.
std::optional<TaskStatus> task_status(const Proxmox& pve, const Upid& upid);

struct TaskLog {
    std::vector<std::string> lines;
    std::int64_t total = 0;  // lines that the log has by now
};

// Lines from `from` on, counted from 0; at most `most`, all of them if that is 0.
TaskLog task_log(const Proxmox& pve, const Upid& upid, std::int64_t from, std::int64_t most);

// The newest lines, in which the reason stands if a task has failed.
std::vector<std::string> task_log_tail(const Proxmox& pve, const Upid& upid, std::int64_t most);

// How far it is, per cent, if one of these lines says so; the newest counts. Clones, moves,
// migrations, backups and restores each say it in words of their own.
std::optional<double> progress_in(const std::vector<std::string>& lines);

struct TaskFilter {
    std::int64_t most = 10;
    std::optional<std::int64_t> vmid = {};
    std::optional<std::string> type = {};
    std::optional<Time> since = {};
    bool errors = false;
    bool running = false;
};

// Newest first.
std::vector<TaskStatus> task_list(const Proxmox& pve,
                                  const std::string& node,
                                  const TaskFilter& filter);

// Ends when the process has ended, at the latest after five seconds, with SIGKILL then: what it
// was at may stay locked and half done.
void stop_task(const Proxmox& pve, const Upid& upid);

}  // namespace slipway
