#include "consumers/proxmox/placement.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

constexpr std::int64_t gib = 1LL << 30;

std::vector<NodeRoom> three_nodes() {
    return {{"pve1", true, 10 * gib, {"local", "ceph"}},
            {"pve2", true, 30 * gib, {"local", "ceph"}},
            {"pve3", true, 50 * gib, {"local"}}};
}

struct Row {
    std::string name;
    std::vector<NodeRoom> nodes;
    PlacementWish wish;
    std::string node;
    std::string why;
};

TEST(Placement, ChoosesANodeAndSaysWhy) {
    const std::vector<DiskMove> ceph{{"ceph", "ceph"}};
    const std::vector<DiskMove> local{{"local", "local"}};
    const std::vector<DiskMove> mapped{{"local", "local-zfs"}};
    const Row rows[] = {
        {"most memory wins",
         three_nodes(),
         {"pve1", "", gib, local},
         "pve3",
         "pve3 has most memory free (50.0 GiB)"},
        {"only where the storage is",
         three_nodes(),
         {"pve1", "", gib, ceph},
         "pve2",
         "pve2 has most memory free (30.0 GiB)"},
        {"stays where most memory is",
         three_nodes(),
         {"pve3", "", gib, local},
         "pve3",
         "already on pve3"},
        {"as much elsewhere is no reason to move",
         {{"pve1", true, gib, {"local"}}, {"pve2", true, gib, {"local"}}},
         {"pve2", "", gib, local},
         "pve2",
         "already on pve2"},
        {"a configured node needs no memory",
         three_nodes(),
         {"pve3", "pve1", 40 * gib, local},
         "pve1",
         "pve1 is the configured node"},
        {"already on the configured node",
         three_nodes(),
         {"pve1", "pve1", gib, local},
         "pve1",
         "already on pve1"},
        {"a configured node that is not there",
         three_nodes(),
         {"pve1", "pve9", gib, local},
         "pve3",
         "there is no node pve9; pve3 has most memory free (50.0 GiB)"},
        {"a configured node that is away",
         {{"pve1", true, 10 * gib, {"local"}}, {"pve2", false, 0, {}}},
         {"pve1", "pve2", gib, local},
         "pve1",
         "pve2 is away; already on pve1"},
        {"a configured node without the storage",
         three_nodes(),
         {"pve1", "pve3", gib, ceph},
         "pve2",
         "pve3 has no storage ceph; pve2 has most memory free (30.0 GiB)"},
        {"nobody has the memory",
         three_nodes(),
         {"pve1", "", 60 * gib, local},
         "pve1",
         "no node has the storage and 60.0 GiB of memory free: stays on pve1"},
        {"the storage has another name there",
         {{"pve1", true, gib, {"local"}}, {"pve2", true, 9 * gib, {"local-zfs"}}},
         {"pve1", "", gib, mapped},
         "pve2",
         "pve2 has most memory free (9.0 GiB)"},
        {"an offline node is nobody's target",
         {{"pve1", true, gib, {"local"}}, {"pve2", false, 9 * gib, {"local"}}},
         {"pve1", "", gib, local},
         "pve1",
         "already on pve1"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const Placement placement = place_vm(row.nodes, row.wish);
        EXPECT_EQ(placement.node, row.node);
        EXPECT_EQ(placement.why, row.why);
    }
}

TEST(Placement, NamesTheStoragesThatAreCalledOtherwiseElsewhere) {
    EXPECT_EQ(storage_map({}), "");
    EXPECT_EQ(storage_map({{"local", "local"}, {"ceph", "ceph"}}), "");
    EXPECT_EQ(storage_map({{"a", "b"}, {"c", "c"}, {"d", "e"}, {"a", "b"}}), "a:b,d:e");
}

}  // namespace
}  // namespace slipway
