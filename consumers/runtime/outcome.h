#pragma once
// What a step may answer. Waiting is never a failure, and only run_step() acts on an answer.

#include <optional>
#include <string>
#include <variant>

#include "schema/vm.h"

namespace slipway {

struct Done {};

struct Skipped {
    std::string why;  // "no change"
};

struct Waiting {
    std::string what;  // stable while the same thing is waited for: equal answers are one log row
    std::optional<Time> until = {};  // look again then; otherwise after the poll interval
};

struct Failed {
    std::string error;
};

struct Parked {  // only a person can go on from here
    std::string why;
};

using StepOutcome = std::variant<Done, Skipped, Waiting, Failed, Parked>;

}  // namespace slipway
