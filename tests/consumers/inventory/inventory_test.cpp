// What can be asked of an inventory.

#include "consumers/inventory/inventory.h"

#include <gtest/gtest.h>

#include "tests/consumers/inventory/whole_inventory.h"

namespace slipway {
namespace {

DeclaredPool pool(const std::string& network, const std::string& range) {
    return {.name = "p",
            .network = parse_network(network),
            .gateway = first_of(parse_network(network)),
            .range = parse_range(range)};
}

std::string ranges(const DeclaredPool& pool) {
    std::string text;
    for (const IpRange& range : usable_ranges(pool))
        text += (text.empty() ? "" : " ") + print_range(range);
    return text + " = " + std::to_string(capacity(pool));
}

TEST(Pools, GiveOutNeitherTheGatewayNorTheNetworksOwnAddresses) {
    DeclaredPool v4 = pool("10.0.0.0/29", "10.0.0.0-10.0.0.7");
    v4.gateway = parse_address("10.0.0.3");
    v4.exclude = {parse_range("10.0.0.5")};
    EXPECT_EQ(ranges(v4), "10.0.0.1-10.0.0.2 10.0.0.4 10.0.0.6 = 4");

    EXPECT_EQ(ranges(pool("2001:db8::/126", "2001:db8::-2001:db8::3")),
              "2001:db8::1-2001:db8::3 = 3")
        << "IPv6 has no broadcast address";
    EXPECT_EQ(ranges(pool("10.0.0.0/31", "10.0.0.0-10.0.0.1")), "10.0.0.1 = 1");
    EXPECT_EQ(ranges(pool("10.0.0.4/32", "10.0.0.4")), " = 0");
}

TEST(Pools, OfALargeNetworkAreCountedWithoutAnOverflow) {
    EXPECT_EQ(capacity(pool("2001:db8::/32", "2001:db8::-2001:db8:ffff::")), std::int64_t{1} << 62);
}

TEST(Pools, OfAPackageAreThoseOfItsClusterBridgeAndVlan) {
    Inventory inventory;
    const auto add = [&](const char* name, const char* bridge, int vlan) {
        DeclaredPool added = pool("10.0.0.0/24", "10.0.0.2-10.0.0.3");
        added.name = name;
        added.cluster = "lab";
        added.bridge = bridge;
        added.vlan = vlan;
        inventory.pools.push_back(added);
    };
    add("a", "vmbr0", 0);
    add("b", "vmbr1", 5);
    add("c", "vmbr1", 6);
    const auto names = [&](const DeclaredNetwork& network, IpVersion version) {
        const DeclaredPackage package{.cluster = "lab", .network = network};
        std::string text;
        for (const DeclaredPool* each : pools_of(inventory, package, version)) text += each->name;
        return text;
    };

    EXPECT_EQ(names({}, IpVersion::V4), "abc");
    EXPECT_EQ(names({.bridge = "vmbr1"}, IpVersion::V4), "bc");
    EXPECT_EQ(names({.bridge = "vmbr1", .vlan = 6}, IpVersion::V4), "c");
    EXPECT_EQ(names({.vlan = 0}, IpVersion::V4), "a");
    EXPECT_EQ(names({}, IpVersion::V6), "");
    EXPECT_TRUE(pools_of(inventory, {.cluster = "other"}, IpVersion::V4).empty());
}

TEST(Inventories, FindByName) {
    const Inventory all = whole_inventory();

    EXPECT_EQ(all.cluster("lab"), &all.clusters[0]);
    EXPECT_EQ(all.os_template("lab", "debian-12"), &all.templates[0]);
    EXPECT_EQ(all.os_template("other", "debian-12"), nullptr);
    EXPECT_EQ(all.package("vps-pro"), &all.packages[0]);
    EXPECT_EQ(all.pool("public"), &all.pools[0]);
    EXPECT_EQ(all.dns_provider("hestia"), &all.dns_providers[0]);
    EXPECT_EQ(all.letter("vm-ready"), &all.letters[0]);
    EXPECT_EQ(all.letter("none"), nullptr);
    EXPECT_EQ(storage_of(all.clusters[0], "shared"), &all.clusters[0].storages[1]);
    EXPECT_EQ(clones_at_once({.clones = 3}), 3);
    EXPECT_EQ(clones_at_once({.shared = true}), 2);
    EXPECT_EQ(clones_at_once({}), 1);
}

}  // namespace
}  // namespace slipway
