#include "consumers/pipelines/pipelines.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {
namespace {

constexpr const Pipeline* all[] = {&deploy, &rehearse, &rehearse_end};

using enum Admission;

// clang-format off
constexpr Rule table[] = {
    // request         no row  removed  ready  same    other      parked
    {"deploy",         Begin,  Begin,   Reject, Reject,  Reject,    Reject},
    {"rehearse",       Begin,  Begin,   Start, Queue,  Queue,     Reject},
    {"rehearse_end",   Reject, Reject,  Start, Reject, Interrupt, Start},
};
// clang-format on

std::string describe(std::string_view request, const Vm* vm) {
    if (!vm) return fmt::format("{}: there is no such service", request);
    if (vm->state == state_remove) return fmt::format("{}: the service was removed", request);
    if (vm->state == state_parked)
        return fmt::format(
            "{}: the service is parked in {} ({})", request, vm->state, vm->last_error);
    return fmt::format("{}: already under way (state {})", request, vm->state);
}

// A rehearsal on a real machine would take its order away, and the other way round.
bool is_of_the_other_kind(std::string_view request, const Vm& vm) {
    const Pipeline* asked = find_pipeline(request);
    const Pipeline* now = find_pipeline(vm.pipeline);
    return vm.state != state_remove && asked && now && asked->is_rehearsal != now->is_rehearsal;
}

}  // namespace

std::span<const Pipeline* const> pipelines() {
    return all;
}

const Pipeline* find_pipeline(std::string_view name) {
    const auto found = std::find_if(
        std::begin(all), std::end(all), [&](const Pipeline* p) { return p->name == name; });
    return found == std::end(all) ? nullptr : *found;
}

std::span<const Rule> rules() {
    return table;
}

Ruling rule_on(std::string_view request, const Vm* vm) {
    const auto rule = std::find_if(
        std::begin(table), std::end(table), [&](const Rule& r) { return r.request == request; });
    if (rule == std::end(table))
        return {Reject, fmt::format("type: \"{}\" is no request Slipway knows", request)};
    if (vm && is_of_the_other_kind(request, *vm))
        return {Reject,
                fmt::format("{}: the service is {} rehearsal; give this one an id of its own",
                            request,
                            find_pipeline(vm->pipeline)->is_rehearsal ? "a" : "no")};
    Admission admission = Reject;
    if (!vm) {
        admission = rule->no_row;
    } else if (vm->state == state_remove) {
        admission = rule->removed;
    } else if (vm->state == state_parked) {
        admission = rule->parked;
    } else if (vm->state == state_ready) {
        // Whoever waited first is served first, unless this one waits for nobody.
        const bool waits = rule->ready == Start && rule->other != Interrupt && vm->queued > 0;
        admission = waits ? Queue : rule->ready;
    } else {
        admission = vm->pipeline == request ? rule->same : rule->other;
    }
    return {admission, admission == Reject ? describe(request, vm) : ""};
}

}  // namespace slipway
