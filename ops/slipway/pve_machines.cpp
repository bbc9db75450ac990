#include "ops/slipway/pve_machines.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "consumers/proxmox/snapshots.h"

namespace slipway {
namespace {

// A look for what may have begun takes in tasks that are a little older than the call: the clocks
// of the node and of this machine need not agree to the second.
constexpr auto clocks_differ_by = std::chrono::seconds(60);

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
    VmPlace place;  // of the task
    std::string type;
    std::string log_line = {};  // one that its log must hold
};

// The newest task that this could be.
std::optional<Upid> find_begun(const PveSession& session, const WhatBegan& what, Time called_at) {
    const TaskFilter filter{
        .vmid = what.place.vmid, .type = what.type, .since = called_at - clocks_differ_by};
    for (const TaskStatus& task : task_list(session.pve, what.place.node, filter)) {
        if (what.log_line.empty()) return task.upid;
        const TaskLog log = task_log(session.pve, task.upid, 0, 50);
        for (const std::string& line : log.lines)
            if (line.find(what.log_line) != std::string::npos) return task.upid;
    }
    return std::nullopt;
}

struct ActionParts {
    VmPlace subject;
    WhatBegan began;
    std::function<Started()> start;
    std::function<std::string()> verify;
};

PveAction action_of(PveSession& session, ActionParts parts) {
    const auto called_at = std::make_shared<Time>();
    return {.subject = subject_of(parts.subject),
            .limit = limit_for(session.config.task_limits, parts.began.type),
            .start =
                [&session, called_at, start = std::move(parts.start)] {
                    *called_at = session.clock.now();
                    return start();
                },
            .find_started =
                [&session, called_at, began = parts.began] {
                    return find_begun(session, began, *called_at);
                },
            .verify = std::move(parts.verify)};
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
                        std::string_view type,
                        std::function<Upid()> act) {
    const bool running = wanted == Wanted::Running;
    const std::string word = running ? "running" : "stopped";
    return {.subject = place,
            .began = {.place = place, .type = std::string(type)},
            .start = [&session, place, running, word, act = std::move(act)]() -> Started {
                if (status_of(session, place).is_running() == running)
                    return AlreadySo{"is " + word + " already"};
                return act();
            },
            .verify =
                [&session, place, running] {
                    const VmStatus status = status_of(session, place);
                    return status.is_running() == running ? std::string()
                                                          : "the VM is " + status.status;
                }};
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
        return power_parts(session, place, Wanted::Running, "qmstart", [&session, place] {
            return start_vm(session.pve, place);
        });
    });
}

int stop_machines(const Config& config, const MachineOptions& options) {
    return for_each_machine(config, options, [](PveSession& session, const VmPlace& place) {
        return power_parts(session, place, Wanted::Stopped, "qmstop", [&session, place] {
            return stop_vm(session.pve, place);
        });
    });
}

int shut_machines_down(const Config& config, const MachineOptions& options) {
    const auto guest =
        std::chrono::duration_cast<std::chrono::seconds>(parse_limit(options.guest_timeout));
    const IfItStays if_it_stays = options.force ? IfItStays::Force : IfItStays::Fail;
    return for_each_machine(config, options, [=](PveSession& session, const VmPlace& place) {
        return power_parts(session, place, Wanted::Stopped, "qmshutdown", [=, &session] {
            return shutdown_vm(session.pve, place, guest, if_it_stays);
        });
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
                           .began = {.place = place, .type = "qmsnapshot"},
                           .start = [&session, &options, place, name]() -> Started {
                               return create_snapshot(
                                   session.pve, place, name, options.description);
                           },
                           .verify =
                               [&session, place, name] {
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
        const auto began = std::make_shared<Time>();
        return ActionParts{
            .subject = place,
            .began = {.place = place, .type = "vzdump"},
            .start = [&session, backup, began]() -> Started {
                const auto upid = back_up(session.pve, backup);
                if (!upid)
                    throw Error(fmt::format("node {} has no machine {}: nothing was backed up",
                                            backup.place.node,
                                            backup.place.vmid));
                *began = upid->started;
                return *upid;
            },
            .verify =
                [&session, backup, began] { return backup_is_there(session, backup, *began); }};
    });
}

int clone_machine(const Config& config, const MachineOptions& options) {
    PveSession session(config);
    const VmPlace source = parse_place(options.places.at(0));
    std::vector<PveAction> actions;
    for (const std::int64_t to : options.to) {
        if (to < 100 || to > 999'999'999)
            throw UsageError(fmt::format("--to {}: VM numbers go from 100 to 999999999", to));
        const CloneVm clone = clone_of(options, source, to);
        actions.push_back(action_of(
            session,
            {.subject = {.node = source.node, .vmid = to},
             .began = {.place = source,
                       .type = "qmclone",
                       .log_line = fmt::format("with ID {}", to)},
             .start = [&session, clone]() -> Started { return clone_vm(session.pve, clone); },
             .verify = [&session, clone] { return clone_is_there(session, clone); }}));
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
        return ActionParts{
            .subject = place,
            .began = {.place = place, .type = "vzcreate"},
            .start = [&session, one]() -> Started { return create_container(session.pve, one); },
            .verify =
                [&session, one] {
                    const auto status = container_status(session.pve, one.place);
                    if (!status) return std::string("the container is not there");
                    return one.start && *status != "running" ? "the container is " + *status
                                                             : std::string();
                }};
    });
}

}  // namespace slipway
