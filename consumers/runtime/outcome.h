#pragma once
// What a step may answer. Waiting is never a failure, and only run_step() acts on an answer.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/store.h"

namespace slipway {

struct Done {};

struct Skipped {
    std::string why;  // "no change"
};

// What a step needs before it can act, all or none: granted in the commit of its answer, and then
// it runs again at once. If not, it runs again as any that waits, and asks again.
struct Claims {
    std::vector<SlotClaim> slots = {};
    std::vector<AddressClaim> addresses = {};
    std::optional<NumberClaim> number = {};
    std::int64_t inventory_revision = 0;  // that the addresses and the number were read from
};

struct Waiting {
    std::string what;  // stable while the same thing is waited for: equal answers are one log row
    std::optional<Time> until = {};  // look again then; otherwise after the poll interval
    std::string progress = {};       // "45 %": shown with it, and may change
    Claims claims = {};
};

struct Failed {
    std::string error;
};

struct Parked {  // only a person can go on from here
    std::string why;
};

using StepOutcome = std::variant<Done, Skipped, Waiting, Failed, Parked>;

}  // namespace slipway
