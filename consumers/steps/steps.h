#pragma once
// Every step there is. Bodies are in files named after what they touch; which pipeline uses a step,
// in what order and with what policy, is said by the tables in consumers/pipelines.

#include "consumers/dns/dns_plan.h"
#include "consumers/runtime/outcome.h"
#include "consumers/runtime/world.h"
#include "schema/vm.h"

namespace slipway {

StepOutcome rehearse_step(World& world, Vm& vm);

StepOutcome allocate_ip(World& world, Vm& vm);
StepOutcome clone_vm(World& world, Vm& vm);
StepOutcome set_dns(World& world, Vm& vm);
StepOutcome migrate(World& world, Vm& vm);
StepOutcome set_cpu_ram(World& world, Vm& vm);
StepOutcome set_system_disk_size(World& world, Vm& vm);
StepOutcome set_system_disk_bandwidth(World& world, Vm& vm);
StepOutcome set_created_additional_disk(World& world, Vm& vm);
StepOutcome set_additional_disk_size(World& world, Vm& vm);
StepOutcome set_additional_disk_bandwidth(World& world, Vm& vm);
StepOutcome set_network(World& world, Vm& vm);
StepOutcome set_firewall(World& world, Vm& vm);
StepOutcome set_cloudinit(World& world, Vm& vm);
StepOutcome start_vm(World& world, Vm& vm);
StepOutcome verify_running(World& world, Vm& vm);

// The records that a VM with these addresses must have.
DnsWanted dns_wanted(const Vm& vm, const Holdings& holdings);

}  // namespace slipway
