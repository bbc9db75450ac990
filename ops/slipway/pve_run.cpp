#include "ops/slipway/pve_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/slipway/command.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::int64_t log_part = 500;
constexpr std::int64_t tail_lines = 10;

// After its task: empty if nothing is. Throws ProxmoxError if that could not be seen.
std::string what_is_wrong(const PveAction& action, const Upid& upid) {
    try {
        return action.verify ? action.verify(upid) : std::string();
    } catch (const ProxmoxError&) {
        throw;
    } catch (const Error& error) {
        return error.what();  // what was to be looked at is not there
    }
}

bool is_so(const PveAction& action, const Upid& upid) {
    try {
        return what_is_wrong(action, upid).empty();
    } catch (const ProxmoxError&) {
        return false;  // the task failed, and nobody saw otherwise
    }
}

}  // namespace

bool may_be_asked_again(const ProxmoxError& error) {
    switch (error.fault) {
        case Fault::NotExecuted:
        case Fault::Unknown:
        case Fault::Locked:
            return true;
        case Fault::Gone:
        case Fault::Refused:
        case Fault::Forbidden:
        case Fault::WrongParameter:
            return false;
    }
    return false;
}

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::Waiting:
            return "waiting";
        case Outcome::Running:
            return "running";
        case Outcome::Completed:
            return "completed";
        case Outcome::Failed:
            return "failed";
        case Outcome::Timeout:
            return "timeout";
        case Outcome::Unknown:
            return "unknown";
    }
    return "";
}

std::string command_to_wait_for(const std::vector<Upid>& upids) {
    std::string command = "slipway pve task wait";
    for (const Upid& upid : upids) command += " '" + upid.text + "'";
    return command;
}

enum class PveRun::Left { TimeIsUp, Interrupted };

struct PveRun::Inside {
    PveAction action;
    ActionState state;
    nanoseconds began{0};
    nanoseconds not_before{0};
    int failures = 0;  // in a row
    bool seen_running = false;
    std::optional<nanoseconds> ended_at = {};  // of a task whose effect is still waited for
    std::string lost = {};  // why the answer to start() is not known, if it is not
    std::int64_t log_read = 0;
};

PveRun::PveRun(Proxmox pve, RunSettings settings, RunHooks hooks)
    : pve_(pve), settings_(settings), hooks_(std::move(hooks)) {}

std::vector<ActionState> PveRun::run(std::vector<PveAction> actions) {
    std::vector<Inside> all;
    for (PveAction& action : actions) {
        std::string subject = action.subject;
        all.push_back({.action = std::move(action), .state = {.subject = std::move(subject)}});
    }
    while (true) {
        const bool goes_on = round(all);
        if (!goes_on)
            for (Inside& one : all)
                if (one.state.outcome <= Outcome::Running) leave(one, Left::Interrupted);
        std::vector<ActionState> states;
        for (const Inside& one : all) states.push_back(one.state);
        hooks_.show(states);
        const bool finished = std::all_of(states.begin(), states.end(), [](const auto& state) {
            return state.outcome > Outcome::Running;
        });
        if (finished || !goes_on) return states;
        hooks_.pause(until_next_round(all));
    }
}

// False if somebody said stop: then nothing more is started, nor looked at.
bool PveRun::round(std::vector<Inside>& all) {
    auto running = std::count_if(all.begin(), all.end(), [](const Inside& one) {
        return one.state.outcome == Outcome::Running;
    });
    for (Inside& one : all) {
        if (one.state.outcome > Outcome::Running) continue;
        if (!hooks_.pause(milliseconds(0))) return false;
        if (one.state.outcome == Outcome::Waiting && running < settings_.at_once) {
            one.began = pve_.cluster.clock().since_boot();
            one.state.outcome = Outcome::Running;
            ++running;
        }
        if (one.state.outcome == Outcome::Running) look(one);
    }
    return true;
}

// Not beyond the first limit.
milliseconds PveRun::until_next_round(const std::vector<Inside>& all) const {
    nanoseconds next = settings_.interval;
    for (const Inside& one : all)
        if (one.state.outcome == Outcome::Running)
            next = std::min(next, one.began + one.action.limit - pve_.cluster.clock().since_boot());
    return std::max(std::chrono::ceil<milliseconds>(next), milliseconds(1));
}

bool PveRun::may_run(const Inside& one) {
    return one.state.upid || !one.lost.empty();
}

bool PveRun::may_act(const Inside& one) const {
    return pve_.cluster.clock().since_boot() >= one.not_before;
}

void PveRun::look(Inside& one) {
    if (hooks_.look_until) hooks_.look_until(one.began + one.action.limit);
    try {
        if (may_act(one)) act(one);
    } catch (const Error& error) {
        // What is wrong with one stops none of the others.
        one.state.outcome = may_run(one) ? Outcome::Unknown : Outcome::Failed;
        one.state.text = error.what();
    }
    const nanoseconds elapsed = pve_.cluster.clock().since_boot() - one.began;
    one.state.elapsed = std::chrono::duration_cast<milliseconds>(elapsed);
    if (one.state.outcome == Outcome::Running && one.state.elapsed >= one.action.limit)
        leave(one, Left::TimeIsUp);
}

// Nobody waits for it any longer. What has begun goes on, so all there is to say is what is known.
void PveRun::leave(Inside& one, Left why) {
    ActionState& state = one.state;
    if (!may_run(one)) {
        state.outcome = why == Left::TimeIsUp ? Outcome::Timeout : Outcome::Waiting;
        const std::string said = state.text.empty() ? "" : ": " + state.text;
        state.text = (why == Left::TimeIsUp ? "could not be started in time" : "not begun") + said;
    } else if (!state.upid) {
        state.outcome = Outcome::Unknown;  // and the text says what was lost
    } else if (one.ended_at) {
        const bool seen = why == Left::TimeIsUp && one.failures == 0;
        state.outcome = seen ? Outcome::Failed : Outcome::Unknown;  // and the text says how it is
    } else if (one.seen_running && one.failures == 0) {
        state.outcome = why == Left::TimeIsUp ? Outcome::Timeout : Outcome::Running;
        state.text = "still running; go on with: " + command_to_wait_for({*state.upid});
    } else {
        state.outcome = Outcome::Unknown;
        const std::string said = state.text.empty() ? "" : " (" + state.text + ")";
        state.text = fmt::format("not known whether it still runs{}; go on with: {}",
                                 said,
                                 command_to_wait_for({*state.upid}));
    }
}

void PveRun::act(Inside& one) {
    if (one.state.upid) return look_at_task(one);
    one.lost.empty() ? start(one) : look_for(one);
}

void PveRun::start(Inside& one) {
    bool looking = true;
    try {
        const auto already = one.action.look_first ? one.action.look_first() : std::nullopt;
        if (already) return started(one, *already);
        looking = false;
        started(one, one.action.start());
    } catch (const ProxmoxError& error) {
        if (error.fault == Fault::NotExecuted || (looking && may_be_asked_again(error)))
            return try_again(one, error.what());
        if (error.fault == Fault::Unknown) return answer_lost(one, error.what());
        throw;
    }
}

// It may have begun: never sent again, but looked for.
void PveRun::answer_lost(Inside& one, const std::string& why) {
    one.failures = 0;
    one.lost = why;
    one.state.text = why;
    if (one.action.find_started) return look_for(one);
    one.state.outcome = Outcome::Unknown;
}

// Again and again for a while: the node may be away, and a list may lag behind.
void PveRun::look_for(Inside& one) {
    try {
        if (const auto upid = one.action.find_started()) return started(one, *upid);
        try_again(one, one.lost + "; looked for, but no such task is listed");
    } catch (const ProxmoxError& error) {
        try_again(one,
                  fmt::format(
                      "{}; whether it began could not be found out ({})", one.lost, error.what()));
    }
}

void PveRun::started(Inside& one, const Started& what) {
    one.failures = 0;
    if (const auto* already = std::get_if<AlreadySo>(&what)) {
        one.state.outcome = Outcome::Completed;
        one.state.text = already->text;
        return;
    }
    one.state.upid = std::get<Upid>(what);
    one.state.outcome = Outcome::Running;
    one.state.text.clear();
}

void PveRun::look_at_task(Inside& one) {
    try {
        const auto status = task_status(pve_, *one.state.upid);
        if (!status) {
            // A list may lag behind; a task that is forgotten stays so.
            return try_again(one,
                             "node " + one.state.upid->node + " knows no such task (any more)");
        }
        if (settings_.progress) read_progress(one);
        if (status->running) {
            one.failures = 0;
            one.seen_running = true;
            one.state.text.clear();
        } else {
            ended(one, *status);
        }
    } catch (const ProxmoxError& error) {
        if (!may_be_asked_again(error)) throw;
        try_again(one, error.what());
    }
}

void PveRun::read_progress(Inside& one) {
    try {
        const TaskLog part = task_log(pve_, *one.state.upid, one.log_read, log_part);
        one.log_read += static_cast<std::int64_t>(part.lines.size());
        if (const auto percent = progress_in(part.lines)) one.state.percent = percent;
    } catch (const ProxmoxError&) {
        // Nice to have; what became of the task is asked for apart.
    }
}

void PveRun::ended(Inside& one, const TaskStatus& status) {
    if (!succeeded(status.exit_status)) return failed(one, status);
    const std::string wrong = what_is_wrong(one.action, status.upid);
    one.failures = 0;
    one.state.text = status.exit_status;
    if (!wrong.empty()) {
        one.state.text = fmt::format("the task says {}, but {}", status.exit_status, wrong);
        if (may_follow(one)) return;
    }
    one.state.outcome = wrong.empty() ? Outcome::Completed : Outcome::Failed;
}

void PveRun::failed(Inside& one, const TaskStatus& status) {
    if (one.action.state_counts && is_so(one.action, status.upid)) {
        one.state.outcome = Outcome::Completed;
        one.state.text = "it is so, though the task says: " + status.exit_status;
        return;
    }
    one.state.outcome = Outcome::Failed;
    one.state.text = status.exit_status;
    try {
        one.state.log_tail = task_log_tail(pve_, status.upid, tail_lines);
    } catch (const ProxmoxError& error) {
        one.state.log_tail = {std::string("cannot be read: ") + error.what()};
    }
}

// Where HA is asked the task ends at once, and the cluster acts in its own time, until the limit.
bool PveRun::may_follow(Inside& one) const {
    if (!one.action.state_counts) return false;
    const nanoseconds now = pve_.cluster.clock().since_boot();
    if (!one.ended_at) one.ended_at = now;
    return one.state.upid->type.starts_with("ha") || now < *one.ended_at + settings_.retry_pause;
}

// Later, unless that has been said too often.
void PveRun::try_again(Inside& one, const std::string& why) {
    one.state.text = why;
    one.not_before = pve_.cluster.clock().since_boot() + settings_.retry_pause;
    if (++one.failures <= settings_.retries) return;
    one.state.outcome = may_run(one) ? Outcome::Unknown : Outcome::Failed;
}

int exit_code(const std::vector<ActionState>& states) {
    return std::all_of(states.begin(),
                       states.end(),
                       [](const ActionState& state) { return state.outcome == Outcome::Completed; })
               ? Succeeded
               : CouldNot;
}

}  // namespace slipway
