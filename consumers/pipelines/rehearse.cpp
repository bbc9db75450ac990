// The rehearsal: deploy's fifteen steps without a Proxmox behind them. It proves an installation
// end to end (broker, database, every process) and is what the benchmarks run.

#include "consumers/pipelines/pipelines.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

using enum IfItFails;

// clang-format off
constexpr Step steps[] = {
    // state                          step           if it fails  label                        what happens
    {"set_ip",                        rehearse_step, Retry,       "Allocate IP",               "Rehearses taking addresses and a VM number."},
    {"clone",                         rehearse_step, Retry,       "Clone VM",                  "Rehearses cloning the template."},
    {"set_dns",                       rehearse_step, Continue,    "Configure DNS records",     "Rehearses DNS, whose errors never block."},
    {"migrated",                      rehearse_step, Retry,       "Migrate to target node",    "Rehearses the move to another node."},
    {"set_cpu_ram",                   rehearse_step, Retry,       "Set CPU & RAM",             "Rehearses a configuration write."},
    {"set_system_disk_size",          rehearse_step, Retry,       "Resize system disk",        "Rehearses growing a disk."},
    {"set_system_disk_bandwidth",     rehearse_step, Retry,       "Set system disk I/O",       "Rehearses disk limits."},
    {"set_created_additional_disk",   rehearse_step, Retry,       "Create additional disk",    "Rehearses making a disk."},
    {"set_additional_disk_size",      rehearse_step, Retry,       "Resize additional disk",    "Rehearses growing that disk."},
    {"set_additional_disk_bandwidth", rehearse_step, Retry,       "Set additional disk I/O",   "Rehearses its limits."},
    {"set_network",                   rehearse_step, Retry,       "Configure network",         "Rehearses the network card."},
    {"set_firewall",                  rehearse_step, Retry,       "Configure firewall",        "Rehearses the firewall."},
    {"set_cloudinit",                 rehearse_step, Retry,       "Configure cloud-init",      "Rehearses cloud-init."},
    {"starting",                      rehearse_step, Retry,       "Start VM",                  "Rehearses the start."},
    {"ready",                         rehearse_step, Retry,       "Verify running + Email",    "Rehearses the last look."},
};

constexpr Step end_steps[] = {
    // phase          step           if it fails  label              what happens
    {"stopped",       rehearse_step, Retry,       "Stop VM",         "Rehearses stopping the VM."},
    {"vm_deleted",    rehearse_step, Park,        "Delete VM",       "Rehearses the destroy: a failure is parked."},
    {"remove",        rehearse_step, Retry,       "Release",         "Rehearses giving back what the VM held."},
};
// clang-format on

static_assert(unique(steps, "rehearsal"));
static_assert(unique(end_steps, "rehearse_end"));

}  // namespace

const Pipeline rehearse{
    .name = "rehearse",
    .title = "Rehearsal",
    .topic = "service",
    .starts_at = "rehearsal",
    .steps = steps,
    .is_rehearsal = true,
};

const Pipeline rehearse_end{
    .name = "rehearse_end",
    .title = "Rehearsal end",
    .topic = "service",
    .starts_at = "rehearse_end",
    .shows = Shows::Phases,
    .steps = end_steps,
    .is_rehearsal = true,
};

}  // namespace slipway
