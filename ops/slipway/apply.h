#pragma once
// What `slipway apply` does, apart from its arguments.

#include <string>

#include "consumers/inventory/inventory_diff.h"
#include "consumers/runtime/clock.h"

namespace slipway {

enum class ApplyRun { Real, Dry };

struct ApplyOptions {
    ApplyRun run = ApplyRun::Real;
    Absent absent = Absent::Kept;
};

struct ApplyPlaces {
    Store& store;
    const SecretBox& box;
    const Clock& clock;
};

// Answers the differences, as a person reads them. Throws ConfigError if the whole does not hold
// together, Error if something in use would go or somebody else was faster; then nothing changed.
std::string apply_inventory(const ApplyPlaces& places,
                            const InventoryFile& file,
                            const ApplyOptions& options);

}  // namespace slipway
