#pragma once
// The table itself. Parameters that no step needs are left out on purpose.

#include "consumers/proxmox/calls.h"

namespace slipway {

// clang-format off
inline constexpr PveCall pve_call_table[] = {
    // name                 method    path                                                       parameters
    {"version",             "GET",    "/version"},
    {"log_in",              "POST",   "/access/ticket",                                          "username password:secret"},
    {"cluster_status",      "GET",    "/cluster/status"},
    {"cluster_resources",   "GET",    "/cluster/resources",                                      "type"},
    {"cluster_firewall",    "GET",    "/cluster/firewall/options"},
    {"next_vmid",           "GET",    "/cluster/nextid",                                         "vmid:int"},
    {"nodes",               "GET",    "/nodes"},

    {"task_list",           "GET",    "/nodes/{node}/tasks",
        "limit:int start:int since:int until:int vmid:int typefilter userfilter source "
        "errors:bool"},
    {"task_status",         "GET",    "/nodes/{node}/tasks/{upid}/status"},
    {"task_log",            "GET",    "/nodes/{node}/tasks/{upid}/log",                          "start:int limit:int"},
    {"task_stop",           "DELETE", "/nodes/{node}/tasks/{upid}"},

    {"vm_list",             "GET",    "/nodes/{node}/qemu"},
    {"vm_status",           "GET",    "/nodes/{node}/qemu/{vmid}/status/current"},
    {"vm_config",           "GET",    "/nodes/{node}/qemu/{vmid}/config",                        "current:bool"},
    {"vm_pending",          "GET",    "/nodes/{node}/qemu/{vmid}/pending"},
    {"vm_configure",        "PUT",    "/nodes/{node}/qemu/{vmid}/config",
        "agent balloon:int boot cicustom cipassword:secret citype ciupgrade:bool ciuser "
        "cores:int cpu cpulimit:number cpuunits:int delete description "
        "digest force:bool "
        "ide[n] ipconfig[n] memory name nameserver net[n] numa:bool onboot:bool ostype protection:bool revert sata[n] scsi[n] scsihw "
        "searchdomain sockets:int sshkeys startup tags vcpus:int virtio[n]"},
    {"vm_configure_disks",  "POST",   "/nodes/{node}/qemu/{vmid}/config",
        "background_delay:int delete digest ide[n] sata[n] scsi[n] virtio[n]"},
    {"vm_unlock",           "PUT",    "/nodes/{node}/qemu/{vmid}/config",                        "delete skiplock:bool", true},
    {"vm_resize",           "PUT",    "/nodes/{node}/qemu/{vmid}/resize",                        "disk size digest"},
    {"vm_cloudinit",        "PUT",    "/nodes/{node}/qemu/{vmid}/cloudinit"},
    {"vm_clone",            "POST",   "/nodes/{node}/qemu/{vmid}/clone",
        "newid:int name description pool snapname storage format full:bool target bwlimit:int"},
    {"vm_restore",          "POST",   "/nodes/{node}/qemu",
        "vmid:int archive storage force:bool unique:bool start:bool bwlimit:int pool"},
    {"vm_destroy",          "DELETE", "/nodes/{node}/qemu/{vmid}",                               "purge:bool destroy-unreferenced-disks:bool"},
    {"vm_start",            "POST",   "/nodes/{node}/qemu/{vmid}/status/start",                  "timeout:int"},
    {"vm_stop",             "POST",   "/nodes/{node}/qemu/{vmid}/status/stop",                   "timeout:int overrule-shutdown:bool"},
    {"vm_shutdown",         "POST",   "/nodes/{node}/qemu/{vmid}/status/shutdown",               "timeout:int forceStop:bool"},
    {"vm_reboot",           "POST",   "/nodes/{node}/qemu/{vmid}/status/reboot",                 "timeout:int"},
    {"vm_suspend",          "POST",   "/nodes/{node}/qemu/{vmid}/status/suspend",                "todisk:bool"},
    {"vm_resume",           "POST",   "/nodes/{node}/qemu/{vmid}/status/resume"},
    {"vm_migrate_check",    "GET",    "/nodes/{node}/qemu/{vmid}/migrate",                       "target"},
    {"vm_migrate",          "POST",   "/nodes/{node}/qemu/{vmid}/migrate",
        "target targetstorage online:bool with-local-disks:bool bwlimit:int"},
    {"snapshot_list",       "GET",    "/nodes/{node}/qemu/{vmid}/snapshot"},
    {"snapshot_create",     "POST",   "/nodes/{node}/qemu/{vmid}/snapshot",                      "snapname description vmstate:bool"},
    {"snapshot_delete",     "DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}",           "force:bool"},
    {"snapshot_rollback",   "POST",   "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback",  "start:bool"},
    {"vm_rrddata",          "GET",    "/nodes/{node}/qemu/{vmid}/rrddata",                       "timeframe cf"},

    {"firewall_options",    "GET",    "/nodes/{node}/qemu/{vmid}/firewall/options"},
    {"firewall_configure",  "PUT",    "/nodes/{node}/qemu/{vmid}/firewall/options",
        "enable:bool dhcp:bool ndp:bool radv:bool macfilter:bool ipfilter:bool policy_in policy_out log_level_in log_level_out "
        "delete digest"},
    {"firewall_rules",      "GET",    "/nodes/{node}/qemu/{vmid}/firewall/rules"},
    {"firewall_rule_add",   "POST",   "/nodes/{node}/qemu/{vmid}/firewall/rules",
        "action type enable:int proto source dest sport dport macro iface comment pos:int log digest icmp-type"},
    {"firewall_rule_delete","DELETE", "/nodes/{node}/qemu/{vmid}/firewall/rules/{pos}",          "digest"},
    {"ipset_list",          "GET",    "/nodes/{node}/qemu/{vmid}/firewall/ipset"},
    {"ipset_create",        "POST",   "/nodes/{node}/qemu/{vmid}/firewall/ipset",                "name comment"},
    {"ipset_delete",        "DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}",         "force:bool"},
    {"ipset_delete",        "DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}",         "force:bool"},
    {"ipset_entries",       "GET",    "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}"},
    {"ipset_add",           "POST",   "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}",         "cidr comment nomatch:bool"},
    {"ipset_remove",        "DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}",  "digest"},

    {"storage_list",        "GET",    "/nodes/{node}/storage",                                   "content enabled:bool"},
    {"volume_list",         "GET",    "/nodes/{node}/storage/{storage}/content",                 "content vmid:int"},
    {"volume_delete",       "DELETE", "/nodes/{node}/storage/{storage}/content/{volume}",        "delay:int"},
    {"volume_protect",      "PUT",    "/nodes/{node}/storage/{storage}/content/{volume}",        "protected:bool notes"},
    {"backup",              "POST",   "/nodes/{node}/vzdump",
        "vmid storage mode compress remove:bool prune-backups notes-template protected:bool bwlimit:int"},

    {"container_create",    "POST",   "/nodes/{node}/lxc",
        "vmid:int ostemplate storage rootfs hostname cores:int memory:int swap:int net[n] password:secret ssh-public-keys nameserver "
        "searchdomain description "
        "onboot:bool start:bool unprivileged:bool pool tags features"},
    {"container_status",    "GET",    "/nodes/{node}/lxc/{vmid}/status/current"},
};
// clang-format on

consteval const PveCall& call_named(std::string_view name) {
    for (const PveCall& call : pve_call_table)
        if (call.name == name) return call;
    throw "there is no call of that name";
}

}  // namespace slipway
