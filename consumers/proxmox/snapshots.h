#pragma once
// Snapshots of a VM. What is wrong with one shows in its task, not in the answer to the call.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/vms.h"

namespace slipway {

struct Snapshot {
    std::string name;
    std::string description = {};
    std::optional<Time> made = {};
    bool with_memory = false;
    bool is_whole = true;  // false: being made or removed, or left over from an attempt at it
};
// Without the entry "current", which is none. Empty as well if there is no such VM.
std::vector<Snapshot> snapshots(const Proxmox& pve, const VmPlace& place);

// 2 to 40 letters, digits, - and _, a letter first, and no name that Proxmox keeps for itself.
// Throws Error that says so.
void check_snapshot_name(const std::string& name);

Upid create_snapshot(const Proxmox& pve,
                     const VmPlace& place,
                     const std::string& name,
                     const std::string& description);
Upid delete_snapshot(const Proxmox& pve, const VmPlace& place, const std::string& name);
// Brings back the configuration of that time as well: limits are to be set again afterwards. The
// VM is stopped then.
Upid roll_back(const Proxmox& pve, const VmPlace& place, const std::string& name);

}  // namespace slipway
