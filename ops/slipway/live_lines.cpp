#include "ops/slipway/live_lines.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/teller.h"

namespace slipway {
namespace {

constexpr std::size_t most_runs = 100'000;

std::string seconds(std::int64_t microseconds) {
    return fmt::format("{:.2f}s", static_cast<double>(microseconds) / 1e6);
}

std::string title_of(const StepEvent& event) {
    const Pipeline* pipeline = find_pipeline(event.pipeline);
    return pipeline != nullptr ? std::string(pipeline->title) : event.pipeline;
}

bool shows_phases(const StepEvent& event) {
    const Pipeline* pipeline = find_pipeline(event.pipeline);
    return pipeline != nullptr && pipeline->shows == Shows::Phases;
}

bool ends_well(const StepEvent& event) {
    return event.to != event.from && event.to != state_parked && at_rest(event.to);
}

std::string mark_of(const StepEvent& event) {
    if (event.result == "error") return "[!]";
    if (event.result == "waiting") return "[~]";
    return "[+]";
}

std::string outcome_of(const StepEvent& event) {
    if (event.result == "skip") return "success";
    if (event.result == "waiting") return "waiting: " + event.text;
    if (event.result == "error")
        return event.to == state_parked ? event.text + ". Parked." : event.text + ". Will retry.";
    return event.text.empty() ? event.result : event.result + " (" + event.text + ")";
}

std::string step_line(const StepEvent& event) {
    const std::string label = event.result == "skip"
                                  ? fmt::format("{} (skip — {})", event.label, event.text)
                                  : event.label;
    return fmt::format("  {} {:>2}. {:<30} {} ({} -> {}) [{}]\n",
                       mark_of(event),
                       event.number,
                       label,
                       outcome_of(event),
                       event.from,
                       event.to,
                       seconds(event.duration_us));
}

std::string closing_line(const StepEvent& event) {
    if (ends_well(event))
        return fmt::format("--- {} complete: service={} status={} ---\n",
                           title_of(event),
                           event.service_id,
                           event.to);
    if (event.to == state_parked)
        return fmt::format("--- {} stopped: service={} status={}, a person must decide ---\n",
                           title_of(event),
                           event.service_id,
                           event.to);
    if (event.result == "waiting" || event.result == "error")
        return fmt::format("--- {} paused: waiting at [{}] ---\n", title_of(event), event.to);
    return {};
}

// "2026-04-18 01:36:08   sid:5546  " and what follows.
std::string phase_line(const StepEvent& event, std::string_view what) {
    return fmt::format("{}   sid:{}  {}\n", time_text(event.time), event.service_id, what);
}

std::string run_of(const StepEvent& event) {
    return fmt::format("{}/{}", event.service_id, event.run);
}

}  // namespace

std::string time_text(EventTime time) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S}",
                       fmt::localtime(std::chrono::system_clock::to_time_t(time)));
}

// Nothing if the last heading was about the same run.
std::string LiveLines::heading(const StepEvent& event) {
    const std::string about = run_of(event);
    if (about == heading_of_) return {};
    heading_of_ = about;
    return fmt::format("--- {}: service={}{} status={} ---\n",
                       title_of(event),
                       event.service_id,
                       event.vmid > 0 ? fmt::format(" vm={}", event.vmid) : "",
                       event.from);
}

std::string LiveLines::phase_lines(const StepEvent& event) {
    std::string out;
    if (event.number == 1 && event.row == 1) {
        // Runs that were broken off leave theirs behind: not for ever.
        if (began_.size() >= most_runs) began_.clear();
        const EventTime began = event.time - std::chrono::microseconds(event.duration_us);
        if (began_.emplace(run_of(event), began).second)
            out = phase_line(event, fmt::format("[{}] starting", event.pipeline));
    }
    out += phase_line(event, fmt::format("  · {}: {}", event.label, outcome_of(event)));
    if (!ends_well(event) && event.to != state_parked) return out;
    std::string took;
    if (const auto began = began_.extract(run_of(event)))
        took = fmt::format(" ({})", seconds((event.time - began.mapped()).count()));
    return out + phase_line(event,
                            fmt::format("[{}] done{} result={}",
                                        event.pipeline,
                                        took,
                                        ends_well(event) ? "success" : "error"));
}

std::string LiveLines::of(const StepEvent& event) {
    if (shows_phases(event)) {
        heading_of_.clear();
        return event.line.empty() ? phase_lines(event) : phase_line(event, "  · " + event.line);
    }
    const std::string out = heading(event);
    if (!event.line.empty()) return out + time_text(event.time) + "       · " + event.line + "\n";
    const std::string closing = closing_line(event);
    if (!closing.empty()) heading_of_.clear();
    return out + step_line(event) + closing;
}

void LivePrinter::stepped(const Pipeline&, const Change& change) {
    print(step_event(change.log));
}

void LivePrinter::said(const Vm& vm, std::string_view line) {
    print({.service_id = vm.service_id,
           .vmid = vm.vmid,
           .pipeline = vm.pipeline,
           .run = vm.run,
           .from = vm.state,
           .to = vm.state,
           .time = clock_.now(),
           .line = clean_text(line)});
}

void LivePrinter::print(const StepEvent& event) {
    const std::lock_guard lock(mutex_);
    const std::string text = lines_.of(event);
    std::fwrite(text.data(), 1, text.size(), out_);
    std::fflush(out_);
}

}  // namespace slipway
