#pragma once
// Proxmox as a step or a command reaches it: a cluster, and until when something may be changed.
// The calls are plain functions of it: tasks.h, vms.h, snapshots.h, storage.h, firewall.h.
//
// What may well be absent is an std::optional; everything else that is not a good answer is a
// ProxmoxError. A call that starts a task answers its UPID at once and waits for nothing.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/cluster.h"
#include "consumers/proxmox/upid.h"

namespace slipway {

struct Proxmox {
    ProxmoxCluster& cluster;
    std::optional<Deadline> deadline = {};

    PveAnswer send(const PveCall& call, const std::vector<Argument>& arguments = {}) const {
        return cluster.send(call, arguments, deadline);
    }

    // Of a call that starts a task.
    Upid start(const PveCall& call, const std::vector<Argument>& arguments) const;

    // Of a call that may be done at once, without a task.
    std::optional<Upid> start_or_do(const PveCall& call,
                                    const std::vector<Argument>& arguments) const;

    // nullopt if the thing itself is gone.
    std::optional<PveAnswer> look(const PveCall& call,
                                  const std::vector<Argument>& arguments) const;
};

// The UPID that an answer is. Throws ProxmoxError (unknown) if it is none: something was started.
Upid upid_in(const PveAnswer& answer, const PveCall& call);

struct VmPlace {
    std::string node;
    std::int64_t vmid = 0;
};

// {"node", …}, {"vmid", …} and what else is given.
std::vector<Argument> at(const VmPlace& place, std::vector<Argument> more = {});

}  // namespace slipway
