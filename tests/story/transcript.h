#pragma once
// Run logs as the text operators know, so that a story compares one literal.

#include <string>

#include "schema/store.h"

namespace slipway {

// One run. Times are seconds since the run's first row began.
std::string run_log(Store& store, const RunRow& run);

// Every run of a VM, oldest first.
std::string run_logs(Store& store, const std::string& service_id);

}  // namespace slipway
