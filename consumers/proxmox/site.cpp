#include "consumers/proxmox/site.h"

#include "consumers/inventory/cluster_settings.h"
#include "consumers/proxmox/firewall.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t configs_most = 4'096;
constexpr std::chrono::seconds promise_counts_for{30};

}  // namespace

Site::Site(Http& http, const Clock& clock, const DeclaredCluster& declared)
    : clock_(clock),
      declared_(declared),
      cluster_(http, clock, cluster_settings(declared)),
      tasks_(cluster_, std::chrono::milliseconds(200)),
      guests_(clock),
      nodes_(clock),
      firewall_(clock) {}

std::shared_ptr<const Site::Guests> Site::guests(nanoseconds since) {
    return guests_.get(since, [this] { return vm_resources({cluster_}); });
}

std::shared_ptr<const Site::Nodes> Site::nodes(nanoseconds since) {
    return nodes_.get(since, [this] { return slipway::nodes({cluster_}); });
}

std::shared_ptr<const Site::Storages> Site::storages(const std::string& node, nanoseconds since) {
    SharedLook<Storages>* look = nullptr;
    {
        const std::lock_guard lock(mutex_);
        auto& one = storages_[node];
        if (!one) one = std::make_unique<SharedLook<Storages>>(clock_);
        look = one.get();
    }
    return look->get(since, [&] { return slipway::storages({cluster_}, node); });
}

bool Site::is_firewall_on(nanoseconds since) {
    return *firewall_.get(since, [this] { return is_cluster_firewall_on({cluster_}); });
}

std::optional<VmConfig> Site::config(const VmPlace& place, nanoseconds since) {
    {
        const std::lock_guard lock(mutex_);
        const auto seen = configs_.find(place.vmid);
        if (seen != configs_.end() && seen->second.node == place.node && seen->second.at >= since)
            return seen->second.config;
    }
    const nanoseconds began = clock_.since_boot();
    auto config = vm_config({cluster_}, place, Values::Wanted);
    const std::lock_guard lock(mutex_);
    if (configs_.size() >= configs_most) configs_.clear();
    configs_.erase(place.vmid);
    if (config) configs_.emplace(place.vmid, Seen{place.node, *config, began});
    return config;
}

void Site::forget_config(std::int64_t vmid) {
    const std::lock_guard lock(mutex_);
    configs_.erase(vmid);
}

void Site::promise(const std::string& node, std::int64_t memory) {
    const std::lock_guard lock(mutex_);
    promises_.push_back({node, memory, clock_.since_boot()});
}

std::int64_t Site::promised(const std::string& node) {
    const std::lock_guard lock(mutex_);
    const nanoseconds since = clock_.since_boot() - promise_counts_for;
    std::erase_if(promises_, [&](const Promise& one) { return one.at < since; });
    std::int64_t memory = 0;
    for (const Promise& one : promises_)
        if (one.node == node) memory += one.memory;
    return memory;
}

std::shared_ptr<Site> Sites::of(const DeclaredCluster& cluster) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Site>& site = sites_[cluster.name];
    if (!site || site->declared() != cluster) site = std::make_shared<Site>(http_, clock_, cluster);
    return site;
}

}  // namespace slipway
