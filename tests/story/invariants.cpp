// What must hold whenever the town rests, whatever happened on the way.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "consumers/pipelines/pipelines.h"
#include "consumers/steps/steps.h"
#include "tests/story/town.h"

namespace slipway {
namespace {

bool advances(const StepRow& row) {
    return row.result == "success" || row.result == "skip";
}

class Checker {
  public:
    explicit Checker(Town& town)
        : town_(town), effects_(town.ledger.effects.begin(), town.ledger.effects.end()) {}

    std::string check() {
        read_topics();
        for (const std::string& service : town_.services()) check_service(service);
        check_told_of_nothing_else();
        check_requests();
        check_dead_letters();
        return broken_;
    }

  private:
    using RowKey = std::tuple<std::string, std::int64_t, int>;

    template <typename... Args>
    void broken(fmt::format_string<Args...> text, Args&&... args) {
        broken_ += "BROKEN: " + fmt::format(text, std::forward<Args>(args)...) + "\n";
    }

    void read_topics() {
        const TopicNames topics;
        for (const Message& message : town_.bus.heard()) {
            if (message.topic == topics.of("step-events")) {
                read_step(message);
            } else if (message.topic == topics.of("dead-letter")) {
                letters_.insert(message.key);
            } else if (message.topic == topics.of("activity")) {
                activity_[message.key].insert(message.body);
            }
        }
    }

    void read_step(const Message& message) {
        try {
            const StepEvent event = read_step_event(message);
            if (event.line.empty())
                told_[{event.service_id, event.run, event.row}].insert(answer(event));
        } catch (const Unreadable& why) {
            broken("a step event of ours cannot be read: {}", why.what());
        }
    }

    // How far a task is may have been told earlier than it was last written down.
    template <typename Row>
    static std::string text_of(const Row& row) {
        const std::size_t progress = row.result == "waiting" ? row.text.rfind(" (") : row.text.npos;
        return row.text.substr(0, progress);
    }

    template <typename Row>
    static std::string answer(const Row& row) {
        return fmt::format("{}. {} {}: {} ({} -> {})",
                           row.number,
                           row.label,
                           row.result,
                           text_of(row),
                           row.from,
                           row.to);
    }

    void check_service(const std::string& service) {
        const Vm vm = town_.vm(service);
        if (vm.state.empty()) return;  // every request was rejected, or none was read
        if (!at_rest(vm.state)) broken("{} stands in {}", service, vm.state);
        if (vm.wake_at) broken("{} would wake, at rest", service);
        if (vm.queued != 0) broken("{} has {} requests queued, at rest", service, vm.queued);
        if (vm.state == state_parked) check_parked(vm);
        std::vector<RunRow> runs = town_.store->runs(service, 100);
        if (std::none_of(runs.begin(), runs.end(), [&](auto& run) { return run.run == vm.run; }))
            broken("{} has no run {}", service, vm.run);
        for (const RunRow& run : runs) check_run(vm, run);
    }

    void check_parked(const Vm& vm) {
        if (vm.last_error.empty()) broken("{} is parked without a reason", vm.service_id);
        if (activity_[vm.service_id].empty())
            broken("{} is parked and billing has not heard of it", vm.service_id);
    }

    void check_run(const Vm& vm, const RunRow& run) {
        const std::string name = fmt::format("{} run {}", run.service_id, run.run);
        const Pipeline* pipeline = find_pipeline(run.pipeline);
        if (!pipeline) return broken("{} is of no pipeline: {}", name, run.pipeline);
        if (!run.ended) broken("{} never ended, result {}", name, run.result);
        const std::vector<StepRow> rows = town_.store->steps(run.service_id, run.run);
        std::string at(pipeline->starts_at);
        std::size_t done = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const StepRow& row = rows[i];
            if (row.row != static_cast<int>(i) + 1) broken("{} has a hole at {}", name, i + 1);
            check_told(row);
            if (row.number == 0) continue;  // began from the queue
            if (row.from != at)
                broken("{} row {} goes on from {}, not {}", name, row.row, row.from, at);
            at = row.to;
            if (!advances(row)) continue;
            check_advance(name, *pipeline, row, done++);
        }
        if (run.result == "success" && done != pipeline->steps.size())
            broken("{} succeeded after {} of {} steps", name, done, pipeline->steps.size());
        const bool newest = run.run == vm.run;
        if (newest && at != vm.state) broken("{} ends at {}, the VM is {}", name, at, vm.state);
        if (newest && vm.log_row != static_cast<int>(rows.size()))
            broken("{} has {} rows, the VM says {}", name, rows.size(), vm.log_row);
    }

    void check_advance(const std::string& name,
                       const Pipeline& pipeline,
                       const StepRow& row,
                       std::size_t place) {
        if (place >= pipeline.steps.size())
            return broken("{} row {} is past the end of its table", name, row.row);
        const Step& step = pipeline.steps[place];
        if (row.to != step.state)
            broken("{} row {} leads to {}, not {}", name, row.row, row.to, step.state);
        // A skipped step, and one whose error was passed over, has no effect to show.
        const bool has_effect =
            step.run == rehearse_step && row.result == "success" && row.text.empty();
        if (has_effect && !effects_.contains({row.service_id, row.run, std::string(step.state)}))
            broken("{} row {} had no effect", name, row.row);
    }

    void check_told(const StepRow& row) {
        const RowKey key{row.service_id, row.run, row.row};
        rows_.insert(key);
        if (!told_[key].contains(answer(row)))
            broken("{} run {} row {} was never told: {}",
                   row.service_id,
                   row.run,
                   row.row,
                   answer(row));
    }

    void check_told_of_nothing_else() {
        for (const auto& [key, answers] : told_)
            if (!rows_.contains(key))
                broken("{} run {} row {} was told, but never happened",
                       std::get<0>(key),
                       std::get<1>(key),
                       std::get<2>(key));
    }

    void check_requests() {
        for (const TownOrder& order : town_.orders()) {
            const auto rows = town_.store->requests({&order.id, 1});
            if (rows.empty()) {
                broken("{} ({}) was never admitted", order.id, order.pipeline);
                continue;
            }
            const RequestRow& row = rows.front();
            if (row.status != "done" && row.status != "rejected")
                broken("{} ({}) is {} at rest", order.id, order.pipeline, row.status);
            if (row.status == "rejected" && row.why.empty())
                broken("{} was rejected without a reason", order.id);
            if (row.status == "rejected" && !letters_.contains("request/" + order.id))
                broken("{} was rejected and billing has not heard of it", order.id);
        }
    }

    // A letter is on the topic for every row there is.
    void check_dead_letters() {
        std::int64_t rows = 0;
        for (const char* kind : {"parked", "rejected", "unreadable"})
            rows += town_.store->count_dead_letters(kind);
        if (static_cast<std::int64_t>(letters_.size()) < rows)
            broken("{} dead letters, {} on the topic", rows, letters_.size());
    }

    Town& town_;
    const std::set<Effect> effects_;
    std::map<RowKey, std::set<std::string>> told_;
    std::map<std::string, std::set<std::string>> activity_;
    std::set<std::string> letters_;
    std::set<RowKey> rows_;
    std::string broken_;
};

}  // namespace

std::string broken_invariants(Town& town) {
    return Checker(town).check();
}

}  // namespace slipway
