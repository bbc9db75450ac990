#pragma once
// One API call on its way through: who asks, what for, and what the answer needs besides its data.

#include <map>
#include <optional>
#include <string>

#include "ops/sandbox/cluster.h"

namespace slipway::sandbox {

struct Call {
    Cluster& cluster;
    const Endpoint& endpoint;
    Caller who;
    Params params;
    std::string at;           // the node that was asked
    Duration waited = {};     // for locks, by earlier tries of this same call
    std::string secret = {};  // that signs tickets

    std::optional<std::int64_t> total = {};  // stands beside `data`
    std::optional<std::string> text = {};    // the answer is this text instead of JSON
    Duration takes = {};                     // how long a synchronous call works

    std::string node() const { return params.text("node"); }
    int vmid() const { return static_cast<int>(params.number("vmid")); }
    bool is_container() const;
    Guest& guest() { return cluster.guest_on(vmid(), node(), is_container()); }

    // Takes a lock file for as long as the answer lives. Throws LockHeld if somebody else has it,
    // before anything has been changed; the caller comes again.
    Hold lock(const std::string& file, Duration most = std::chrono::seconds(10)) const;

    // Starts a task on the node of the path and answers its UPID.
    Json start(const std::string& type, const std::string& id, const Body& body) const;

    // Refuses what only root@pam himself may say, token or not.
    void only_root(const std::string& param,
                   const std::string& sentence = "Only root may use this option.") const;
    void need(const std::string& path, const std::string& privilege) const;
    bool may(const std::string& path, const std::string& privilege) const;
};

using Handler = Json (*)(Call&);
using Handlers = std::map<std::string, Handler>;  // by "METHOD /path"

void add_access_calls(Handlers& handlers);
void add_backup_calls(Handlers& handlers);
void add_cloudinit_calls(Handlers& handlers);
void add_cluster_calls(Handlers& handlers);
void add_config_calls(Handlers& handlers);
void add_container_calls(Handlers& handlers);
void add_clone_calls(Handlers& handlers);
void add_disk_calls(Handlers& handlers);
void add_firewall_calls(Handlers& handlers);
void add_guest_calls(Handlers& handlers);
void add_ipset_calls(Handlers& handlers);
void add_migrate_calls(Handlers& handlers);
void add_node_calls(Handlers& handlers);
void add_pool_calls(Handlers& handlers);
void add_power_calls(Handlers& handlers);
void add_snapshot_calls(Handlers& handlers);
void add_storage_calls(Handlers& handlers);
void add_task_calls(Handlers& handlers);

}  // namespace slipway::sandbox
