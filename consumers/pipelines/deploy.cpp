// Deploy: from an order to a machine that runs and a customer who knows.

#include "consumers/inventory/order.h"
#include "consumers/pipelines/pipelines.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

using enum IfItFails;

// clang-format off
constexpr Step steps[] = {
    // state                          step                           if fails  label                     what happens
    {"set_ip",                        allocate_ip,                   Retry,    "Allocate IP",            "Takes addresses, a number and a name."},
    {"clone",                         clone_vm,                      Retry,    "Clone VM",               "Clones the template, linked or full."},
    {"set_dns",                       set_dns,                       Continue, "Configure DNS records",  "Writes A, AAAA and PTR records."},
    {"migrated",                      migrate,                       Retry,    "Migrate to target node", "Moves it to its node, if it can move."},
    {"set_cpu_ram",                   set_cpu_ram,                   Retry,    "Set CPU & RAM",          "Sets cores, sockets and memory."},
    {"set_system_disk_size",          set_system_disk_size,          Retry,    "Resize system disk",     "Grows it to its size, never shrinks it."},
    {"set_system_disk_bandwidth",     set_system_disk_bandwidth,     Retry,    "Set system disk I/O",    "Sets the system disk's limits."},
    {"set_created_additional_disk",   set_created_additional_disk,   Retry,    "Create additional disk", "Makes the additional disk, once."},
    {"set_additional_disk_size",      set_additional_disk_size,      Retry,    "Resize additional disk", "Grows it, if it is too small."},
    {"set_additional_disk_bandwidth", set_additional_disk_bandwidth, Retry,    "Set additional disk I/O", "Sets the additional disk's limits."},
    {"set_network",                   set_network,                   Retry,    "Configure network",      "Sets bridge, VLAN and rate."},
    {"set_firewall",                  set_firewall,                  Retry,    "Configure firewall",     "Fills its address set, then the options."},
    {"set_cloudinit",                 set_cloudinit,                 Retry,    "Configure cloud-init",   "Sets user, password, keys and addresses."},
    {"starting",                      start_vm,                      Retry,    "Start VM",               "Starts the machine."},
    {"ready",                         verify_running,                Retry,    "Verify running + Email", "Sees that it runs; writes the letter."},
};
// clang-format on

static_assert(unique(steps, "creation"));

}  // namespace

const Pipeline deploy{
    .name = "deploy",
    .title = "Deploy",
    .topic = "deploy",
    .starts_at = "creation",
    .steps = steps,
    .wrong_with = wrong_with_order,
};

}  // namespace slipway
