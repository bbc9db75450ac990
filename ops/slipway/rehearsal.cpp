#include "ops/slipway/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

#include "consumers/pipelines/pipelines.h"
#include "topics/event.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

// Every log is read back for small rehearsals, a sample of so many for large ones.
constexpr std::int64_t logs_checked_most = 500;
constexpr milliseconds look_every{25};
constexpr std::int64_t portion = 5'000;

std::string new_prefix() {
    std::random_device chance;
    return fmt::format("rehearsal-{:08x}-", chance());
}

double percentile_ms(std::vector<std::uint32_t>& microseconds, double share) {
    if (microseconds.empty()) return 0;
    const auto place =
        static_cast<std::ptrdiff_t>(share * static_cast<double>(microseconds.size() - 1));
    std::nth_element(microseconds.begin(), microseconds.begin() + place, microseconds.end());
    return microseconds[static_cast<std::size_t>(place)] / 1000.0;
}

}  // namespace

Rehearsal::Rehearsal(Parts parts, RehearsalPlan plan, Watching watching)
    : parts_(std::move(parts)),
      plan_(std::move(plan)),
      watching_(watching),
      prefix_(new_prefix()) {}

std::string Rehearsal::name_of(std::int64_t vm) const {
    return prefix_ + std::to_string(vm);
}

void Rehearsal::ask(std::int64_t vm, std::string_view request) {
    const std::string service = name_of(vm);
    const std::string plan =
        plan_.payload == "{}" ? "" : fmt::format(R"(,"rehearsal":{})", plan_.payload);
    parts_.bus.publish(to_message(
        RequestEvent{.id = fmt::format("{}/{}", service, request),
                     .source = "slipway/rehearse",
                     .type = std::string(request),
                     .service_id = service,
                     .payload = fmt::format(R"({{"service_id":"{}"{}}})", service, plan)},
        parts_.topics.of("requests")));
}

// Under the lock. Time counts from the first step: until then roles may be joining their groups.
bool Rehearsal::wants_more() const {
    if (plan_.issue_for.count() == 0) return asked_ < plan_.vms;
    return steps_ == 0 || parts_.clock.now() - first_step_ <= plan_.issue_for;
}

// Under the lock. Keeps the number in flight up for as long as there are VMs to ask for.
void Rehearsal::ask_more() {
    while (asked_ - ready_ < plan_.in_flight) {
        if (!wants_more()) return;
        ask(asked_++, rehearse.name);
    }
    last_step_ = parts_.clock.now();
    steps_measured_ = steps_;
}

void Rehearsal::stepped(const Pipeline& pipeline, const Change& change) {
    if (!change.log.service_id.starts_with(prefix_)) return;
    const auto now = parts_.clock.since_boot();
    const std::lock_guard lock(mutex_);
    if (&pipeline == &rehearse_end) {
        removed_ += change.ends_run ? 1 : 0;
        return;
    }
    if (steps_++ == 0) first_step_ = parts_.clock.now();
    const auto last = last_commit_.find(change.log.service_id);
    if (last == last_commit_.end()) {
        last_commit_.emplace(change.log.service_id, now);
    } else {
        step_us_.push_back(static_cast<std::uint32_t>((now - last->second).count() / 1000));
        last->second = now;
    }
    if (!change.ends_run) return;
    last_commit_.erase(change.log.service_id);
    ++ready_;
    ask_more();
}

void Rehearsal::look_at_rows() {
    std::int64_t ready = 0;
    std::int64_t removed = 0;
    std::int64_t steps = 0;
    for (const StateCount& count : parts_.store.count_states(prefix_)) {
        const Pipeline* pipeline = find_pipeline(count.pipeline);
        if (count.state == state_ready) ready += count.vms;
        if (count.state == state_remove) removed += count.vms;
        const Vm there{.pipeline = count.pipeline, .state = count.state};
        if (pipeline) steps += count.vms * static_cast<std::int64_t>(next_place(*pipeline, there));
    }
    const std::lock_guard lock(mutex_);
    if (steps > 0 && steps_ == 0) first_step_ = parts_.clock.now();
    steps_ = std::max(steps_, steps);
    removed_ = removed;
    ready_ = std::max(ready_, ready);
    if (removed == 0) ask_more();
}

// False if nothing has moved for too long.
bool Rehearsal::wait_for(const std::int64_t& count,
                         std::string_view what,
                         RehearsalResult& result) {
    std::int64_t moved = -1;
    auto moved_at = parts_.clock.since_boot();
    while (true) {
        if (watching_ == Watching::Rows) look_at_rows();
        {
            const std::lock_guard lock(mutex_);
            if (watching_ == Watching::Steps && ready_ < asked_ && removed_ == 0) ask_more();
            if (!wants_more() && count >= asked_) return true;
            if (steps_ + removed_ != moved) {
                moved = steps_ + removed_;
                moved_at = parts_.clock.since_boot();
            }
            if (parts_.clock.since_boot() - moved_at > plan_.give_up) {
                result.problems.push_back(fmt::format(
                    "{} of {} VMs reached {}, and none has moved for {} s; are all roles running?",
                    count,
                    asked_,
                    what,
                    plan_.give_up.count() / 1000));
                return false;
            }
        }
        if (parts_.on_progress) parts_.on_progress(count, asked_);
        std::this_thread::sleep_for(look_every);
    }
}

// In portions, each recorded before the next: the embedded broker forgets what it has no room for.
void Rehearsal::ask_for_all() {
    std::int64_t recorded = 0;
    const auto until = parts_.clock.since_boot() + plan_.give_up;
    while (asked_ < plan_.vms && parts_.clock.since_boot() < until) {
        while (asked_ < plan_.vms && asked_ - recorded < portion) ask(asked_++, rehearse.name);
        std::this_thread::sleep_for(look_every);
        recorded = 0;
        for (const StateCount& count : parts_.store.count_states(prefix_)) recorded += count.vms;
    }
}

RehearsalResult Rehearsal::run() {
    RehearsalResult result;
    {
        const std::lock_guard lock(mutex_);
        began_ = parts_.clock.now();
        if (plan_.wait) ask_more();
    }
    if (!plan_.wait) {
        ask_for_all();
        if (!parts_.bus.flush(plan_.give_up)) result.problems.emplace_back("the broker is away");
        result.asked = asked_;
        return result;
    }
    const bool all_ready = wait_for(ready_, state_ready, result);
    fill_in(result);
    check_logs(result);
    if (plan_.end_them && all_ready) end_all(result);
    return result;
}

void Rehearsal::fill_in(RehearsalResult& result) {
    const std::lock_guard lock(mutex_);
    const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
    result.asked = asked_;
    result.ready = ready_;
    result.steps = steps_;
    result.seconds = seconds(parts_.clock.now() - began_);
    if (last_step_ > first_step_ && steps_measured_ > 0)
        result.steps_per_s =
            static_cast<double>(steps_measured_) / seconds(last_step_ - first_step_);
    result.step_p50_ms = percentile_ms(step_us_, 0.50);
    result.step_p99_ms = percentile_ms(step_us_, 0.99);
}

// A log without a hole: every step of the table succeeded, in order, each from where the one before
// it led to.
void Rehearsal::check_logs(RehearsalResult& result) {
    const std::int64_t stride = std::max<std::int64_t>(1, result.asked / logs_checked_most);
    for (std::int64_t vm = 0; vm < result.asked; vm += stride) {
        std::string at(rehearse.starts_at);
        for (const StepRow& row : parts_.store.steps(name_of(vm), 1)) {
            if (row.from != at)
                result.problems.push_back(fmt::format(
                    "{}: the log goes on from {} where it was at {}", name_of(vm), row.from, at));
            at = row.to;
        }
        if (at != state_ready)
            result.problems.push_back(fmt::format("{}: the log ends at {}", name_of(vm), at));
        if (result.problems.size() > 10) return;
    }
}

void Rehearsal::end_all(RehearsalResult& result) {
    for (std::int64_t vm = 0; vm < result.asked; ++vm) ask(vm, rehearse_end.name);
    wait_for(removed_, state_remove, result);
    result.removed = removed_;
}

}  // namespace slipway
