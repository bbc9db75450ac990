#pragma once
// Virtual machines: what Proxmox says of them, and what it can be told to do with them.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/proxmox.h"

namespace slipway {

// One line of the whole cluster's list. Name, status and figures lag by up to ten seconds and may
// be absent; node, lock and tags are live. What one may not see is not in the list.
struct VmResource {
    VmPlace place;
    std::string type;    // qemu or lxc
    std::string status;  // running, stopped, unknown
    std::string name = {};
    std::string lock = {};
    std::string tags = {};
    bool is_template = false;
};
std::vector<VmResource> vm_resources(const Proxmox& pve);

struct NodeState {
    std::string name;
    bool online = false;
    std::int64_t memory = 0;  // bytes
    std::int64_t memory_used = 0;
};
std::vector<NodeState> nodes(const Proxmox& pve);

// As it is now. A paused VM is "running" too; `qmp_status` tells.
struct VmStatus {
    std::string status;
    std::string qmp_status = {};
    std::string name = {};
    std::string lock = {};
    std::int64_t pid = 0;
    std::int64_t uptime = 0;  // seconds
    std::int64_t net_in = 0;  // bytes since its interfaces were made
    std::int64_t net_out = 0;

    bool is_running() const { return status == "running"; }
};
std::optional<VmStatus> vm_status(const Proxmox& pve, const VmPlace& place);

struct VmConfig {
    std::map<std::string, std::string> values;  // cores, scsi0, net0, … as texts
    std::string digest;                         // of all of it: given back with a change

    // Empty if there is no such key.
    std::string value(const std::string& key) const;
};
enum class Values {
    Wanted,   // what was set last, in force or not
    InForce,  // what the running machine has
};
std::optional<VmConfig> vm_config(const Proxmox& pve, const VmPlace& place, Values which);

struct PendingValue {
    std::string key;
    std::string value = {};    // in force
    std::string pending = {};  // in force after the next start
    bool is_deleted = false;
};
// Only what differs.
std::vector<PendingValue> vm_pending(const Proxmox& pve, const VmPlace& place);

// Free at this moment: Proxmox reserves no numbers.
bool is_vmid_free(const Proxmox& pve, std::int64_t vmid);

// Keys and values as Proxmox has them; a `digest` among them makes it compare-and-set.
void configure_vm(const Proxmox& pve, const VmPlace& place, std::vector<Argument> values);
// The same for disks, which may take a while: nullopt if it was done at once.
std::optional<Upid> configure_disks(const Proxmox& pve,
                                    const VmPlace& place,
                                    std::vector<Argument> values);
// As Proxmox wants a list of keys, one per line: percent-encoded once before the form is.
std::string sshkeys_value(const std::string& keys);
// root@pam's password alone can: no token may.
void unlock_vm(const Proxmox& pve, const VmPlace& place);
void regenerate_cloudinit(const Proxmox& pve, const VmPlace& place);

// `size` is absolute ("32G"): the same twice is harmless. nullopt: a release 7 did it at once.
std::optional<Upid> resize_disk(const Proxmox& pve,
                                const VmPlace& place,
                                const std::string& disk,
                                const std::string& size);

struct CloneVm {
    VmPlace source;
    std::int64_t to = 0;
    std::string name = {};
    std::string description = {};
    std::optional<bool> full = {};            // if not said: a template's clone is linked
    std::optional<std::string> storage = {};  // full clones only
    std::optional<std::string> format = {};
    std::optional<std::string> target = {};  // node
    std::optional<std::string> pool = {};
};
Upid clone_vm(const Proxmox& pve, const CloneVm& clone);

Upid start_vm(const Proxmox& pve, const VmPlace& place);
Upid stop_vm(const Proxmox& pve, const VmPlace& place);
// Asks the guest; after `timeout` the task fails, or with `force` pulls the plug.
enum class IfItStays { Fail, Force };
Upid shutdown_vm(const Proxmox& pve,
                 const VmPlace& place,
                 std::chrono::seconds timeout,
                 IfItStays if_it_stays);
Upid reboot_vm(const Proxmox& pve, const VmPlace& place);
Upid suspend_vm(const Proxmox& pve, const VmPlace& place);
Upid resume_vm(const Proxmox& pve, const VmPlace& place);

struct MigrateVm {
    VmPlace place;
    std::string target;
    std::optional<std::string> target_storage = {};  // one id, or a:b,c:d
};
// Offline. The nodes that could take it; an offline one may be among them.
std::vector<std::string> allowed_targets(const Proxmox& pve, const VmPlace& place);
Upid migrate_vm(const Proxmox& pve, const MigrateVm& migrate);

// With its disks, and out of backup jobs, replication and HA. Looks at no owner mark: the caller
// has, or must not call this.
Upid destroy_vm(const Proxmox& pve, const VmPlace& place);

}  // namespace slipway
