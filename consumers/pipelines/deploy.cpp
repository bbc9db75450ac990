// Deploy: from an order to a machine that runs and a customer who knows.

#include "consumers/pipelines/pipelines.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

using enum IfItFails;

// clang-format off
constexpr Step steps[] = {
    // state                          step                           if it fails  label                     what happens
    {"set_ip",                        allocate_ip,                   Retry,       "Allocate IP",            "Takes addresses and a VM number, and settles what the VM is called."},
    {"clone",                         clone_vm,                      Retry,       "Clone VM",               "Clones the template, linked or full, and waits until the machine is whole."},
    {"set_dns",                       set_dns,                       Continue,    "Configure DNS records",  "Writes A, AAAA and PTR records in every zone that matches, at every provider."},
    {"migrated",                      migrate,                       Retry,       "Migrate to target node", "Moves the machine to its node; one that cannot move stays, and says why."},
    {"set_cpu_ram",                   set_cpu_ram,                   Retry,       "Set CPU & RAM",          "Sets cores, sockets and memory."},
    {"set_system_disk_size",          set_system_disk_size,          Retry,       "Resize system disk",     "Grows the system disk; a disk is never shrunk."},
    {"set_system_disk_bandwidth",     set_system_disk_bandwidth,     Retry,       "Set system disk I/O",    "Sets the system disk's limits."},
    {"set_created_additional_disk",   set_created_additional_disk,   Retry,       "Create additional disk", "Makes the additional disk, once."},
    {"set_additional_disk_size",      set_additional_disk_size,      Retry,       "Resize additional disk", "Grows the additional disk, if it is smaller than ordered."},
    {"set_additional_disk_bandwidth", set_additional_disk_bandwidth, Retry,       "Set additional disk I/O","Sets the additional disk's limits."},
    {"set_network",                   set_network,                   Retry,       "Configure network",      "Sets bridge, VLAN, rate and model; the MAC address stays."},
    {"set_firewall",                  set_firewall,                  Retry,       "Configure firewall",     "Fills the set of the machine's own addresses, then sets the options."},
    {"set_cloudinit",                 set_cloudinit,                 Retry,       "Configure cloud-init",   "Sets user, password, keys, addresses and name servers."},
    {"starting",                      start_vm,                      Retry,       "Start VM",               "Starts the machine."},
    {"ready",                         verify_running,                Retry,       "Verify running + Email", "Looks whether it runs, starts it again if not, and writes to the customer."},
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
