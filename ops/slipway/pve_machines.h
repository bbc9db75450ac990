#pragma once
// What `slipway pve vm` and `ct` do to machines: looked at first, started, watched, and verified.
// Each answers the exit code.

#include <cstdint>
#include <string>
#include <vector>

#include "consumers/proxmox/containers.h"
#include "consumers/proxmox/storage.h"
#include "ops/slipway/pve.h"

namespace slipway {

struct MachineOptions {
    std::vector<std::string> places;
    RunOptions run = {};
    // snapshot
    std::string name;
    std::string description;
    // shutdown
    bool force = false;
    std::string guest_timeout = "3m";
    // backup
    BackUpVm backup = {};
    // clone
    std::vector<std::int64_t> to;
    bool full = false;
    bool linked = false;
    std::string storage;
    std::string target;
    std::string pool;
    // ct create
    CreateContainer container = {};
    std::string password_file;
    std::string ssh_keys_file;
};

int start_machines(const Config& config, const MachineOptions& options);
int stop_machines(const Config& config, const MachineOptions& options);
int shut_machines_down(const Config& config, const MachineOptions& options);
int snapshot_machines(const Config& config, const MachineOptions& options);
int back_machines_up(const Config& config, const MachineOptions& options);
int clone_machine(const Config& config, const MachineOptions& options);
int create_containers(const Config& config, const MachineOptions& options);

}  // namespace slipway
