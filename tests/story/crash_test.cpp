// One fault, at every place where it can strike: each pipeline is walked once for every call that a
// process makes to the world outside itself, before and after its effect.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "consumers/runtime/error.h"
#include "tests/story/town.h"

namespace slipway {
namespace {

const std::vector<std::string> one_vm{"5546"};

using Throw = void (*)();

void crash() {
    throw Crash{};
}
void database_goes_away() {
    throw std::runtime_error("database: server closed the connection unexpectedly");
}
void ledger_refuses() {
    throw Error("rehearsal.ledger: no space left on device");
}
void connection_breaks_before() {
    connection_breaks(Moment::Before);
}
void connection_breaks_after() {
    connection_breaks(Moment::After);
}

struct Strike {
    std::string_view name;
    std::string_view at;  // how the names of the calls begin; empty stands for all
    Moment moment;
    Throw what;
    int times = 1;  // in a row
};

bool is_outside(const Call& call) {
    return !call.what.starts_with("clock.");
}

// Walks `pipeline` and strikes at the place-th call; false if there are not so many.
bool strike(Town& town, const Pipeline& pipeline, const Strike& strike, int place) {
    prepare_for(town, pipeline, one_vm);
    int calls = 0;
    town.faults.set([&](const Call& call) {
        if (call.moment != strike.moment || !is_outside(call)) return;
        if (!call.what.starts_with(strike.at)) return;
        ++calls;
        if (calls >= place && calls < place + strike.times) strike.what();
    });
    town.order({.service_id = one_vm.front(), .pipeline = std::string(pipeline.name)});
    EXPECT_TRUE(comes_to_rest(town));
    town.faults.clear();
    return calls >= place;
}

void strike_everywhere(const Strike& blow) {
    for (const Pipeline* pipeline : pipelines())
        for (const HandOff hand_off : {HandOff::On, HandOff::Off}) {
            SCOPED_TRACE(fmt::format("{} {}, hand-off {}",
                                     blow.name,
                                     pipeline->name,
                                     hand_off == HandOff::On ? "on" : "off"));
            // A machine takes hundreds of calls: every other one with hand-off, the rest without.
            const int stride = (pipeline->is_rehearsal ? 1 : 2) * stride_asked();
            int place = hand_off == HandOff::On ? 1 : stride;
            bool struck_at_all = false;
            for (bool struck = true; struck; place += stride) {
                SCOPED_TRACE(fmt::format("call {}", place));
                Town town({.lanes = {.hand_off = hand_off}});
                struck = strike(town, *pipeline, blow, place);
                struck_at_all = struck_at_all || struck;
                // An effect is had again only by the step in which it struck.
                std::map<Effect, int> counts;
                for (const Effect& effect : town.ledger.effects) ++counts[effect];
                for (const auto& [effect, count] : counts)
                    EXPECT_LE(count, 1 + blow.times) << effect.service_id << ' ' << effect.state;
                if (testing::Test::HasFailure()) return;
            }
            // Every step has one effect and one save at least, if it has what is struck at.
            EXPECT_TRUE(!struck_at_all || place > static_cast<int>(pipeline->steps.size()));
        }
}

TEST(EveryPipeline, SurvivesACrashBeforeAnyCall) {
    strike_everywhere({"crash before", "", Moment::Before, crash});
}

TEST(EveryPipeline, SurvivesACrashAfterAnyCall) {
    strike_everywhere({"crash after", "", Moment::After, crash});
}

TEST(EveryPipeline, SurvivesThreeCrashesInARow) {
    strike_everywhere({"crashes", "", Moment::Before, crash, 3});
}

TEST(EveryPipeline, SurvivesADatabaseThatDidNotTakeACall) {
    strike_everywhere({"database away before", "store.", Moment::Before, database_goes_away});
}

TEST(EveryPipeline, SurvivesADatabaseThatTookACallAndDidNotSaySo) {
    strike_everywhere({"database away after", "store.", Moment::After, database_goes_away});
}

TEST(EveryPipeline, SurvivesADatabaseThatIsAwayForALittleWhile) {
    strike_everywhere({"database away", "store.", Moment::Before, database_goes_away, 7});
    strike_everywhere({"database mute", "store.", Moment::After, database_goes_away, 7});
}

TEST(EveryPipeline, RetriesWhatTheOutsideRefused) {
    strike_everywhere({"outside before", "ledger.", Moment::Before, ledger_refuses});
    strike_everywhere({"outside after", "ledger.", Moment::After, ledger_refuses});
}

TEST(EveryPipeline, SurvivesAConnectionThatWasNotMade) {
    strike_everywhere({"no connection", "http.", Moment::Before, connection_breaks_before});
    strike_everywhere(
        {"no connection, thrice", "http.", Moment::Before, connection_breaks_before, 3});
}

TEST(EveryPipeline, SurvivesAnAnswerThatWasLost) {
    strike_everywhere({"answer lost", "http.", Moment::After, connection_breaks_after});
    strike_everywhere({"answers lost", "http.", Moment::After, connection_breaks_after, 3});
}

}  // namespace
}  // namespace slipway
