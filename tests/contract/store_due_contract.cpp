// The only timer, and what must reach a broker at least once.

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST_P(StoreContract, DueTakesWhatHasPassedOldestFirstAndMovesIt) {
    for (int i = 0; i < 4; ++i) {
        Admitted admitted = order(fmt::format("vm{}", i), fmt::format("r{}", i));
        admitted.next.wake_at = at((4 - i) * second);
        admitted.next.traceparent = "trace";
        admit_one(store(), admitted);
    }
    EXPECT_EQ(store().next_wake(), at(1 * second));

    EXPECT_TRUE(store().take_due(at(0), at(60 * second), 10).empty());
    const auto nudges = store().take_due(at(3 * second), at(60 * second), 2);

    ASSERT_EQ(nudges.size(), 2U);
    for (const Nudge& nudge : nudges) {
        const Vm vm = load_one(store(), nudge.service_id).value();
        EXPECT_TRUE(nudge.service_id == "vm3" || nudge.service_id == "vm2");
        EXPECT_EQ(nudge.pipeline, "deploy");
        EXPECT_EQ(nudge.state, "creation");
        EXPECT_EQ(nudge.run, 1);
        EXPECT_EQ(nudge.version, vm.version);
        EXPECT_EQ(nudge.traceparent, "trace");
        EXPECT_EQ(vm.version, at(0).time_since_epoch().count());
        EXPECT_EQ(vm.wake_at, at(60 * second));
    }
    EXPECT_EQ(store().take_due(at(3 * second), at(60 * second), 9).at(0).service_id, "vm1");
    EXPECT_EQ(store().next_wake(), at(4 * second));
}

TEST_P(StoreContract, AllInFlightIsWokenAndNothingElse) {
    begun(store(), "flying");
    saved(store(), rest_in(begun(store(), "resting"), "ready"));

    store().wake_all(at(5));

    EXPECT_EQ(load_one(store(), "flying")->wake_at, at(5));
    EXPECT_FALSE(load_one(store(), "resting")->wake_at);
}

TEST_P(StoreContract, NothingWakesWhereNothingFlies) {
    EXPECT_FALSE(store().next_wake());
    saved(store(), rest_in(begun(store(), "resting"), "ready"));
    EXPECT_FALSE(store().next_wake());
    EXPECT_TRUE(store().take_due(at(999 * second), at(1000 * second), 10).empty());
}

TEST_P(StoreContract, EightSweepsTakeEachRowOnce) {
    constexpr int vms = 200;
    std::vector<Admitted> orders;
    for (int i = 0; i < vms; ++i)
        orders.push_back(order(fmt::format("vm{}", i), fmt::format("r{}", i)));
    store().admit(orders);
    std::mutex mutex;
    std::map<std::string, int> taken;

    std::vector<std::jthread> sweeps;
    for (int i = 0; i < 8; ++i)
        sweeps.emplace_back([&] {
            const auto mine = database().open();
            for (;;) {
                const auto nudges = mine->take_due(at(60 * second), at(120 * second), 7);
                const std::lock_guard lock(mutex);
                for (const Nudge& nudge : nudges) ++taken[nudge.service_id];
                if (taken.size() == vms) return;
            }
        });
    sweeps.clear();

    EXPECT_EQ(taken.size(), static_cast<std::size_t>(vms));
    for (const auto& [id, times] : taken) EXPECT_EQ(times, 1) << id;
}

TEST_P(StoreContract, AWriterIsSilentOnceItsHeartbeatIsOld) {
    store().heartbeat("one", 5, at(10 * second));
    store().heartbeat("two", 7, at(20 * second));
    store().heartbeat("two", 8, at(25 * second));

    EXPECT_TRUE(store().silent_writers(at(10 * second)).empty());
    const auto silent = store().silent_writers(at(20 * second));
    ASSERT_EQ(silent.size(), 1U);
    EXPECT_EQ(silent[0].writer, "one");
    EXPECT_EQ(silent[0].published_below, 5);
    store().forget_writer("one");
    EXPECT_EQ(store().silent_writers(at(99 * second)).size(), 1U);
    EXPECT_EQ(store().silent_writers(at(99 * second)).at(0).published_below, 8);
}

TEST_P(StoreContract, ToldFromGivesTheStepsOfAWriterFromTheMark) {
    Vm vm = begun(store(), "5546");
    for (int i = 1; i <= 5; ++i) {
        Change change = step_to(vm, fmt::format("state{}", i));
        change.log.writer = i == 3 ? "another" : "me";
        change.log.told_as = i;
        vm = saved(store(), change);
    }

    const auto steps = store().told_from("me", 2, 2);

    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].to, "state2");
    EXPECT_EQ(steps[1].to, "state4");
    EXPECT_EQ(store().told_from("me", 5, 10).size(), 1U);
    EXPECT_TRUE(store().told_from("nobody", 0, 10).empty());
}

TEST_P(StoreContract, ActivityIsOncePerRunAndKindUntilPublished) {
    Vm vm = begun(store(), "5546");
    for (int i = 0; i < 3; ++i) {
        Change change = step_to(vm, "terminate");
        change.activity = ActivityRow{.service_id = "5546",
                                      .run = 1,
                                      .kind = i == 2 ? "other" : "parked",
                                      .text = fmt::format("text {}", i),
                                      .at = at(i * second)};
        vm = saved(store(), change);
    }

    EXPECT_TRUE(store().unpublished_activity(at(0), 10).empty());
    const auto entries = store().unpublished_activity(at(9 * second), 10);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].text, "text 0");
    EXPECT_EQ(entries[1].kind, "other");
    EXPECT_EQ(store().unpublished_activity(at(9 * second), 1).size(), 1U);
    store().mark_activity_published({entries.data(), 1}, at(10 * second));
    ASSERT_EQ(store().unpublished_activity(at(9 * second), 10).size(), 1U);
    EXPECT_EQ(store().unpublished_activity(at(9 * second), 10).at(0).kind, "other");
}

TEST_P(StoreContract, ADeadLetterKeepsTheBytesOfAStranger) {
    std::string bytes;
    for (int i = 0; i < 256 * 3 + 1; ++i) bytes += static_cast<char>(i % 256);
    const DeadLetterRow letter{.key = "hash",
                               .kind = "unreadable",
                               .service_id = "5546",
                               .reason = "not JSON",
                               .at = at(1),
                               .origin_topic = "slipway.requests",
                               .origin_partition = 7,
                               .origin_offset = 1LL << 40,
                               .raw = bytes,
                               .raw_length = 100'000,
                               .raw_sha256 = "abc"};
    store().add_dead_letters({&letter, 1});

    store().add_dead_letters({&letter, 1});

    const auto letters = store().unpublished_dead_letters(at(2), 10);
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].raw, bytes);
    EXPECT_EQ(letters[0].raw_length, 100'000);
    EXPECT_EQ(letters[0].raw_sha256, "abc");
    EXPECT_EQ(letters[0].kind, "unreadable");
    EXPECT_EQ(letters[0].service_id, "5546");
    EXPECT_EQ(letters[0].reason, "not JSON");
    EXPECT_EQ(letters[0].at, at(1));
    EXPECT_EQ(letters[0].origin_topic, "slipway.requests");
    EXPECT_EQ(letters[0].origin_partition, 7);
    EXPECT_EQ(letters[0].origin_offset, 1LL << 40);
    EXPECT_EQ(store().count_dead_letters("unreadable"), 1);
    EXPECT_EQ(store().count_dead_letters("parked"), 0);
}

TEST_P(StoreContract, ABatchMayHoldTheSameDeadLetterTwice) {
    const DeadLetterRow letter{.key = "k", .kind = "unreadable", .reason = "not JSON", .at = at(1)};
    const std::vector<DeadLetterRow> twice = {letter, letter};

    store().add_dead_letters(twice);
    store().add_dead_letters({});

    EXPECT_EQ(store().count_dead_letters("unreadable"), 1);
}

TEST_P(StoreContract, DeadLettersAreNewsUntilPublishedAndAgainAfterABrokerWithoutADisk) {
    for (int i = 0; i < 3; ++i) {
        const DeadLetterRow letter{
            .key = fmt::format("k{}", i), .kind = "parked", .reason = "x", .at = at(i)};
        store().add_dead_letters({&letter, 1});
    }
    const std::vector<std::string> keys = {"k0", "k2"};

    store().mark_dead_letters_published(keys, at(5));

    const auto left = store().unpublished_dead_letters(at(9), 10);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].key, "k1");
    EXPECT_TRUE(store().unpublished_dead_letters(at(1), 10).empty());
    store().unpublish_dead_letters();
    EXPECT_EQ(store().unpublished_dead_letters(at(9), 10).size(), 3U);
}

TEST_P(StoreContract, CountsStatesOfTheServicesAskedFor) {
    for (const char* id : {"a1", "a2", "a3", "b1"}) begun(store(), id);
    saved(store(), rest_in(load_one(store(), "a3").value(), "ready"));

    const auto counts = store().count_states("a");

    ASSERT_EQ(counts.size(), 2U);
    EXPECT_EQ(counts[0].pipeline, "deploy");
    EXPECT_EQ(counts[0].state, "creation");
    EXPECT_EQ(counts[0].vms, 2);
    EXPECT_EQ(counts[1].state, "ready");
    EXPECT_EQ(store().count_states("").at(0).vms, 3);
}

}  // namespace
}  // namespace slipway
