// VM numbers: each VM has one, nobody has it twice, and what somebody else uses is left alone.

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

NumberClaim from_to(std::int64_t first, std::int64_t last) {
    return {.cluster = "pve", .first = first, .last = last};
}

bool is_granted(Store& store, std::string_view id, const NumberClaim& claim) {
    return save_one(store, claiming(load_one(store, id).value(), claim)).granted;
}

// What a new VM gets: "number 100", or nothing.
std::string given(Store& store, std::string_view id, const NumberClaim& claim) {
    begun(store, id);
    const bool is_left = store.has_number(claim, at(0));
    EXPECT_EQ(is_granted(store, id, claim), is_left);
    return holds(store, id);
}

TEST_P(StoreContract, GivesTheNumberAfterTheHighest) {
    EXPECT_EQ(given(store(), "a", from_to(100, 999)), "number 100");
    EXPECT_EQ(given(store(), "b", from_to(100, 999)), "number 101");
    EXPECT_EQ(given(store(), "c", from_to(500, 999)), "number 500");
    EXPECT_EQ(given(store(), "d", from_to(100, 999)), "number 501");
    NumberClaim elsewhere = from_to(100, 999);
    elsewhere.cluster = "other";
    EXPECT_EQ(given(store(), "e", elsewhere), "number 100");
}

TEST_P(StoreContract, WakesWhoWasGrantedANumberAtOnce) {
    const Saved granted = save_one(store(), claiming(begun(store(), "a"), from_to(100, 100)));
    const Saved refused = save_one(store(), claiming(begun(store(), "b"), from_to(100, 100)));

    EXPECT_TRUE(granted.won && granted.granted);
    EXPECT_EQ(granted.wake_at, at(2'000'000));
    EXPECT_EQ(load_one(store(), "a")->wake_at, at(2'000'000));
    EXPECT_TRUE(refused.won && !refused.granted);
    EXPECT_EQ(refused.wake_at, at(90'000'000));
    EXPECT_EQ(load_one(store(), "b")->wake_at, at(90'000'000));
}

TEST_P(StoreContract, PassesOverNumbersThatOthersHaveTaken) {
    NumberClaim claim = from_to(100, 106);
    claim.taken = {1, 100, 101, 103, 5000};

    EXPECT_EQ(given(store(), "a", claim), "number 102");
    EXPECT_EQ(given(store(), "b", claim), "number 104");
    claim.taken = {105, 106};
    EXPECT_EQ(given(store(), "c", claim), "number 100") << "passed over once, free now";
    claim.taken = {101, 103, 105, 106};
    EXPECT_EQ(given(store(), "d", claim), "");
}

TEST_P(StoreContract, GivesWhatLiesBelowOnceNothingIsLeftAbove) {
    EXPECT_EQ(given(store(), "a", from_to(103, 105)), "number 103");
    EXPECT_EQ(given(store(), "b", from_to(104, 105)), "number 104");
    EXPECT_EQ(given(store(), "c", from_to(101, 105)), "number 105");
    EXPECT_EQ(given(store(), "d", from_to(101, 105)), "number 101");
    EXPECT_EQ(given(store(), "e", from_to(101, 105)), "number 102");
    EXPECT_EQ(given(store(), "f", from_to(101, 105)), "");
    EXPECT_EQ(given(store(), "g", from_to(100, 105)), "number 100");
}

TEST_P(StoreContract, GivesAVmOneNumberHoweverOftenItAsks) {
    const Change first = claiming(begun(store(), "a"), from_to(100, 999));
    EXPECT_TRUE(save_one(store(), first).granted);

    EXPECT_FALSE(save_one(store(), first).won) << "sent again by who did not hear the answer";
    EXPECT_EQ(holds(store(), "a"), "number 100");
    EXPECT_TRUE(is_granted(store(), "a", from_to(100, 999))) << "asked again: it has one";
    EXPECT_EQ(holds(store(), "a"), "number 100");
    EXPECT_EQ(given(store(), "b", from_to(100, 999)), "number 101") << "none was lost";

    NumberClaim elsewhere = from_to(100, 999);
    elsewhere.cluster = "other";
    EXPECT_FALSE(is_granted(store(), "a", elsewhere)) << "it must give back the one it has";
    EXPECT_EQ(holds(store(), "a"), "number 100");
}

TEST_P(StoreContract, ExchangesABurntNumberForAnother) {
    EXPECT_EQ(given(store(), "a", from_to(100, 102)), "number 100");
    NumberClaim burning = from_to(100, 102);
    burning.burns = 100;

    EXPECT_TRUE(is_granted(store(), "a", burning));
    EXPECT_EQ(holds(store(), "a"), "number 101");
    EXPECT_TRUE(is_granted(store(), "a", burning)) << "it has done that";
    EXPECT_EQ(holds(store(), "a"), "number 101");

    EXPECT_EQ(given(store(), "b", from_to(100, 102)), "number 102");
    burning.burns = 101;
    EXPECT_FALSE(is_granted(store(), "a", burning)) << "there is no other";
    EXPECT_EQ(holds(store(), "a"), "number 101");
    EXPECT_EQ(given(store(), "c", from_to(100, 102)), "") << "100 is burnt for ever";
}

TEST_P(StoreContract, GivesNoNumberToWhoReadAnotherInventory) {
    Change change = claiming(begun(store(), "a"), from_to(100, 999));
    change.inventory_revision = 1;

    EXPECT_FALSE(save_one(store(), change).granted);

    EXPECT_EQ(holds(store(), "a"), "");
}

}  // namespace
}  // namespace slipway
