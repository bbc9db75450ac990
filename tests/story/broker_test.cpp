// A broker that is away, forgets, deals its partitions anew, or carries what nobody can read.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"

namespace slipway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::vector<std::string> some_vms{"1", "2", "3", "4", "5", "6", "7", "8"};

void order_all(Town& town, const Pipeline& pipeline) {
    for (const std::string& service : some_vms)
        town.order({.service_id = service, .pipeline = std::string(pipeline.name)});
}

std::size_t effects(const Town& town) {
    return town.effects();
}

TEST(ABroker, ThatIsAwayForTenMinutesHoldsStepsUpOnceItsBoundIsReached) {
    constexpr std::size_t bound = 20;
    for (const Pipeline* pipeline : pipelines()) {
        SCOPED_TRACE(pipeline->name);
        Town town({.bus = {.most_unacknowledged = bound}});
        prepare_for(town, *pipeline, some_vms);
        order_all(town, *pipeline);
        const std::size_t before = effects(town);
        ASSERT_TRUE(town.run_until([&] { return effects(town) >= before + 2; }));

        town.bus.set_away(true);
        town.run_for(minutes(1));
        const std::size_t after_a_minute = effects(town);
        town.run_for(minutes(9));

        EXPECT_EQ(effects(town), after_a_minute);
        EXPECT_LT(effects(town), before + some_vms.size() * pipeline->steps.size());
        // What was begun below the bound is finished: a nudge, a step event and a letter per VM.
        EXPECT_LE(town.bus.most_unacknowledged_seen(), bound + 3 * some_vms.size());

        town.bus.set_away(false);
        const auto back = town.clock.since_boot();
        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_LT(town.clock.since_boot() - back, minutes(2));
    }
}

// With hand-off nobody needs the broker to go on, however long the others' steps or the database
// take: rows grow old meanwhile. (Who waits longer than the grace is nudged, and whoever hears that
// may be another process.)
TEST(ABroker, ThatIsAwayHoldsUpNobodyWhoHadToWait) {
    struct Slow {
        const char* call;
        seconds by;
    };
    for (const Slow slow : {Slow{"ledger.write", seconds(3)}, Slow{"store.save", seconds(11)}})
        for (const Pipeline* pipeline : pipelines()) {
            if (!pipeline->is_rehearsal) continue;  // others wait for tasks, and so for a nudge
            SCOPED_TRACE(fmt::format("{} {}", slow.call, pipeline->name));
            Town town({.lanes = {.times = {.grace = minutes(30)}}});
            prepare_for(town, *pipeline, some_vms);
            order_all(town, *pipeline);
            const std::size_t begun = effects(town) + some_vms.size();
            ASSERT_TRUE(town.run_until([&] { return effects(town) >= begun; }));

            town.bus.set_away(true);
            town.faults.set([&](const Call& call) {
                if (call.what == slow.call && call.moment == Moment::After)
                    town.clock.advance(slow.by);
            });
            town.run_for(minutes(25));

            for (const std::string& service : some_vms)
                EXPECT_EQ(town.vm(service).state, pipeline->steps.back().state);
            town.faults.set({});
            town.bus.set_away(false);
            ASSERT_TRUE(comes_to_rest(town));
        }
}

TEST(ABroker, ThatForgetsEverythingLosesNothing) {
    for (const Pipeline* pipeline : pipelines())
        for (std::size_t wiped_after = 1;; wiped_after += pipeline->is_rehearsal ? 3 : 15) {
            SCOPED_TRACE(fmt::format("{} wiped after {} effects", pipeline->name, wiped_after));
            Town town({.processes = 2, .lanes = {.hand_off = HandOff::Off}});
            prepare_for(town, *pipeline, some_vms);
            order_all(town, *pipeline);
            const std::size_t before = effects(town);
            const std::size_t all = some_vms.size() * pipeline->steps.size();
            if (wiped_after > all) break;
            ASSERT_TRUE(town.run_until([&] { return effects(town) >= before + wiped_after; }));

            std::set<std::string> topics;
            for (const Message& message : town.bus.heard()) topics.insert(message.topic);
            town.bus.wipe(topics);

            ASSERT_TRUE(comes_to_rest(town));
            EXPECT_GE(effects(town), before + all);
        }
}

TEST(ABroker, MayLoseEveryNudge) {
    for (const Pipeline* pipeline : pipelines()) {
        Town town({.lanes = {.hand_off = HandOff::Off}});
        prepare_for(town, *pipeline, {"5546"});
        town.bus.weather = {.lost = 0.9};

        town.order({.service_id = "5546", .pipeline = std::string(pipeline->name)});

        ASSERT_TRUE(town.run_until_rest(std::chrono::hours(24)));
        EXPECT_EQ(broken_invariants(town), "");
    }
}

TEST(ABroker, MayDoubleAndHoldBackEveryMessage) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
        for (const Pipeline* pipeline : pipelines()) {
            SCOPED_TRACE(fmt::format("{} seed {}", pipeline->name, seed));
            Town town({.seed = seed, .processes = 3});
            prepare_for(town, *pipeline, some_vms);
            town.bus.weather = {
                .doubled = 0.5, .held_back = 0.7, .ack_withheld = 0.7, .longest = seconds(90)};

            order_all(town, *pipeline);

            ASSERT_TRUE(comes_to_rest(town));
        }
}

TEST(ABroker, MayDealItsPartitionsAnewEverySecond) {
    for (const HandOff hand_off : {HandOff::On, HandOff::Off}) {
        Town town({.processes = 3, .lanes = {.hand_off = hand_off}});
        for (const std::string& service : some_vms)
            town.order({.service_id = service,
                        .pipeline = "rehearse",
                        .plan = R"("wait_ms": {"*": 3000})"});

        for (int second = 0; second < 60; ++second) {
            town.bus.rebalance();
            town.run_for(seconds(1));
        }

        ASSERT_TRUE(comes_to_rest(town));
    }
}

// Everything a stranger can get wrong, on each topic we read: each message is kept with its origin,
// and those behind it are not held up.
TEST(ABroker, MayCarryWhatNobodyCanRead) {
    const std::vector<std::string> bodies{
        "", "{", "[]", "null", "\xff\xfe", std::string(300'000, 'x'), R"({"service_id": 7})"};
    Town town({.processes = 2});
    std::int64_t published = 0;
    for (const std::string topic : {"slipway.requests", "slipway.service"})
        for (const std::string& body : bodies)
            for (const char* specversion : {"", "1.0", "0.3"}) {
                Message message{.topic = topic, .key = fmt::format("{}", published), .body = body};
                if (*specversion) message.headers = {{"ce_specversion", specversion}};
                town.publish(message);
                ++published;
            }

    order_all(town, *find_pipeline("rehearse"));

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.store->count_dead_letters("unreadable"), published);
    for (const std::string& service : some_vms) EXPECT_EQ(town.vm(service).state, state_ready);
}

}  // namespace
}  // namespace slipway
