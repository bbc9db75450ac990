#include "ops/slipway/pve_machines.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "consumers/proxmox/snapshots.h"

namespace slipway {
namespace {

// Of one machine or template: more than it is given while an answer is on its way.
constexpr std::int64_t tasks_most = 100;

std::string subject_of(const VmPlace& place) {
    return fmt::format("{}:{}", place.node, place.vmid);
}

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

VmStatus status_of(const PveSession& session, const VmPlace& place) {
    const auto status = vm_status(session.pve, place);
    if (!status) throw Error(fmt::format("there is no VM {} on node {}", place.vmid, place.node));
    return *status;
}

struct WhatBegan {
    VmPlace place;                   // of the task
    std::vector<std::string> types;  // any of these; the first says how long it is watched
    std::string log_line = {};       // how a line must end that its log holds
};

std::vector<Upid> tasks_listed(const PveSession& session, const WhatBegan& what) {
    std::vector<Upid> upids;
    const TaskFilter filter{.most = tasks_most, .vmid = what.place.vmid};
    for (const TaskStatus& task : task_list(session.pve, what.place.node, filter))
        if (std::find(what.types.begin(), what.types.end(), task.upid.type) != what.types.end())
            upids.push_back(task.upid);
    return upids;
}

bool log_holds(const PveSession& session, const Upid& upid, const std::string& end_of_line) {
    if (end_of_line.empty()) return true;
    const TaskLog log = task_log(session.pve, upid, 0, 50);
    return std::any_of(log.lines.begin(), log.lines.end(), [&](const std::string& line) {
        return line.ends_with(end_of_line);
    });
}

// One that was not there before the call, nor begun by somebody else. No clock is asked: the node's
// and ours need not agree.
std::optional<Upid> find_begun(const PveSession& session,
                               const WhatBegan& what,
                               const std::vector<Upid>& before) {
    for (const Upid& upid : tasks_listed(session, what)) {
        const bool is_older = std::find(before.begin(), before.end(), upid) != before.end();
        if (!is_older && upid.user == acts_as(session.config.proxmox) &&
            log_holds(session, upid, what.log_line))
            return upid;
    }
    return std::nullopt;
}

struct ActionParts {
    VmPlace subject;
    WhatBegan began;
    std::function<std::optional<AlreadySo>()> look_first = {};
    std::function<Upid()> start;
    std::function<std::string(const Upid&)> verify;
    bool state_counts = false;
    std::chrono::milliseconds limit_least{0};  // for what is known to take that long
};

PveAction action_of(PveSession& session, ActionParts parts) {
    const auto before = std::make_shared<std::vector<Upid>>();
    return {
        .subject = subject_of(parts.subject),
        .limit = std::max(limit_for(session.config.task_limits, parts.began.types.at(0)),
                          parts.limit_least),
        .start = [start = std::move(parts.start)]() -> Started { return start(); },
        .look_first = [&session, before, began = parts.began, look = std::move(parts.look_first)]()
            -> std::optional<AlreadySo> {
            if (auto already = look ? look() : std::nullopt) return already;
            *before = tasks_listed(session, began);
            return std::nullopt;
        },
        .find_started =
            [&session, before, began = parts.began] { return find_begun(session, began, *before); },
        .verify = std::move(parts.verify),
        .state_counts = parts.state_counts};
}

int for_each_machine(const Config& config,
                     const MachineOptions& options,
                     const std::function<ActionParts(PveSession&, VmPlace)>& parts_of) {
    PveSession session(config);
    std::vector<PveAction> actions;
    for (const VmPlace& place : parse_places(options.places))
        actions.push_back(action_of(session, parts_of(session, place)));
    return run_actions(session, std::move(actions), options.run);
}

enum class Wanted { Running, Stopped };

// Looks first: what is so already is not told again.
ActionParts power_parts(PveSession& session,
                        const VmPlace& place,
                        Wanted wanted,
                        std::vector<std::string> types,
                        std::function<Upid()> act) {
    const bool running = wanted == Wanted::Running;
    const std::string word = running ? "running" : "stopped";
    return {.subject = place,
            .began = {.place = place, .types = std::move(types)},
            .look_first = [&session, place, running, word]() -> std::optional<AlreadySo> {
                if (status_of(session, place).is_running() != running) return std::nullopt;
                return AlreadySo{"is " + word + " already"};
            },
            .start = std::move(act),
            .verify =
                [&session, place, running](const Upid&) {
                    const VmStatus status = status_of(session, place);
                    return status.is_running() == running ? std::string()
                                                          : "the VM is " + status.status;
                },
            .state_counts = true};
}

// Whole seconds: with 0 the guest would not be asked at all.
std::chrono::seconds guest_timeout(const std::string& text) {
    const Limits limits{.least = 0, .most = limits_of("task_limits.start_stop").most};
    const auto time = parse_time("--guest-timeout", text, limits);
    return std::max(std::chrono::ceil<std::chrono::seconds>(time), std::chrono::seconds(1));
}

// A backup of that machine that is not older than its task.
std::string backup_is_there(const PveSession& session, const BackUpVm& backup, Time since) {
    for (const Volume& volume : volumes(session.pve,
                                        backup.place.node,
                                        backup.storage,
                                        {.content = "backup", .vmid = backup.place.vmid}))
        if (volume.made && *volume.made >= since) return {};
    return fmt::format("storage {} holds no backup of it from that time", backup.storage);
}

CloneVm clone_of(const MachineOptions& options, const VmPlace& source, std::int64_t to) {
    CloneVm clone{.source = source,
                  .to = to,
                  .name = options.name,
                  .storage = unless_empty(options.storage),
                  .target = unless_empty(options.target),
                  .pool = unless_empty(options.pool)};
    if (!options.name.empty() && options.to.size() > 1)
        clone.name = fmt::format("{}-{}", options.name, to);
    if (options.full) clone.full = true;
    if (options.linked) clone.full = false;
    return clone;
}

// Whole once Proxmox has taken its own lock off again.
std::string clone_is_there(const PveSession& session, const CloneVm& clone) {
    const VmPlace place{.node = clone.target.value_or(clone.source.node), .vmid = clone.to};
    const auto made = vm_config(session.pve, place, Values::InForce);
    if (!made) return fmt::format("there is no VM {} on node {}", place.vmid, place.node);
    const std::string lock = made->value("lock");
    return lock.empty() ? std::string() : fmt::format("VM {} is locked ({})", place.vmid, lock);
}

// Without the line end that editors put there.
std::string content_of(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw UsageError(file + ": cannot be read");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

}  // namespace

int start_machines(const Config& config, const MachineOptions& options) {
    return for_each_machine(config, options, [](PveSession& session, const VmPlace& place) {
        return power_parts(
            session, place, Wanted::Running, {"qmstart", "hastart"}, [&session, place] {
                return start_vm(session.pve, place);
            });
    });
}

int stop_machines(const Config& config, const MachineOptions& options) {
    return for_each_machine(config, options, [](PveSession& session, const VmPlace& place) {
        return power_parts(
            session, place, Wanted::Stopped, {"qmstop", "hastop"}, [&session, place] {
                return stop_vm(session.pve, place);
            });
    });
}

int shut_machines_down(const Config& config, const MachineOptions& options) {
    const auto guest = guest_timeout(options.guest_timeout);
    const IfItStays if_it_stays = options.force ? IfItStays::Force : IfItStays::Fail;
    return for_each_machine(config, options, [=](PveSession& session, const VmPlace& place) {
        ActionParts parts =
            power_parts(session, place, Wanted::Stopped, {"qmshutdown", "hastop"}, [=, &session] {
                return shutdown_vm(session.pve, place, guest, if_it_stays);
            });
        parts.limit_least = guest + std::chrono::minutes(1);
        return parts;
    });
}

int snapshot_machines(const Config& config, const MachineOptions& options) {
    std::string name = options.name;
    if (name.empty())
        name = fmt::format("slipway-{:%Y%m%d-%H%M%S}",
                           fmt::gmtime(std::chrono::system_clock::to_time_t(SystemClock().now())));
    try {
        check_snapshot_name(name);
    } catch (const Error& error) {
        throw UsageError(error.what());
    }
    return for_each_machine(config, options, [&](PveSession& session, const VmPlace& place) {
        return ActionParts{.subject = place,
                           .began = {.place = place, .types = {"qmsnapshot"}},
                           .start =
                               [&session, &options, place, name] {
                                   return create_snapshot(
                                       session.pve, place, name, options.description);
                               },
                           .verify =
                               [&session, place, name](const Upid&) {
                                   for (const Snapshot& snapshot : snapshots(session.pve, place))
                                       if (snapshot.name == name && snapshot.is_whole)
                                           return std::string();
                                   return "the list of snapshots does not hold " + name;
                               }};
    });
}

int back_machines_up(const Config& config, const MachineOptions& options) {
    return for_each_machine(config, options, [&](PveSession& session, const VmPlace& place) {
        BackUpVm backup = options.backup;
        backup.place = place;
        return ActionParts{
            .subject = place,
            .began = {.place = place, .types = {"vzdump"}},
            .start =
                [&session, backup] {
                    const auto upid = back_up(session.pve, backup);
                    if (!upid)
                        throw Error(fmt::format("node {} has no machine {}: nothing was backed up",
                                                backup.place.node,
                                                backup.place.vmid));
                    return *upid;
                },
            .verify =
                [&session, backup](const Upid& upid) {
                    return backup_is_there(session, backup, upid.started);
                }};
    });
}

int clone_machine(const Config& config, const MachineOptions& options) {
    PveSession session(config);
    const VmPlace source = parse_place(options.places.at(0));
    if (!options.target.empty()) check_node("--target", options.target);
    std::vector<PveAction> actions;
    for (const std::int64_t to : options.to) {
        if (to < 100 || to > 999'999'999)
            throw UsageError(fmt::format("--to {}: VM numbers go from 100 to 999999999", to));
        const CloneVm clone = clone_of(options, source, to);
        actions.push_back(action_of(
            session,
            {.subject = {.node = source.node, .vmid = to},
             .began = {.place = source,
                       .types = {"qmclone"},
                       .log_line = fmt::format("with ID {}", to)},
             .start = [&session, clone] { return clone_vm(session.pve, clone); },
             .verify = [&session, clone](const Upid&) { return clone_is_there(session, clone); }}));
    }
    return run_actions(session, std::move(actions), options.run);
}

int create_containers(const Config& config, const MachineOptions& options) {
    CreateContainer container = options.container;
    container.hostname = options.name;
    if (!options.password_file.empty()) container.password = content_of(options.password_file);
    if (!options.ssh_keys_file.empty()) container.ssh_keys = content_of(options.ssh_keys_file);
    return for_each_machine(config, options, [&](PveSession& session, const VmPlace& place) {
        CreateContainer one = container;
        one.place = place;
        if (!one.hostname.empty() && options.places.size() > 1)
            one.hostname = fmt::format("{}-{}", one.hostname, place.vmid);
        return ActionParts{.subject = place,
                           .began = {.place = place, .types = {"vzcreate"}},
                           .start = [&session, one] { return create_container(session.pve, one); },
                           .verify =
                               [&session, one](const Upid&) {
                                   const auto status = container_status(session.pve, one.place);
                                   if (!status) return std::string("the container is not there");
                                   return one.start && *status != "running"
                                              ? "the container is " + *status
                                              : std::string();
                               }};
    });
}

}  // namespace slipway
