#pragma once
// A declared cluster as the steps of one process see it: its API, and what one look at it can tell
// many VMs. A step looks before it acts, and so does the one after it: what the first has seen when
// it verified its change is what the second begins with, if that is a moment ago.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "consumers/proxmox/shared_look.h"
#include "consumers/proxmox/storage.h"
#include "consumers/proxmox/task_board.h"
#include "consumers/proxmox/vms.h"

namespace slipway {

class Site {
  public:
    Site(Http& http, const Clock& clock, const DeclaredCluster& declared);

    ProxmoxCluster& cluster() { return cluster_; }
    TaskBoard& tasks() { return tasks_; }
    const DeclaredCluster& declared() const { return declared_; }

    using Guests = std::vector<VmResource>;
    using Nodes = std::vector<NodeState>;
    using Storages = std::vector<StorageState>;

    // As they were at `since` or later.
    std::shared_ptr<const Guests> guests(std::chrono::nanoseconds since);
    std::shared_ptr<const Nodes> nodes(std::chrono::nanoseconds since);
    std::shared_ptr<const Storages> storages(const std::string& node,
                                             std::chrono::nanoseconds since);
    // Without it no machine's firewall filters anything.
    bool is_firewall_on(std::chrono::nanoseconds since);
    // nullopt: it is not on that node.
    std::optional<VmConfig> config(const VmPlace& place, std::chrono::nanoseconds since);
    // Whoever has changed it, or tried to.
    void forget_config(std::int64_t vmid);

    // Memory of VMs that are about to come to a node: its own figures lag by ten seconds, and a
    // hundred orders that come at once must not all choose the same one.
    void promise(const std::string& node, std::int64_t memory);
    std::int64_t promised(const std::string& node);

  private:
    struct Seen {
        std::string node;
        VmConfig config;
        std::chrono::nanoseconds at;
    };

    const Clock& clock_;
    const DeclaredCluster declared_;
    ProxmoxCluster cluster_;
    TaskBoard tasks_;
    SharedLook<Guests> guests_;
    SharedLook<Nodes> nodes_;
    SharedLook<bool> firewall_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<SharedLook<Storages>>> storages_;  // by node
    std::map<std::int64_t, Seen> configs_;
    struct Promise {
        std::string node;
        std::int64_t memory;
        std::chrono::nanoseconds at;
    };
    std::vector<Promise> promises_;
};

// The sites of this process. One whose declaration changed is another one from then on; steps that
// have the old one in hand go on with it.
class Sites {
  public:
    Sites(Http& http, const Clock& clock) : http_(http), clock_(clock) {}

    std::shared_ptr<Site> of(const DeclaredCluster& cluster);

  private:
    Http& http_;
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Site>> sites_;
};

}  // namespace slipway
