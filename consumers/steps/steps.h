#pragma once
// Every step there is. Bodies are in files named after what they touch; which pipeline uses a step,
// in what order and with what policy, is said by the tables in consumers/pipelines.

#include "consumers/runtime/outcome.h"
#include "consumers/runtime/world.h"
#include "schema/vm.h"

namespace slipway {

StepOutcome rehearse_step(World& world, Vm& vm);

}  // namespace slipway
