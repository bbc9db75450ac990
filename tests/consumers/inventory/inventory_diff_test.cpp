// What a file would do to the inventory.

#include "consumers/inventory/inventory_diff.h"

#include <gtest/gtest.h>

#include "tests/consumers/inventory/whole_inventory.h"

namespace slipway {
namespace {

InventoryFile small(const std::string& what = "", const std::string& instead = "") {
    return parse_inventory(small_with(what, instead), "inventory.yaml");
}

std::string text(const InventoryPlan& plan) {
    const char marks[] = {'=', '+', '~', 'k', '-'};
    std::string out;
    for (const InventoryChange& change : plan.changes) {
        if (change.fate == Fate::Same) continue;
        out += std::string(1, marks[static_cast<int>(change.fate)]) + " " + change.declared.kind +
               " " + change.declared.name;
        for (const FieldChange& field : change.fields)
            out += "; " + field.path +
                   (field.is_secret ? " secret" : " " + field.before + ">" + field.after);
        out += "\n";
    }
    return out;
}

TEST(InventoryPlan, OfTheSameFileChangesNothing) {
    const InventoryPlan plan = plan_inventory(small().inventory, small(), Absent::Removed);

    EXPECT_TRUE(plan.changes_nothing());
    EXPECT_EQ(text(plan), "");
}

TEST(InventoryPlan, SaysWhatIsNewChangedAndKept) {
    const Inventory before = small().inventory;
    const InventoryFile file = parse_inventory(
        R"(pools:
  - {name: second, cluster: lab, bridge: b, network: 10.1.0.0/24, gateway: 10.1.0.1, range: 10.1.0.2}
packages:
  - {name: vps-start, cluster: lab, template: debian-12, cores: 4, system_disk: {storage: local, size: 20G}}
)",
        "inventory.yaml");

    const InventoryPlan plan = plan_inventory(before, file, Absent::Kept);

    EXPECT_EQ(text(plan),
              "~ package vps-start; cores 1>4; system_disk.size 0G>20G\n"
              "+ pool second\n"
              "k cluster lab\n"
              "k template debian-12@lab\n"
              "k pool public\n"
              "k dns_provider pdns\n"
              "k zone example.com@pdns\n"
              "k letter vm-ready\n");
    EXPECT_EQ(plan.whole.pools.size(), 2U);
    EXPECT_EQ(plan.whole.clusters, before.clusters) << "with its secrets";
    EXPECT_TRUE(keys_to_remove(plan).empty());
    EXPECT_EQ(rows_to_put(plan, SecretBox()).size(), 2U);
}

TEST(InventoryPlan, TakesOutWhatTheFileDoesNotNameIfToldSo) {
    Inventory before = small().inventory;
    before.letters.push_back({.name = "old", .subject = "s", .body = "b"});

    const InventoryPlan plan = plan_inventory(before, small(), Absent::Removed);

    EXPECT_EQ(text(plan), "- letter old\n");
    EXPECT_EQ(plan.whole.letters.size(), 1U);
    EXPECT_EQ(keys_to_remove(plan).at(0).name, "old");
}

TEST(InventoryPlan, KeepsASecretThatTheFileDoesNotName) {
    const Inventory before = small().inventory;
    const std::string line = "    token: root@pam!slipway=secret\n";

    const InventoryPlan silent = plan_inventory(before, small(line, ""), Absent::Kept);
    EXPECT_TRUE(silent.changes_nothing());
    EXPECT_EQ(silent.whole.clusters[0].token, "root@pam!slipway=secret");

    const InventoryPlan emptied =
        plan_inventory(before, small(line, "    token: \"\"\n"), Absent::Kept);
    EXPECT_EQ(text(emptied), "~ cluster lab; token secret\n");
    EXPECT_EQ(emptied.whole.clusters[0].token, "");

    const InventoryPlan other = plan_inventory(before, small("=secret", "=other"), Absent::Kept);
    EXPECT_EQ(text(other), "~ cluster lab; token secret\n");
    EXPECT_EQ(other.whole.clusters[0].token, "root@pam!slipway=other");
}

}  // namespace
}  // namespace slipway
