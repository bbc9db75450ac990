#include "consumers/steps/slots.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {

std::vector<SlotClaim> task_slots(const DeclaredCluster& cluster, const std::string& node) {
    return {{fmt::format("cluster {}", cluster.name), cluster.tasks_at_once},
            {fmt::format("node {}/{}", cluster.name, node), cluster.tasks_per_node}};
}

std::vector<SlotClaim> clone_slots(const DeclaredCluster& cluster,
                                   const std::string& node,
                                   const std::string& storage) {
    std::vector<SlotClaim> slots = task_slots(cluster, node);
    const auto declared = std::find_if(cluster.storages.begin(),
                                       cluster.storages.end(),
                                       [&](auto& one) { return one.name == storage; });
    const DeclaredStorage one =
        declared == cluster.storages.end() ? DeclaredStorage{storage} : *declared;
    slots.push_back({one.shared ? fmt::format("clone {}/{}", cluster.name, storage)
                                : fmt::format("clone {}/{}/{}", cluster.name, node, storage),
                     clones_at_once(one)});
    return slots;
}

bool holds_all(const Holdings& holdings, const std::vector<SlotClaim>& slots) {
    return std::all_of(slots.begin(), slots.end(), [&](const SlotClaim& slot) {
        return std::find(holdings.slots.begin(), holdings.slots.end(), slot.resource) !=
               holdings.slots.end();
    });
}

}  // namespace slipway
