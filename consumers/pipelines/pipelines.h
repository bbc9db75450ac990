#pragma once
// Every pipeline there is, and the one table that says which request may interrupt what.

#include <span>
#include <string>
#include <string_view>

#include "consumers/runtime/step.h"

namespace slipway {

extern const Pipeline deploy;
extern const Pipeline rehearse;
extern const Pipeline rehearse_end;

std::span<const Pipeline* const> pipelines();

// Null for a name that no pipeline has.
const Pipeline* find_pipeline(std::string_view name);

// What a request of one type means to a VM, by where that VM is.
struct Rule {
    std::string_view request;  // the name of the pipeline it begins
    Admission no_row;          // we never heard of this service
    Admission removed;         // its VM was removed
    Admission ready;           // at rest
    Admission same;            // in this very pipeline
    Admission other;           // in another one
    Admission parked;          // in error_terminate
};

std::span<const Rule> rules();

struct Ruling {
    Admission admission = Admission::Reject;
    std::string why = {};  // of a rejection
};

// `vm` is null for a service without a row.
Ruling rule_on(std::string_view request, const Vm* vm);

}  // namespace slipway
