#include "consumers/runtime/offsets.h"

#include <gtest/gtest.h>

#include "consumers/runtime/in_order.h"

namespace slipway {
namespace {

Received message(std::int32_t partition, std::int64_t offset) {
    return {.message = {.topic = "slipway.service"}, .partition = partition, .offset = offset};
}

TEST(InOrder, SaysBelowWhichEverythingIsFinished) {
    InOrder numbers(5);
    for (const int n : {5, 6, 9}) numbers.begin(n);

    numbers.finish(6);
    EXPECT_EQ(numbers.finished_below(), 5);
    numbers.finish(5);
    EXPECT_EQ(numbers.finished_below(), 7);
    numbers.finish(9);

    EXPECT_EQ(numbers.finished_below(), 10);
    EXPECT_EQ(numbers.open(), 0U);
}

TEST(InOrder, PassesOverWhatItNeverHeardOfAndWhatIsFinishedAlready) {
    InOrder numbers(0);
    numbers.begin(1);
    numbers.begin(2);

    numbers.finish(7);
    numbers.finish(2);
    numbers.finish(2);

    EXPECT_EQ(numbers.open(), 1U);
    EXPECT_EQ(numbers.finished_below(), 0);
}

TEST(Offsets, AreCommittedOnlyWhenEveryLowerOneIsFinished) {
    Offsets offsets;
    const Ticket first = offsets.take(message(0, 10));
    const Ticket second = offsets.take(message(0, 11));

    second.finish();
    EXPECT_TRUE(offsets.advanced().empty());
    first.finish();

    const auto advanced = offsets.advanced();
    ASSERT_EQ(advanced.size(), 1U);
    EXPECT_EQ(advanced[0].offset, 12);
    EXPECT_TRUE(offsets.advanced().empty()) << "the same news twice";
}

TEST(Offsets, OfOnePartitionDoNotHoldUpAnother) {
    Offsets offsets;
    offsets.take(message(0, 10));
    offsets.take(message(1, 3)).finish();

    const auto advanced = offsets.advanced();

    ASSERT_EQ(advanced.size(), 1U);
    EXPECT_EQ(advanced[0].partition, 1);
    EXPECT_EQ(advanced[0].offset, 4);
    EXPECT_EQ(offsets.open(), 1U);
}

TEST(Offsets, AreNotFinishedByATicketFromBeforeARebalance) {
    Offsets offsets;
    const Ticket old = offsets.take(message(0, 10));
    offsets.revoke({{"slipway.service", 0}});
    EXPECT_EQ(offsets.open(), 0U);
    offsets.take(message(0, 10));

    old.finish();

    EXPECT_TRUE(offsets.advanced().empty());
    EXPECT_EQ(offsets.open(), 1U);
}

TEST(Offsets, BeginAgainWhenATopicWasWiped) {
    Offsets offsets;
    const Ticket old = offsets.take(message(0, 1'000));
    const Ticket fresh = offsets.take(message(0, 0));

    old.finish();
    EXPECT_TRUE(offsets.advanced().empty());
    fresh.finish();

    const auto advanced = offsets.advanced();
    ASSERT_EQ(advanced.size(), 1U);
    EXPECT_EQ(advanced[0].offset, 1);
}

}  // namespace
}  // namespace slipway
