// The inventory as rows: nothing is lost, and no secret is in a body.

#include "consumers/inventory/inventory_json.h"

#include <gtest/gtest.h>

#include "consumers/runtime/error.h"
#include "tests/consumers/inventory/whole_inventory.h"

namespace slipway {
namespace {

const SecretBox box(std::string(32, 'k'));

TEST(InventoryRows, HoldEverything) {
    const Inventory all = whole_inventory();

    EXPECT_EQ(inventory_of({.revision = 7, .rows = rows_of(all, box)}, box), all);
}

TEST(InventoryRows, HoldEveryDefault) {
    const Inventory small = parse_inventory(small_inventory, "inventory.yaml").inventory;

    EXPECT_EQ(inventory_of({.revision = 0, .rows = rows_of(small, box)}, box), small);
}

// Whoever adds a member to a struct and forgets it in the table of keys hears of it here, as long
// as it is in the whole inventory, which a reader of that one sees.
TEST(InventoryRows, OfTheWholeInventoryHaveNoDefault) {
    Inventory all = whole_inventory();
    // Of the two storages one is shared and the other has clones at a time of its own.
    all.clusters[0].storages = {
        {.name = "local", .shared = true, .clones = 3, .moves_to = "local2"}};
    for (const Declared& declared : declared_in(all))
        EXPECT_EQ(print_json(short_body(declared), 1), print_json(declared.body, 1))
            << declared.name;
}

TEST(InventoryRows, AreNamedByWhatMakesThemUnique) {
    std::string names;
    for (const InventoryRow& row : rows_of(whole_inventory(), box))
        names += row.kind + " " + row.name + "\n";

    EXPECT_EQ(names,
              "cluster lab\n"
              "template debian-12@lab\n"
              "package vps-pro\n"
              "pool public\n"
              "dns_provider hestia\n"
              "zone 0-63.0.0.10.in-addr.arpa@hestia\n"
              "letter vm-ready\n");
}

TEST(InventoryRows, KeepSecretsApartAndSealed) {
    for (const InventoryRow& row : rows_of(whole_inventory(), box)) {
        EXPECT_EQ(row.body.find("secret"), std::string::npos) << row.body;
        EXPECT_EQ(row.secret.find("secret"), std::string::npos);
        EXPECT_EQ(!row.secret.empty(), row.kind == "cluster" || row.kind == "dns_provider");
    }
}

TEST(InventoryRows, AreReadWithoutAKeyByWhoNeedsNoSecrets) {
    Inventory without = whole_inventory();
    without.clusters[0].token.clear();
    without.clusters[0].password.clear();
    without.dns_providers[0].secret.clear();

    EXPECT_EQ(inventory_without_secrets({.revision = 7, .rows = rows_of(whole_inventory(), box)}),
              without);
    EXPECT_THROW(rows_of(whole_inventory(), SecretBox()), std::runtime_error);
    EXPECT_NO_THROW(rows_of(without, SecretBox()));
}

TEST(InventoryRows, DoNotTakeAnotherRowsSecret) {
    std::vector<InventoryRow> rows = rows_of(whole_inventory(), box);
    rows[0].name = "other";

    EXPECT_THROW(inventory_of({.revision = 1, .rows = rows}, box), std::runtime_error);
}

std::string error_of(const std::string& body) {
    try {
        inventory_without_secrets(
            {.revision = 1, .rows = {{.kind = "letter", .name = "a", .body = body}}});
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

TEST(InventoryRows, AreReadThoughANewerSlipwayWroteThem) {
    EXPECT_EQ(error_of(R"({"name":"a","subject":"s","body":"b","unheard_of":[1,{"x":null}]})"),
              "none");
    EXPECT_EQ(error_of(R"({"name":"a","subject":"s"})"),
              "what is declared cannot be read: letters.a: has no body, which it needs");
    EXPECT_TRUE(error_of("{").starts_with("the stored letter a cannot be read: "));
}

}  // namespace
}  // namespace slipway
