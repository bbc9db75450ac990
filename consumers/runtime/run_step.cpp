#include "consumers/runtime/run_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "consumers/runtime/check.h"
#include "consumers/runtime/error.h"
#include "topics/event.h"

namespace slipway {
namespace {

// What a step says reaches rows and topics: no answer may be too large to be told.
constexpr std::size_t text_most = 4 * 1024;
constexpr std::size_t lines_most = 64 * 1024;

std::string bounded(std::string_view text, std::size_t most) {
    if (text.size() <= most) return clean_text(text);
    return clean_text(text.substr(0, most)) + "… (cut)";
}

// One answer on its way to becoming a change.
struct Answering {
    const Pipeline& pipeline;
    const StepTimes& times;
    const Step& step;
    std::size_t place;
    const Vm& before;
    Vm next;
    Time began;
    Time now;
    std::string lines;
    Keep keep;
};

Change begin_change(Answering& a, std::string_view result, std::string text) {
    Change change;
    change.version = a.before.version;
    a.next.version = a.before.version + 1;
    change.log = {
        .service_id = a.before.service_id,
        .run = a.before.run,
        .row = a.before.log_row + 1,
        .pipeline = std::string(a.pipeline.name),
        .number = static_cast<int>(a.place) + 1,
        .label = std::string(a.step.label),
        .result = std::string(result),
        .text = std::move(text),
        .lines = std::move(a.lines),
        .from = a.before.phase.empty() ? a.before.state : a.before.phase,
        .began = a.began,
        .ended = a.now,
    };
    return change;
}

bool same_detail(const Vm& a, const Vm& b) {
    const auto detail = [](const Vm& vm) {
        return std::tie(vm.cluster,
                        vm.target,
                        vm.applied,
                        vm.client,
                        vm.product,
                        vm.node,
                        vm.vmid,
                        vm.name,
                        vm.domain,
                        vm.username,
                        vm.password,
                        vm.mac,
                        vm.rev_dns,
                        vm.service_status);
    };
    return detail(a) == detail(b);
}

Stepped finish_change(Answering& a, Change change, bool goes_on) {
    a.next.log_row = change.log.row;
    change.log.vmid = a.next.vmid;
    change.log.to = a.next.phase.empty() ? a.next.state : a.next.phase;
    change.changes_detail = !same_detail(a.before, a.next);
    change.tasks = std::move(a.keep.tasks);
    change.dns_records = std::move(a.keep.dns_records);
    change.letter = std::move(a.keep.letter);
    change.next = std::move(a.next);
    return {.change = std::move(change), .goes_on = goes_on};
}

// The same answer as last time, or a new one? Equal ones share a row of the log.
void count_answer(Answering& a, Change& change, std::string answer, bool& tell) {
    change.repeats = a.before.answer == answer && a.before.log_row > 0;
    if (change.repeats) change.log.row = a.before.log_row;
    if (!change.repeats) a.next.answered_at = a.began;
    tell = !change.repeats || a.now - a.before.told_at >= a.times.heartbeat_line;
    if (tell) a.next.told_at = a.now;
    a.next.answer = std::move(answer);
}

Stepped advance(Answering& a, std::string_view result, std::string_view text) {
    Change change = begin_change(a, result, bounded(text, text_most));
    const bool last = a.place + 1 == a.pipeline.steps.size();
    if (a.pipeline.shows == Shows::Phases && !last) {
        a.next.phase = a.step.state;
    } else {
        a.next.state = a.step.state;
        a.next.phase.clear();
    }
    a.next.failures = 0;
    a.next.answer.clear();
    change.touches_run = last || a.before.failures > 0;
    change.run_result = last ? "success" : "waiting";
    change.ends_run = last;
    change.rejects_queued = last && a.next.state == state_remove;
    change.frees_slots = a.keep.frees_slots;
    if (last) {
        a.next.wake_at.reset();
    } else if (!a.before.wake_at || *a.before.wake_at < a.now + a.times.grace / 2) {
        a.next.wake_at = a.now + a.times.grace;
    }
    return finish_change(a, std::move(change), !last);
}

// Who is woken when it may be its turn asks in between only in case nobody woke it.
Time next_look(const Answering& a, const Waiting& waiting) {
    if (waiting.until) return *waiting.until;
    const Time::duration poll = a.times.poll_interval;
    const bool is_woken = !waiting.claims.slots.empty();
    const Time::duration longest =
        is_woken ? std::max<Time::duration>(poll, a.times.heartbeat_line) : poll;
    return a.now + until_next_look(a.now - a.next.answered_at, poll, longest);
}

Stepped wait(Answering& a, Waiting& waiting) {
    Change change = begin_change(a, "waiting", bounded(waiting.what, text_most));
    bool tell = true;
    count_answer(a, change, "waiting: " + change.log.text, tell);
    a.next.wake_at = next_look(a, waiting);
    if (!waiting.progress.empty()) change.log.text += " (" + clean_text(waiting.progress) + ")";
    change.claims = std::move(waiting.claims.slots);
    change.addresses = std::move(waiting.claims.addresses);
    change.number = std::move(waiting.claims.number);
    change.inventory_revision = waiting.claims.inventory_revision;
    change.wake_if_granted = a.now + a.times.grace;
    // "Look at once" says that this commit was all it waited for.
    const bool at_once = waiting.until && *waiting.until <= a.now;
    if (at_once) a.next.wake_at = a.now + a.times.grace;
    Stepped stepped = finish_change(a, std::move(change), at_once);
    stepped.tell = tell;
    return stepped;
}

Stepped retry(Answering& a, std::string_view error) {
    Change change = begin_change(a, "error", bounded(error, text_most));
    a.next.failures = a.before.failures + 1;
    a.next.wake_at = a.now + back_off(a.times, a.before, a.next.failures);
    a.next.last_error_action = a.step.label;
    a.next.last_error = change.log.text;
    change.touches_run = a.before.failures == 0 || a.before.last_error != change.log.text;
    change.run_result = "waiting";
    change.run_error = change.log.text;
    // Nobody waits for a slot of one who cannot use it; the next attempt asks anew.
    change.frees_slots = a.keep.frees_slots;
    bool tell = true;
    count_answer(a, change, "error: " + change.log.text, tell);
    Stepped stepped = finish_change(a, std::move(change), false);
    stepped.tell = tell;
    return stepped;
}

Stepped park(Answering& a, std::string_view why) {
    Change change = begin_change(a, "error", bounded(why, text_most));
    a.next.state = state_parked;
    a.next.phase.clear();
    a.next.wake_at.reset();
    a.next.failures = a.before.failures + 1;
    a.next.answer.clear();
    a.next.last_error_action = a.step.label;
    a.next.last_error = change.log.text;
    change.touches_run = true;
    change.ends_run = true;
    change.rejects_queued = true;  // as a request is that comes later: a person decides now
    change.run_result = "error";
    change.run_error = change.log.text;
    change.activity = ActivityRow{
        .service_id = a.before.service_id,
        .run = a.before.run,
        .kind = "parked",
        .text = fmt::format("Service {} FAILED — admin attention required. Error: {}",
                            a.pipeline.name,
                            change.log.text),
        .at = a.now,
    };
    change.dead_letter = DeadLetterRow{
        .key = fmt::format("{}/{}", a.before.service_id, a.before.run),
        .kind = "parked",
        .service_id = a.before.service_id,
        .reason = fmt::format("{}: {}", a.step.label, change.log.text),
        .at = a.now,
    };
    return finish_change(a, std::move(change), false);
}

Stepped fail(Answering& a, std::string_view error) {
    switch (a.step.if_it_fails) {
        case IfItFails::Retry:
            return retry(a, error);
        case IfItFails::Continue:
            return advance(a, "success", error);
        case IfItFails::Park:
            return park(a, error);
    }
    throw CheckFailed("every row of a table says what happens if it fails");
}

Stepped act_on(Answering& a, StepOutcome outcome) {
    if (std::holds_alternative<Done>(outcome)) return advance(a, "success", "");
    if (auto* skipped = std::get_if<Skipped>(&outcome)) return advance(a, "skip", skipped->why);
    if (auto* waiting = std::get_if<Waiting>(&outcome)) return wait(a, *waiting);
    if (auto* parked = std::get_if<Parked>(&outcome)) return park(a, parked->why);
    return fail(a, std::get<Failed>(outcome).error);
}

Answering begin_answer(const Pipeline& pipeline, const StepTimes& times, const Vm& vm, Time now) {
    const std::size_t place = next_place(pipeline, vm);
    check(place < pipeline.steps.size(),
          "a VM that is not at rest stands at a place its pipeline knows");
    return {pipeline, times, pipeline.steps[place], place, vm, vm, now, now, {}, {}};
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        if (!text.empty()) text += '\n';
        text += line;
    }
    return bounded(text, lines_most);
}

// An exception is how the outside says that it could not; a failed check() is a bug of ours, which
// stops this VM only, and visibly: it is retried as any other failure.
StepOutcome ask(const Step& step, World& world, Vm& vm) {
    try {
        return step.run(world, vm);
    } catch (const CheckFailed& bug) {
        return Failed{fmt::format("this is a bug, please report it: {}", bug.what())};
    } catch (const std::exception& error) {
        return Failed{error.what()};
    }
}

}  // namespace

Stepped run_step(const Pipeline& pipeline, const StepTimes& times, World& world, const Vm& vm) {
    Answering a = begin_answer(pipeline, times, vm, world.clock.now());
    StepOutcome outcome = ask(a.step, world, a.next);
    a.now = world.clock.now();
    a.began = std::min(a.began, a.now);  // somebody may have set the clock back meanwhile
    a.lines = joined(world.lines);
    a.keep = std::move(world.keep);
    return act_on(a, std::move(outcome));
}

Stepped fail_step(const Pipeline& pipeline,
                  const StepTimes& times,
                  const Vm& vm,
                  std::string_view error,
                  Time now) {
    Answering a = begin_answer(pipeline, times, vm, now);
    return retry(a, error);
}

Stepped start_queued(const Pipeline& pipeline,
                     const StepTimes& times,
                     const Vm& vm,
                     const RequestRow& request,
                     Time now) {
    Change change;
    change.version = vm.version;
    change.next = begin_run(vm, pipeline, request, now + times.grace);
    change.next.queued = vm.queued - 1;
    change.next.log_row = 1;
    change.starts_request = request.id;
    change.changes_detail = true;
    change.log = {
        .service_id = vm.service_id,
        .run = change.next.run,
        .row = 1,
        .pipeline = std::string(pipeline.name),
        .number = 0,
        .label = "Start queued request",
        .result = "success",
        .text = "request " + request.id,
        .from = vm.state,
        .to = change.next.state,
        .began = now,
        .ended = now,
    };
    return {.change = std::move(change), .goes_on = true};
}

std::chrono::microseconds back_off(const StepTimes& times, const Vm& vm, int failures) {
    const auto first = std::chrono::duration_cast<std::chrono::microseconds>(times.retry_first);
    const auto longest = std::chrono::duration_cast<std::chrono::microseconds>(times.retry_longest);
    const int doublings = std::clamp(failures - 1, 0, 30);
    const auto whole = std::min(longest, first * (std::int64_t{1} << doublings));
    const std::size_t spread =
        std::hash<std::string>{}(fmt::format("{}/{}", vm.service_id, failures)) % 1024;
    return whole - whole / 4 * static_cast<std::int64_t>(spread) / 1024;
}

}  // namespace slipway
