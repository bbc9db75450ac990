// Two processes and one VM: one of them acts on old news, or dies with something unsaid.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"
#include "tests/story/transcript.h"

namespace slipway {
namespace {

using std::chrono::seconds;

const std::vector<std::string> one_vm{"5546"};

bool is_done(Town& town, const Pipeline& pipeline) {
    return town.vm("5546").state == pipeline.steps.back().state;
}

bool has_begun(Town& town, const Pipeline& pipeline) {
    const Vm vm = town.vm("5546");
    return vm.pipeline == pipeline.name && vm.log_row > 0;
}

// Stops the process that reads the clock for the place-th time while `pipeline` runs, lets the
// other one bring the VM to its end, and goes on. False if there are not so many readings.
bool sleep_at(Town& town, const Pipeline& pipeline, int place) {
    prepare_for(town, pipeline, one_vm);
    int readings = 0;
    std::size_t effects_then = 0;
    town.faults.set([&](const Call& call) {
        if (!call.what.starts_with("clock.") || is_done(town, pipeline)) return;
        if (++readings != place) return;
        town.stop(call.process);
        EXPECT_TRUE(town.run_until([&] { return is_done(town, pipeline); }));
        town.run_for(seconds(60));
        town.go_on(call.process);
        effects_then = town.effects();
    });
    town.order({.service_id = "5546", .pipeline = std::string(pipeline.name)});
    EXPECT_TRUE(comes_to_rest(town));
    town.faults.clear();
    const bool slept = readings >= place;
    EXPECT_TRUE(!slept || town.effects() == effects_then);
    return slept;
}

TEST(AProcess, ThatSleptPastItsDeadlineTouchesNothing) {
    for (const Pipeline* pipeline : pipelines())
        for (const HandOff hand_off : {HandOff::On, HandOff::Off}) {
            int place = 1;
            // A machine takes hundreds of looks at the clock: some of them will do.
            const int stride = (pipeline->is_rehearsal ? 1 : 29) * stride_asked();
            for (bool slept = true; slept; place += stride) {
                SCOPED_TRACE(fmt::format("{} reading {}", pipeline->name, place));
                Town town({.processes = 2, .lanes = {.hand_off = hand_off}});
                slept = sleep_at(town, *pipeline, place);
                if (HasFailure()) return;
            }
            EXPECT_GT(place, static_cast<int>(pipeline->steps.size()));
        }
}

// At every save, before and after: the other process walks the VM to its end meanwhile, in no time,
// so that the deadline is far and only the version tells old news.
TEST(AProcess, ThatLostTheRaceLosesItQuietly) {
    for (const Pipeline* pipeline : pipelines())
        for (const Moment moment : {Moment::Before, Moment::After})
            for (int place = 1;; place += stride_asked()) {
                SCOPED_TRACE(fmt::format("{} save {}", pipeline->name, place));
                Town town({.processes = 2});
                prepare_for(town, *pipeline, one_vm);
                int saves = 0;
                town.faults.set([&](const Call& call) {
                    if (call.what != "store.save" || call.moment != moment) return;
                    if (++saves != place) return;
                    town.store->wake_all(town.clock.now());
                    town.bus.rebalance();
                    town.stop(call.process);
                    EXPECT_TRUE(town.run_until([&] { return is_done(town, *pipeline); }));
                    town.go_on(call.process);
                });
                town.order({.service_id = "5546", .pipeline = std::string(pipeline->name)});
                ASSERT_TRUE(comes_to_rest(town));
                if (saves < place) break;
            }
}

TEST(AProcess, ThatDiesWithItsLastStepEventsUnsentIsSpokenFor) {
    for (const Pipeline* pipeline : pipelines()) {
        if (!pipeline->is_rehearsal) continue;  // what waits for a task needs the broker's nudges
        Town town({.processes = 2});
        prepare_for(town, *pipeline, one_vm);
        town.order({.service_id = "5546", .pipeline = std::string(pipeline->name)});
        town.run_until([&] { return has_begun(town, *pipeline); });
        town.bus.set_away(true);
        // With hand-off nothing is needed of the broker but the first nudge.
        ASSERT_TRUE(town.run_until([&] { return is_done(town, *pipeline); }, seconds(20)));

        for (int process = 0; process < town.processes(); ++process) town.kill(process);
        town.bus.set_away(false);

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_TRUE(is_done(town, *pipeline));
    }
}

// An event is finished when its save is, not before: the next reader of the partition gets it again
// as soon as the session of the dead one ends. Otherwise the VM would stand still for a grace.
TEST(AProcess, ThatDiesBeforeASaveIsRelievedBeforeTheGraceIsOver) {
    for (const Pipeline* pipeline : pipelines())
        for (int place = 1;; place += stride_asked()) {
            SCOPED_TRACE(fmt::format("{} save {}", pipeline->name, place));
            Town town({.processes = 2, .lanes = {.hand_off = HandOff::Off}});
            prepare_for(town, *pipeline, one_vm);
            int saves = 0;
            int dying = -1;
            std::chrono::nanoseconds since{0};
            town.faults.set([&](const Call& call) {
                if (call.moment == Moment::Before && call.what == "store.save" &&
                    ++saves == place) {
                    dying = call.process;
                    since = town.clock.since_boot();
                }
                if (call.process != dying || !call.what.starts_with("store.")) return;
                if (town.clock.since_boot() - since < seconds(3))
                    throw std::runtime_error("database: no route to host");
                dying = -1;
                throw Crash{};
            });
            town.order({.service_id = "5546", .pipeline = std::string(pipeline->name)});
            ASSERT_TRUE(town.run_until([&] { return is_done(town, *pipeline); }));
            if (since.count() == 0) break;
            EXPECT_LT(town.clock.since_boot() - since, seconds(30));
            ASSERT_TRUE(comes_to_rest(town));
        }
}

// It had said everything, was taken for dead and its mark was forgotten; then it goes on, records
// one more step, and dies in earnest before it could say that it lives.
TEST(AProcess, ThatWakesAndDiesAtOnceIsSpokenForAsWell) {
    int stopped = 0;
    for (int place = 1;; ++place) {
        SCOPED_TRACE(fmt::format("save {}", place));
        Town town({.processes = 2});
        int saves = 0;
        bool struck = false;
        town.faults.set([&](const Call& call) {
            if (call.what != "store.save" || struck) return;
            if (call.moment == Moment::Before && ++saves == place) {
                town.bus.set_away(true);
                town.stop(call.process);
                town.run_for(seconds(55));
                town.go_on(call.process);
                town.bus.set_away(false);
            } else if (call.moment == Moment::After && saves == place) {
                struck = true;
                throw Crash{};
            }
        });
        town.order(
            {.service_id = "5546", .pipeline = "rehearse", .plan = R"("wait_ms": {"*": 3000})"});
        ASSERT_TRUE(comes_to_rest(town));
        if (!struck) break;
        ++stopped;
    }
    EXPECT_GT(stopped, 15);
}

// The first told nobody that it waits; the second finds the same answer in the row.
TEST(AProcess, ThatDiesWithAWaitUnsaidIsSpokenForByTheNext) {
    Town town({.processes = 2});
    town.order({.service_id = "5546", .pipeline = "rehearse", .plan = R"("fail": {"clone": 1})"});
    const auto fails = [&](int times) { return town.vm("5546").failures >= times; };
    bool away = false;
    town.faults.set([&](const Call& call) {
        if (call.what != "store.save" || call.moment != Moment::After || away || !fails(1)) return;
        away = true;
        town.bus.set_away(true);
        throw Crash{};
    });
    ASSERT_TRUE(town.run_until([&] { return away; }, seconds(60)));
    town.bus.set_away(false);
    ASSERT_TRUE(town.run_until([&] { return fails(2); }, seconds(200)));

    town.order({.service_id = "5546", .pipeline = "rehearse_end"});

    ASSERT_TRUE(comes_to_rest(town));
}

}  // namespace
}  // namespace slipway
