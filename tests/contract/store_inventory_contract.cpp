// What operators declare: changed as a whole or not at all, by one at a time.

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

// "revision 2: package vps {1} sealed, zone example.com {2}"
std::string declared(Store& store) {
    const InventoryRows inventory = store.inventory();
    std::string text = fmt::format("revision {}:", inventory.revision);
    for (const InventoryRow& row : inventory.rows)
        text += fmt::format(" {} {} {}{}{}",
                            row.kind,
                            row.name,
                            row.body,
                            row.secret.empty() ? "" : " ",
                            row.secret);
    return text;
}

bool change(Store& store,
            std::int64_t revision,
            std::vector<InventoryRow> put,
            std::vector<InventoryKey> remove = {}) {
    return store.change_inventory(revision, put, remove, at(5'000'000));
}

const InventoryRow declared_pool = {.kind = "pool", .name = "public", .body = "{\"range\":1}"};

TEST_P(StoreContract, BeginsWithAnEmptyInventory) {
    EXPECT_EQ(declared(store()), "revision 0:");
    EXPECT_EQ(store().inventory_revision(), 0);
}

TEST_P(StoreContract, ChangesTheInventoryAsAWhole) {
    EXPECT_TRUE(change(store(),
                       0,
                       {{.kind = "zone", .name = "example.com@pdns", .body = "{}"},
                        {.kind = "cluster", .name = "lab", .body = "{}", .secret = "v1:sealed"}}));
    EXPECT_EQ(declared(store()), "revision 1: cluster lab {} v1:sealed zone example.com@pdns {}");

    EXPECT_TRUE(
        change(store(),
               1,
               {{.kind = "cluster", .name = "lab", .body = "{\"a\":\"ü'\"}"}, declared_pool},
               {{"zone", "example.com@pdns"}, {"zone", "not there"}}));
    EXPECT_EQ(declared(store()),
              "revision 2: cluster lab {\"a\":\"ü'\"} pool public {\"range\":1}");
    EXPECT_EQ(database().open()->inventory_revision(), 2);
}

TEST_P(StoreContract, ChangesNothingForWhoReadAnOlderInventory) {
    ASSERT_TRUE(change(store(), 0, {declared_pool}));

    EXPECT_FALSE(change(store(), 0, {{.kind = "pool", .name = "other", .body = "{}"}}));
    EXPECT_FALSE(change(store(), 2, {}, {{"pool", "public"}}));

    EXPECT_EQ(declared(store()), "revision 1: pool public {\"range\":1}");
}

TEST_P(StoreContract, OfManyWhoChangeTheInventoryAtOnceOneIsFirst) {
    std::atomic<int> won = 0;
    std::vector<std::thread> operators;
    for (int i = 0; i < 8; ++i)
        operators.emplace_back([&, i] {
            const auto mine = database().open();
            if (change(*mine, 0, {{.kind = "pool", .name = fmt::format("p{}", i), .body = "{}"}}))
                ++won;
        });
    for (std::thread& each : operators) each.join();

    EXPECT_EQ(won, 1);
    EXPECT_EQ(store().inventory().rows.size(), 1U);
    EXPECT_EQ(store().inventory_revision(), 1);
}

TEST_P(StoreContract, AChangeOfTheInventoryWakesWhoeverFails) {
    Change failing = again(begun(store(), "fails"));
    failing.repeats = false;
    failing.next.failures = 3;
    failing.next.wake_at = at(90'000'000);
    save_one(store(), failing);
    Change soon = again(begun(store(), "fails_soon"));
    soon.repeats = false;
    soon.next.failures = 1;
    soon.next.wake_at = at(2'000'000);
    save_one(store(), soon);
    begun(store(), "goes_well");
    save_one(store(), rest_in(begun(store(), "rests"), "ready"));

    ASSERT_TRUE(change(store(), 0, {declared_pool}));

    EXPECT_EQ(load_one(store(), "fails")->wake_at, at(5'000'000));
    EXPECT_EQ(load_one(store(), "fails_soon")->wake_at, at(2'000'000));
    EXPECT_EQ(load_one(store(), "goes_well")->wake_at, at(30'000'000));
    EXPECT_EQ(load_one(store(), "rests")->wake_at, std::nullopt);
    EXPECT_EQ(load_one(store(), "fails")->version, failing.next.version) << "waking is no change";
}

TEST_P(StoreContract, ALostChangeOfTheInventoryWakesNobody) {
    Change failing = again(begun(store(), "fails"));
    failing.repeats = false;
    failing.next.failures = 3;
    failing.next.wake_at = at(90'000'000);
    save_one(store(), failing);

    ASSERT_FALSE(change(store(), 7, {declared_pool}));

    EXPECT_EQ(load_one(store(), "fails")->wake_at, at(90'000'000));
}

TEST_P(StoreContract, APoolThatGrewWhileAVmWaitedGivesItAnAddress) {
    ASSERT_TRUE(change(store(), 0, {declared_pool}));
    const auto ask = [&](std::string_view id, std::initializer_list<std::string_view> ranges) {
        if (!load_one(store(), id)) begun(store(), id);
        Change claim = claiming(load_one(store(), id).value(),
                                {{.count = 1, .pools = {pool("public", ranges)}}});
        claim.inventory_revision = store().inventory_revision();
        save_one(store(), claim);
        return holds(store(), id);
    };
    ASSERT_EQ(ask("a", {"10.0.0.5"}), "10.0.0.5 (public)");
    ASSERT_EQ(ask("b", {"10.0.0.5"}), "");

    ASSERT_TRUE(
        change(store(), 1, {{.kind = "pool", .name = "public", .body = "{\"range\":\"two\"}"}}));

    EXPECT_EQ(ask("b", {"10.0.0.4-10.0.0.5"}), "10.0.0.4 (public)") << "below what was taken";
}

TEST_P(StoreContract, KnowsWhichVmsHaveWhatIsDeclared) {
    const auto vm = [&](std::string_view id, const std::string& target) {
        Change change = step_to(begun(store(), id), "set_ip");
        change.changes_detail = true;
        change.next.cluster = "lab";
        change.next.product = "vps-start";
        change.next.target = target;
        return saved(store(), change);
    };
    vm("a", R"({"package":"vps-start"})");
    vm("b", R"({"package":"vps-start","operating_system":"debian-12"})");
    save_one(store(), rest_in(vm("gone", R"({"package":"vps-start"})"), "remove"));
    Change waits = step_to(begun(store(), "waits"), "creation");
    waits.changes_detail = true;
    waits.next.target = R"({"package":"vps-big"})";
    save_one(store(), waits);

    EXPECT_EQ(store().vms_with({"cluster", "lab"}), 2);
    EXPECT_EQ(store().vms_with({"cluster", "la"}), 0);
    EXPECT_EQ(store().vms_with({"package", "vps-start"}), 2);
    EXPECT_EQ(store().vms_with({"package", "vps-big"}), 1) << "it has no number yet";
    EXPECT_EQ(store().vms_with({"package", "vps"}), 0);
    EXPECT_EQ(store().vms_with({"template", "debian-12@lab"}), 1);
    EXPECT_EQ(store().vms_with({"template", "debian-12@other"}), 0);
    EXPECT_THROW(store().vms_with({"letter", "ready"}), std::logic_error);
}

}  // namespace
}  // namespace slipway
