#pragma once
// On which node a VM shall live. Pure: a table of what there is goes in, a node and a reason come
// out. That a linked clone on local storage cannot move is Proxmox's to say.

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

struct NodeRoom {
    std::string name;
    bool online = false;
    std::int64_t memory_free = 0;       // bytes, less what was promised to others a moment ago
    std::vector<std::string> storages;  // that are active and take disks
};

struct DiskMove {
    std::string storage;   // where it is
    std::string moves_to;  // what that is called on other nodes

    bool operator==(const DiskMove&) const = default;
};

struct PlacementWish {
    std::string here;        // where the VM is
    std::string configured;  // empty: wherever most memory is free
    std::int64_t memory = 0;
    std::vector<DiskMove> disks;
};

struct Placement {
    std::string node;  // where it shall be; `here` if it stays
    std::string why;   // it goes, or stays

    bool operator==(const Placement&) const = default;
};

// A configured node is taken as it is, whatever memory it has, unless it is away or lacks a
// storage: then it is as if none were configured.
Placement place_vm(const std::vector<NodeRoom>& nodes, const PlacementWish& wish);

// Proxmox's targetstorage: "local-lvm:local-zfs,…" for what changes its name; empty if nothing
// does.
std::string storage_map(const std::vector<DiskMove>& disks);

}  // namespace slipway
