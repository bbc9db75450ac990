#pragma once
// A pipeline is a table: a row per step, in order. The order is the transition, so that the table
// cannot contradict itself: the next step of a VM is the row after the one that names its state.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/runtime/outcome.h"
#include "schema/store.h"
#include "schema/vm.h"

namespace slipway {

struct World;
struct Inventory;

// Looks first, makes one change at most, never waits, trusts no earlier step's result. May fill in
// what it learnt about the VM (applied), never its place in the pipeline: that is run_step's.
using StepFunction = StepOutcome (*)(World&, Vm&);

enum class IfItFails {
    Retry,     // stays at its step, goes on by itself once the cause is mended
    Continue,  // noted and passed over
    Park,      // stops for a person
};

struct Step {
    std::string_view state;  // the state the VM is in once this row is done
    StepFunction run;
    IfItFails if_it_fails;
    std::string_view label;
    std::string_view what_happens;
};

enum class Shows {
    States,  // the published state moves with every row
    Phases,  // the published state stays at `starts_at` until the last row; rows name phases
};

struct Pipeline {
    std::string_view name;       // also the type of the request that begins it
    std::string_view title;      // how people see it in live output
    std::string_view topic;      // in the catalogue, without prefix
    std::string_view starts_at;  // the state before the first row
    Shows shows = Shows::States;
    std::span<const Step> steps;
    bool is_rehearsal = false;  // knows no machines: it and the others never meet at one service
    // What is wrong with a request's payload, one sentence each; null if nothing can be.
    std::vector<std::string> (*wrong_with)(const Inventory& inventory,
                                           std::string_view payload) = nullptr;
};

// States in which no pipeline has anything to do.
constexpr std::string_view state_ready = "ready";
constexpr std::string_view state_remove = "remove";
constexpr std::string_view state_parked = "error_terminate";

constexpr bool at_rest(std::string_view state) {
    return state == state_ready || state == state_remove || state == state_parked;
}

// No two rows of a table may name the same state, nor one the state it starts at.
constexpr bool unique(std::span<const Step> steps, std::string_view starts_at) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].state == starts_at) return false;
        for (std::size_t j = i + 1; j < steps.size(); ++j)
            if (steps[i].state == steps[j].state) return false;
    }
    return true;
}

// Where in the table the VM's next step stands, from 0; steps.size() if it stands after the last
// one, or at no place this table knows.
std::size_t next_place(const Pipeline& pipeline, const Vm& vm);

// The row as it is when `pipeline` begins on it for `request`.
Vm begin_run(const Vm& vm, const Pipeline& pipeline, const RequestRow& request, Time wake_at);

}  // namespace slipway
