#include "consumers/proxmox/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace slipway {
namespace {

const NodeRoom* find_node(const std::vector<NodeRoom>& nodes, const std::string& name) {
    const auto found =
        std::find_if(nodes.begin(), nodes.end(), [&](auto& node) { return node.name == name; });
    return found == nodes.end() ? nullptr : &*found;
}

// What keeps the disks from that node; empty if nothing does.
std::string missing_storage(const NodeRoom& node, const PlacementWish& wish) {
    for (const DiskMove& disk : wish.disks)
        if (std::find(node.storages.begin(), node.storages.end(), disk.moves_to) ==
            node.storages.end())
            return disk.moves_to;
    return {};
}

std::string gib(std::int64_t bytes) {
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1LL << 30));
}

const NodeRoom* roomiest(const std::vector<NodeRoom>& nodes, const PlacementWish& wish) {
    const NodeRoom* best = nullptr;
    for (const NodeRoom& node : nodes) {
        if (!node.online || node.memory_free < wish.memory) continue;
        if (node.name != wish.here && !missing_storage(node, wish).empty()) continue;
        // A move is work: another node must be better than the one where the VM is.
        const bool better = best == nullptr || node.memory_free > best->memory_free ||
                            (node.memory_free == best->memory_free && node.name == wish.here);
        if (better) best = &node;
    }
    return best;
}

}  // namespace

Placement place_vm(const std::vector<NodeRoom>& nodes, const PlacementWish& wish) {
    std::string note;
    if (!wish.configured.empty()) {
        if (wish.configured == wish.here)
            return {wish.here, fmt::format("already on {}", wish.here)};
        const NodeRoom* node = find_node(nodes, wish.configured);
        if (node == nullptr) {
            note = fmt::format("there is no node {}; ", wish.configured);
        } else if (!node->online) {
            note = fmt::format("{} is away; ", wish.configured);
        } else if (const std::string lacks = missing_storage(*node, wish); !lacks.empty()) {
            note = fmt::format("{} has no storage {}; ", wish.configured, lacks);
        } else {
            return {wish.configured, fmt::format("{} is the configured node", wish.configured)};
        }
    }
    const NodeRoom* best = roomiest(nodes, wish);
    if (best == nullptr) {
        return {wish.here,
                fmt::format("{}no node has the storage and {} of memory free: stays on {}",
                            note,
                            gib(wish.memory),
                            wish.here)};
    }
    if (best->name == wish.here)
        return {wish.here, fmt::format("{}already on {}", note, wish.here)};
    return {
        best->name,
        fmt::format("{}{} has most memory free ({})", note, best->name, gib(best->memory_free))};
}

std::string storage_map(const std::vector<DiskMove>& disks) {
    std::vector<std::string> pairs;
    for (const DiskMove& disk : disks) {
        if (disk.storage == disk.moves_to) continue;
        const std::string pair = disk.storage + ":" + disk.moves_to;
        if (std::find(pairs.begin(), pairs.end(), pair) == pairs.end()) pairs.push_back(pair);
    }
    std::string map;
    for (const std::string& pair : pairs) map += (map.empty() ? "" : ",") + pair;
    return map;
}

}  // namespace slipway
