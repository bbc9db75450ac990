// One step of a rehearsal. What it costs and how it fails comes with the request, per state that
// the step leads to ("*" stands for all):
//
//   {"busy_us": {"*": 50}, "wait_ms": {"clone": 500}, "fail": {"set_dns": 0.2}, "skip":
//   {"migrated": 1}}
//
// busy_us burns processor time, wait_ms answers Waiting until that long after the step was first
// asked, fail is the share of attempts that fail, skip the share of VMs for which the step has
// nothing to do. Chance is a hash of VM, step and attempt, so that a rehearsal can be repeated.

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/check.h"
#include "consumers/runtime/error.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

double plan_value(const nlohmann::json& plan, const char* what, std::string_view state) {
    const auto table = plan.find(what);
    if (table == plan.end() || !table->is_object()) return 0;
    auto value = table->find(std::string(state));
    if (value == table->end()) value = table->find("*");
    return value != table->end() && value->is_number() ? value->get<double>() : 0;
}

bool chance(double share, const Vm& vm, std::string_view state, int attempt) {
    if (share <= 0) return false;
    const auto hash =
        std::hash<std::string>{}(fmt::format("{}/{}/{}/{}", vm.service_id, vm.run, state, attempt));
    return static_cast<double>(hash % 1'000'003) < share * 1'000'003;
}

void burn(const Clock& clock, std::chrono::microseconds time) {
    const auto until = clock.since_boot() + time;
    while (clock.since_boot() < until) continue;
}

StepOutcome follow_plan(World& world, const Vm& vm, std::string_view state) {
    const auto target = nlohmann::json::parse(vm.target, nullptr, /*allow_exceptions=*/false);
    if (!target.is_object() || !target.contains("rehearsal")) return Done{};
    const nlohmann::json& plan = target["rehearsal"];
    if (!plan.is_object()) return Failed{"data.rehearsal: must be an object"};
    const auto busy = static_cast<std::int64_t>(plan_value(plan, "busy_us", state));
    if (busy > 0) burn(world.clock, std::chrono::microseconds(busy));
    const auto wait = static_cast<std::int64_t>(plan_value(plan, "wait_ms", state));
    if (wait > 0) {
        const bool asked_before = vm.answer.starts_with("waiting");
        const Time asked = asked_before ? vm.answered_at : world.clock.now();
        const Time until = asked + std::chrono::milliseconds(wait);
        if (world.clock.now() < until) return Waiting{fmt::format("{} ms to pass", wait), until};
    }
    if (chance(plan_value(plan, "fail", state), vm, state, vm.failures))
        return Failed{fmt::format("rehearsed failure of {}", state)};
    if (chance(plan_value(plan, "skip", state), vm, state, 0)) return Skipped{"no change"};
    return Done{};
}

}  // namespace

StepOutcome rehearse_step(World& world, Vm& vm) {
    const Pipeline* pipeline = find_pipeline(vm.pipeline);
    check(pipeline, "a step runs for a pipeline that is listed");
    const std::string_view state = pipeline->steps[next_place(*pipeline, vm)].state;
    // Most rehearsals carry no plan, and then this is all a step costs.
    const bool planned = vm.target.find("\"rehearsal\"") != std::string::npos;
    StepOutcome outcome = planned ? follow_plan(world, vm, state) : Done{};
    if (std::holds_alternative<Done>(outcome)) {
        world.may_change_something();
        world.ledger.write(vm, state);
    }
    return outcome;
}

}  // namespace slipway
