#include "ops/slipway/pve_report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "topics/event.h"
#include "topics/rfc3339.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr auto between_lines = 10s;

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

double seconds(milliseconds time) {
    return static_cast<double>(time.count()) / 1'000.0;
}

json json_of(const ActionState& state) {
    json out = {{"subject", state.subject},
                {"outcome", outcome_name(state.outcome)},
                {"text", state.text},
                {"elapsed_s", seconds(state.elapsed)}};
    if (state.upid) {
        out["upid"] = state.upid->text;
        out["node"] = state.upid->node;
        out["type"] = state.upid->type;
    }
    if (state.percent) out["percent"] = *state.percent;
    if (!state.log_tail.empty()) out["log_tail"] = state.log_tail;
    return out;
}

std::map<Outcome, int> counted(const std::vector<ActionState>& states) {
    std::map<Outcome, int> counts;
    for (const ActionState& state : states) ++counts[state.outcome];
    return counts;
}

std::vector<Upid> upids_of_running(const std::vector<ActionState>& states) {
    std::vector<Upid> upids;
    for (const ActionState& state : states)
        if (state.outcome == Outcome::Running && state.upid) upids.push_back(*state.upid);
    return upids;
}

struct TerminalSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

TerminalSize size_of_terminal(std::FILE* out) {
    winsize size{};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row < 3)
        return {};
    return {.columns = size.ws_col, .rows = size.ws_row};
}

// What is running first, if not all of it fits on the terminal.
std::vector<ActionState> that_fit(const std::vector<ActionState>& states, std::size_t most) {
    if (states.size() <= most) return states;
    std::vector<ActionState> shown;
    for (const bool running : {true, false})
        for (const ActionState& state : states)
            if (shown.size() < most && (state.outcome == Outcome::Running) == running)
                shown.push_back(state);
    return shown;
}

// Cut so that it stays one line on the terminal; never inside a character.
std::string cut(const std::string& line, std::size_t columns) {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if ((static_cast<unsigned char>(line[i]) & 0xC0) == 0x80) continue;
        if (seen++ == columns) return line.substr(0, i);
    }
    return line;
}

}  // namespace

std::string elapsed_text(milliseconds elapsed) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
    if (elapsed < 60s) return fmt::format("{:.1f}s", seconds(elapsed));
    if (elapsed < 1h) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
    return fmt::format("{}h {:02}m", whole / 3'600, whole / 60 % 60);
}

std::vector<std::string> table_lines(const std::vector<ActionState>& states) {
    std::size_t widest = 7;
    for (const ActionState& state : states) widest = std::max(widest, state.subject.size());
    std::vector<std::string> lines;
    for (const ActionState& state : states) {
        const std::string percent = state.outcome == Outcome::Running && state.percent
                                        ? fmt::format("{:.0f} %", *state.percent)
                                        : "";
        std::string line = fmt::format("{:<{}}  {:<11} {:<9} {:>8}  {:>5}  {}",
                                       state.subject,
                                       widest,
                                       state.upid ? state.upid->type : "",
                                       outcome_name(state.outcome),
                                       elapsed_text(state.elapsed),
                                       percent,
                                       clean_text(state.text));
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string summary(const std::vector<ActionState>& states) {
    std::string out;
    for (const ActionState& state : states) {
        if (state.log_tail.empty()) continue;
        out += fmt::format("\nthe end of the log of {}:\n", state.subject);
        for (const std::string& line : state.log_tail)
            out += fmt::format("    {}\n", clean_text(line));
    }
    auto counts = counted(states);
    out += fmt::format("{}{} completed, {} failed, {} timeout",
                       out.empty() ? "" : "\n",
                       counts[Outcome::Completed],
                       counts[Outcome::Failed],
                       counts[Outcome::Timeout]);
    if (counts[Outcome::Unknown] > 0)
        out += fmt::format(
            ", {} unknown (they may be running; look with: slipway pve task list --running)",
            counts[Outcome::Unknown]);
    if (counts[Outcome::Waiting] > 0)
        out += fmt::format(", {} not begun", counts[Outcome::Waiting]);
    if (counts[Outcome::Running] > 0)
        out += fmt::format(", {} running\nthey go on; {}",
                           counts[Outcome::Running],
                           command_to_wait_for(upids_of_running(states)));
    return out + "\n";
}

std::string states_as_json(const std::vector<ActionState>& states) {
    auto counts = counted(states);
    json tasks = json::array();
    for (const ActionState& state : states) tasks.push_back(json_of(state));
    return dumped({{"tasks", tasks},
                   {"completed", counts[Outcome::Completed]},
                   {"failed", counts[Outcome::Failed]},
                   {"timeout", counts[Outcome::Timeout]},
                   {"unknown", counts[Outcome::Unknown]},
                   {"running", counts[Outcome::Running]},
                   {"waiting", counts[Outcome::Waiting]}}) +
           "\n";
}

std::string task_as_json(const TaskStatus& task) {
    json out = {{"upid", task.upid.text},
                {"node", task.upid.node},
                {"type", task.upid.type},
                {"id", task.upid.id},
                {"user", task.upid.user},
                {"started", to_rfc3339(task.upid.started)},
                {"running", task.running}};
    if (task.ended) out["ended"] = to_rfc3339(*task.ended);
    if (!task.running) {
        out["exit_status"] = task.exit_status;
        out["succeeded"] = succeeded(task.exit_status);
    }
    return dumped(out) + "\n";
}

std::string task_line(const TaskStatus& task) {
    const auto took = task.ended ? elapsed_text(std::chrono::duration_cast<milliseconds>(
                                       *task.ended - task.upid.started))
                                 : "";
    return fmt::format("{}  {:<11} {:<12} {:<20} {:>8}  {:<10} {}",
                       to_rfc3339(task.upid.started).substr(0, 19),
                       task.upid.type,
                       task.upid.id,
                       task.upid.user,
                       took,
                       task.running ? "running" : clean_text(task.exit_status),
                       task.upid.text);
}

LiveTable::LiveTable(const Clock& clock, std::FILE* out)
    : clock_(clock), out_(out), terminal_(isatty(fileno(out)) == 1), told_at_(clock.since_boot()) {}

void LiveTable::show(const std::vector<ActionState>& states) {
    terminal_ ? redraw(states) : print_news(states);
    std::fflush(out_);
}

void LiveTable::end(const std::vector<ActionState>& states) {
    if (drawn_ > 0) fmt::print(out_, "\033[{}A\r\033[J", drawn_);
    drawn_ = 0;
    const std::vector<std::string> lines = table_lines(states);
    for (std::size_t i = 0; i < states.size(); ++i)
        if (terminal_ || states[i].outcome <= Outcome::Running) fmt::print(out_, "{}\n", lines[i]);
    std::fflush(out_);
}

void LiveTable::redraw(const std::vector<ActionState>& states) {
    if (drawn_ > 0) fmt::print(out_, "\033[{}A", drawn_);
    const TerminalSize size = size_of_terminal(out_);
    const std::vector<ActionState> shown = that_fit(states, size.rows - 2);
    for (const std::string& line : table_lines(shown))
        fmt::print(out_, "\r\033[K{}\n", cut(line, size.columns));
    drawn_ = shown.size();
}

void LiveTable::print_news(const std::vector<ActionState>& states) {
    told_.resize(states.size(), Outcome::Waiting);
    const bool time_to_tell = clock_.since_boot() - told_at_ >= between_lines;
    if (time_to_tell) told_at_ = clock_.since_boot();
    const std::vector<std::string> lines = table_lines(states);
    for (std::size_t i = 0; i < states.size(); ++i) {
        const bool running = states[i].outcome == Outcome::Running;
        if (states[i].outcome == told_[i] && !(running && time_to_tell)) continue;
        if (running && told_[i] == Outcome::Waiting && !time_to_tell) continue;
        told_[i] = states[i].outcome;
        if (states[i].outcome != Outcome::Waiting) fmt::print(out_, "{}\n", lines[i]);
    }
}

}  // namespace slipway
