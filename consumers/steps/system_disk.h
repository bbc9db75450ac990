#pragma once
// Which of a machine's drives is which: the one it boots from, and those that are data.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/drive.h"
#include "consumers/proxmox/vms.h"

namespace slipway {

struct NamedDrive {
    std::string key;  // scsi0
    Drive drive;
};

// Disks alone, in the order of their keys: no CD-ROM, no cloud-init, nothing unused.
std::vector<NamedDrive> disks_of(const VmConfig& config);

// By the boot order, in its new or its old form; else the first disk there is.
std::optional<NamedDrive> system_disk_of(const VmConfig& config);

std::optional<NamedDrive> disk_named(const VmConfig& config, const std::string& key);

// The first key of the same bus that nothing stands at.
std::string free_key_beside(const VmConfig& config, const std::string& key);

}  // namespace slipway
