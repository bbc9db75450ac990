#pragma once
// slipway vm: one VM and all of them, as the record of truth has them. Asks the database alone.

#include <string>

#include "ops/slipway/command.h"
#include "schema/store.h"

namespace slipway {

void add_vm_create_command(CLI::App& vm, Context& context);
void add_vm_look_commands(CLI::App& vm, Context& context);

// A run with its steps, in the lines that live output has.
std::string run_text(Store& store, const RunRow& run);

// All there is to say of a VM, secrets apart.
std::string vm_text(Store& store, const Vm& vm, Time now);

}  // namespace slipway
