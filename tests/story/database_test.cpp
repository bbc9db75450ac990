// A database that refuses one row while it takes others, and one that is away for long.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"
#include "tests/story/transcript.h"

namespace slipway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::vector<std::string> healthy{"1", "2", "3", "4", "5", "6", "7", "8"};

TEST(ADatabase, ThatRefusesOneVmTakesAllOthers) {
    for (const Pipeline* pipeline : pipelines()) {
        SCOPED_TRACE(pipeline->name);
        Town town({});
        std::vector<std::string> all = healthy;
        all.emplace_back("poisoned");
        prepare_for(town, *pipeline, all);
        town.poison = [](const Change& change) { return change.next.service_id == "poisoned"; };
        const std::string_view end = pipeline->steps.back().state;

        for (const std::string& service : all)
            town.order({.service_id = service, .pipeline = std::string(pipeline->name)});
        const auto healthy_ones_end = [&] {
            return std::all_of(healthy.begin(), healthy.end(), [&](const std::string& service) {
                return town.vm(service).state == end;
            });
        };

        EXPECT_TRUE(town.run_until(healthy_ones_end, minutes(10)));
        EXPECT_NE(town.vm("poisoned").state, end);

        town.poison = {};
        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.vm("poisoned").state, end);
    }
}

// It takes the VM's row, but not with this answer in it: that is what the log then says.
TEST(ADatabase, ThatRefusesOneAnswerIsQuotedInTheLog) {
    Town town({});
    town.poison = [](const Change& change) { return change.next.state == "migrated"; };
    town.order({.service_id = "5546", .pipeline = "rehearse"});
    town.order({.service_id = "5547", .pipeline = "rehearse"});

    town.run_for(seconds(30));

    EXPECT_EQ(town.vm("5546").last_error, "the database refused the record: value out of range");
    EXPECT_GT(town.vm("5546").failures, 1);

    town.poison = {};
    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(ADatabase, ThatIsAwayForTenMinutesHoldsEverythingUpAndLosesNothing) {
    for (const Pipeline* pipeline : pipelines())
        for (const Moment moment : {Moment::Before, Moment::After}) {
            SCOPED_TRACE(pipeline->name);
            Town town({.processes = 2});
            prepare_for(town, *pipeline, healthy);
            for (const std::string& service : healthy)
                town.order({.service_id = service, .pipeline = std::string(pipeline->name)});
            const std::size_t before = town.effects();
            town.run_until([&] { return town.effects() >= before + 3; });
            town.faults.set([&](const Call& call) {
                if (call.what.starts_with("store.") && call.moment == moment)
                    throw std::runtime_error("database: connection refused");
            });

            town.run_for(minutes(10));
            town.faults.clear();

            ASSERT_TRUE(comes_to_rest(town));
        }
}

// The last of several failures may be one that did it: the step is recorded, so it must be told.
TEST(ADatabase, ThatDoesItAtLastAndLosesTheAnswerHasItToldAllTheSame) {
    for (int failures = 0; failures < 8; ++failures) {
        SCOPED_TRACE(failures);
        Town town({});
        town.order({.service_id = "5546", .pipeline = "rehearse"});
        town.run_until([&] { return town.effects() >= 3; });
        int saves = 0;
        town.faults.set([&](const Call& call) {
            if (call.what != "store.save") return;
            if (call.moment == Moment::Before) ++saves;
            const bool fails =
                call.moment == Moment::Before ? saves <= failures : saves == failures + 1;
            if (fails) throw std::runtime_error("database: server closed the connection");
        });

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.vm("5546").state, state_ready);
    }
}

TEST(AClock, MayBeSetWhileVmsAreUnderWay) {
    for (const int jump : {-3600, -60, -1, 1, 60, 3600}) {
        SCOPED_TRACE(jump);
        Town town({.processes = 2});
        for (const std::string& service : healthy)
            town.order({.service_id = service,
                        .pipeline = "rehearse",
                        .plan = R"("wait_ms": {"clone": 5000}, "fail": {"*": 0.3})"});
        town.run_for(seconds(3));

        town.clock.jump_wall(seconds(jump));

        ASSERT_TRUE(comes_to_rest(town));
    }
}

}  // namespace
}  // namespace slipway
