// Addresses: the lowest that are free, all that were asked for or none, and nobody's twice.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

AddressClaim some(int count, std::vector<PoolRanges> pools) {
    return {.count = count, .pools = std::move(pools)};
}

// What it holds after it has asked.
std::string after_asking(Store& store, std::string_view id, std::vector<AddressClaim> claims) {
    if (!load_one(store, id)) begun(store, id);
    const Saved saved = save_one(store, claiming(load_one(store, id).value(), std::move(claims)));
    EXPECT_TRUE(saved.won);
    EXPECT_EQ(saved.wake_at, saved.granted ? at(2'000'000) : at(90'000'000));
    EXPECT_EQ(load_one(store, id)->wake_at, saved.wake_at);
    return holds(store, id);
}

std::string uses(Store& store) {
    std::string text;
    for (const PoolUse& use : store.pool_use(at(0)))
        text += fmt::format("{}: {} held, {} resting; ", use.pool, use.held, use.resting);
    return text;
}

TEST_P(StoreContract, GivesTheLowestAddressesOfTheFirstPoolThatHasAny) {
    const PoolRanges a = pool("a", {"10.0.0.1-10.0.0.3"});
    const PoolRanges b = pool("b", {"10.0.1.1-10.0.1.9"});

    EXPECT_EQ(after_asking(store(), "1", {some(2, {a, b})}), "10.0.0.1 (a), 10.0.0.2 (a)");
    EXPECT_EQ(after_asking(store(), "2", {some(2, {a, b})}), "10.0.0.3 (a), 10.0.1.1 (b)");
    EXPECT_EQ(after_asking(store(), "3", {some(1, {a, b})}), "10.0.1.2 (b)");
    EXPECT_EQ(uses(store()), "a: 3 held, 0 resting; b: 2 held, 0 resting; ");
}

// A range that was moved, and what was given out before that.
TEST_P(StoreContract, CountsWhatIsUsedOfSomeRangesWhateverPoolItIsFrom) {
    after_asking(store(), "1", {some(3, {pool("a", {"10.0.0.1-10.0.0.9"})})});
    const auto used = [&](std::initializer_list<std::string_view> ranges) {
        const PoolUse use = store().pool_use(pool("b", ranges), at(0));
        return fmt::format("{} {} {}", use.pool, use.held, use.resting);
    };

    EXPECT_EQ(used({"10.0.0.1-10.0.0.9"}), "b 3 0");
    EXPECT_EQ(used({"10.0.0.2", "10.0.0.3-10.0.0.9"}), "b 2 0");
    EXPECT_EQ(used({"10.0.0.4-10.0.0.200"}), "b 0 0");
}

TEST_P(StoreContract, GivesAllAddressesOrNone) {
    const PoolRanges v4 = pool("v4", {"10.0.0.1-10.0.0.9"});
    const PoolRanges v6 = pool("v6", {"2001:db8::1"});

    EXPECT_EQ(after_asking(store(), "1", {some(2, {v4}), some(2, {v6})}), "");
    EXPECT_EQ(after_asking(store(), "2", {some(10, {v4})}), "");
    EXPECT_EQ(after_asking(store(), "3", {some(2, {v4}), some(1, {v6})}),
              "10.0.0.1 (v4), 10.0.0.2 (v4), 2001:db8::1 (v6)");
    EXPECT_EQ(after_asking(store(), "4", {some(7, {v4}), some(1, {v6})}), "");
    EXPECT_EQ(after_asking(store(), "5", {some(0, {v6})}), "");
    EXPECT_EQ(uses(store()), "v4: 2 held, 0 resting; v6: 1 held, 0 resting; ");
}

TEST_P(StoreContract, GivesAddressesNumberAndSlotsTogetherOrNoneOfThem) {
    const PoolRanges a = pool("a", {"10.0.0.1-10.0.0.2"});
    const auto ask = [&](std::string_view id, std::int64_t last, const char* slot) {
        if (!load_one(store(), id)) begun(store(), id);
        Change change = claiming(load_one(store(), id).value(), {some(1, {a})});
        change.number = {.cluster = "pve", .first = 100, .last = last};
        change.claims = {{slot, 1}};
        save_one(store(), change);
        return holds(store(), id);
    };

    EXPECT_EQ(ask("1", 101, "x"), "number 100, 10.0.0.1 (a), slot x");
    EXPECT_EQ(ask("2", 101, "x"), "") << "the slot is taken";
    EXPECT_EQ(ask("3", 100, "y"), "") << "there is no number";
    EXPECT_EQ(ask("4", 101, "y"), "number 101, 10.0.0.2 (a), slot y")
        << "who lacks a number keeps no slot";
    EXPECT_EQ(ask("5", 199, "z"), "") << "there is no address";
    EXPECT_EQ(store().slots().size(), 2U);
}

// A grant happens with the save it came with. Whoever does not hear of it sends the same change
// again, which loses; or looks first and sees what the VM holds. Who asks at a new version means
// more of them.
TEST_P(StoreContract, GivesWhatOneAnswerAsksForOnce) {
    const PoolRanges a = pool("a", {"10.0.0.1-10.0.0.9"});
    const Change change = claiming(begun(store(), "1"), {some(2, {a})});
    EXPECT_TRUE(save_one(store(), change).granted);

    const Saved again = save_one(store(), change);

    EXPECT_FALSE(again.won || again.granted);
    EXPECT_TRUE(store().was_saved(change.log.writer, change.log.told_as));
    EXPECT_EQ(holds(store(), "1"), "10.0.0.1 (a), 10.0.0.2 (a)");
    EXPECT_EQ(after_asking(store(), "2", {some(1, {a})}), "10.0.0.3 (a)");
    EXPECT_EQ(after_asking(store(), "1", {some(1, {a})}),
              "10.0.0.1 (a), 10.0.0.2 (a), 10.0.0.4 (a)");
}

TEST_P(StoreContract, NamesAddressesInTheOrderInWhichTheyWereGiven) {
    const PoolRanges high = pool("high", {"10.0.9.1-10.0.9.9"});
    const PoolRanges low = pool("low", {"10.0.0.1-10.0.0.9"});

    after_asking(store(), "1", {some(1, {high})});

    EXPECT_EQ(after_asking(store(), "1", {some(1, {low}), some(1, {high})}),
              "10.0.9.1 (high), 10.0.0.1 (low), 10.0.9.2 (high)");
}

TEST_P(StoreContract, GivesNoAddressToWhoReadAnotherInventory) {
    Change change = claiming(begun(store(), "1"), {some(1, {pool("a", {"10.0.0.1"})})});
    change.inventory_revision = 1;

    EXPECT_FALSE(save_one(store(), change).granted);

    EXPECT_EQ(holds(store(), "1"), "");
}

TEST_P(StoreContract, GivesOutOfARangeOfAnySize) {
    const PoolRanges v6 = pool("v6", {"2001:db8::1-2001:db8::ffff:ffff:ffff:fffe"});
    const PoolRanges all = pool("all", {"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"});
    const PoolRanges end = pool("end", {"255.255.255.254-255.255.255.255"});

    EXPECT_EQ(after_asking(store(), "1", {some(2, {v6})}), "2001:db8::1 (v6), 2001:db8::2 (v6)");
    EXPECT_EQ(after_asking(store(), "2", {some(1, {v6})}), "2001:db8::3 (v6)");
    EXPECT_EQ(after_asking(store(), "3", {some(1, {all})}), ":: (all)");
    EXPECT_EQ(after_asking(store(), "4", {some(3, {end})}), "");
    EXPECT_EQ(after_asking(store(), "5", {some(2, {end})}),
              "255.255.255.254 (end), 255.255.255.255 (end)");
    EXPECT_EQ(after_asking(store(), "6", {some(1, {end})}), "");
}

TEST_P(StoreContract, GoesByTheRangesThatThePoolHasNow) {
    const auto ask = [&](std::string_view id, std::initializer_list<std::string_view> ranges) {
        return after_asking(store(), id, {some(1, {pool("a", ranges)})});
    };
    EXPECT_EQ(ask("1", {"10.0.0.5", "10.0.0.8-10.0.0.9"}), "10.0.0.5 (a)");
    EXPECT_EQ(ask("2", {"10.0.0.5", "10.0.0.8-10.0.0.9"}), "10.0.0.8 (a)");

    EXPECT_EQ(ask("3", {"10.0.0.4-10.0.0.9"}), "10.0.0.4 (a)") << "it grew downwards";
    EXPECT_EQ(ask("4", {"10.0.0.4-10.0.0.9"}), "10.0.0.6 (a)") << "no longer left out";
    EXPECT_EQ(ask("5", {"10.0.0.4-10.0.0.6"}), "") << "it has shrunk, and is full";
    EXPECT_EQ(ask("5", {}), "") << "nothing is left of it";
    EXPECT_EQ(ask("5", {"10.0.0.4-10.0.0.7"}), "10.0.0.7 (a)") << "and grows again";
    EXPECT_EQ(ask("6", {"10.0.0.4-10.0.0.7"}), "");
    EXPECT_EQ(ask("6", {"10.0.0.4-10.0.0.9"}), "10.0.0.9 (a)");
}

// Of two pools that overlap each knows nothing of what the other has given.
TEST_P(StoreContract, GivesNoAddressTwiceWhateverThePoolsAreCalled) {
    const PoolRanges a = pool("a", {"10.0.0.1-10.0.0.4"});
    const PoolRanges b = pool("b", {"10.0.0.1-10.0.0.4"});

    EXPECT_EQ(after_asking(store(), "1", {some(1, {a})}), "10.0.0.1 (a)");
    EXPECT_EQ(after_asking(store(), "2", {some(1, {b})}), "10.0.0.2 (b)");
    EXPECT_EQ(after_asking(store(), "3", {some(2, {a, b})}), "10.0.0.3 (a), 10.0.0.4 (a)");
    EXPECT_EQ(after_asking(store(), "4", {some(1, {b, a})}), "");
}

// The quickest of some claims, since anything may hold up one of them.
std::chrono::nanoseconds quickest_claim(Store& store,
                                        std::string_view name,
                                        const AddressClaim& c) {
    auto quickest = std::chrono::nanoseconds::max();
    for (int i = 0; i < 30; ++i) {
        const Change change = claiming(begun(store, fmt::format("{}{}", name, i)), {c});
        const auto began = std::chrono::steady_clock::now();
        EXPECT_TRUE(save_one(store, change).granted);
        quickest =
            std::min<std::chrono::nanoseconds>(quickest, std::chrono::steady_clock::now() - began);
    }
    return quickest;
}

TEST_P(StoreContract, AClaimCostsNoMoreInAPoolWith65000AddressesTaken) {
    const PoolRanges empty = pool("empty", {"10.1.0.0-10.1.255.255"});
    const PoolRanges dense = pool("dense", {"10.2.0.0-10.2.255.255"});
    ASSERT_TRUE(
        save_one(store(), claiming(begun(store(), "many"), {some(65'000, {dense})})).granted);

    const auto in_empty = quickest_claim(store(), "empty", some(1, {empty}));
    const auto in_dense = quickest_claim(store(), "dense", some(1, {dense}));

    EXPECT_LT(in_dense, 4 * in_empty);
    EXPECT_EQ(holds(store(), "dense29"), "10.2.254.5 (dense)");
}

}  // namespace
}  // namespace slipway
