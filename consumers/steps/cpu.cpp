// Set CPU & RAM.

#include <fmt/format.h>

#include "consumers/proxmox/json.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

// Proxmox's own value for what is not written down.
std::int64_t number_in_config(const VmConfig& config, const std::string& key, std::int64_t unset) {
    const std::string text = config.value(key);
    return text.empty() ? unset : whole_in(text.substr(0, text.find(','))).value_or(unset);
}

}  // namespace

StepOutcome set_cpu_ram(World& world, Vm& vm) {
    Machine machine(world, vm);
    const DeclaredPackage& wanted = machine.wanted.package;
    return make_so(machine, [&](const VmConfig& config) {
        std::vector<Argument> values;
        if (number_in_config(config, "cores", 1) != wanted.cores)
            values.push_back({"cores", wanted.cores});
        if (number_in_config(config, "sockets", 1) != wanted.sockets)
            values.push_back({"sockets", wanted.sockets});
        if (number_in_config(config, "memory", 512) != wanted.memory_mib)
            values.push_back({"memory", fmt::format("{}", wanted.memory_mib)});
        return values;
    });
}

}  // namespace slipway
