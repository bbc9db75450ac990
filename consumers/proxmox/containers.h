#pragma once
// LXC containers: made from a template, for `slipway pve ct create`. Pipelines know VMs only.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/vms.h"

namespace slipway {

struct CreateContainer {
    VmPlace place;
    std::string os_template;  // local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
    std::string storage;
    std::int64_t disk_gib = 8;
    std::string hostname = {};
    std::int64_t cores = 1;
    std::int64_t memory_mib = 512;
    std::string network = {};  // net0: name=eth0,bridge=vmbr0,ip=dhcp
    std::string password = {};
    std::string ssh_keys = {};
    bool start = false;
    bool unprivileged = true;
};
Upid create_container(const Proxmox& pve, const CreateContainer& container);

// "running" or "stopped"; nullopt if it is not there.
std::optional<std::string> container_status(const Proxmox& pve, const VmPlace& place);

}  // namespace slipway
