// What must survive: processes and servers that are killed, and processes that are asked to stop.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Failing, waiting and computing, so that a kill finds VMs in every kind of place.
const std::string eventful =
    R"({"fail":{"set_ip":0.3,"set_network":0.2},"wait_ms":{"clone":300},"busy_us":{"*":300}})";

class SurvivesKills : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(Installation::missing())) GTEST_SKIP() << *why;
    }
};

TEST_F(SurvivesKills, OfAnyProcessAtAnyMomentAndOfBothServers) {
    const unsigned seed = seed_of_this_run();
    SCOPED_TRACE(fmt::format("SLIPWAY_SEED={}", seed));
    std::mt19937 chance(seed);
    Installation installation;
    std::unique_ptr<SlipwayProcess> processes[] = {installation.run(), installation.run()};

    for (int round = 0; round < 15; ++round) {
        installation.ask(20, eventful);
        let_pass(std::chrono::milliseconds(300 + chance() % 1'200));
        SlipwayProcess& victim = *processes[chance() % 2];
        victim.kill9();
        if (round == 5) installation.postgres().kill9();
        if (round == 10) installation.kafka().kill9();
        let_pass(std::chrono::milliseconds(chance() % 300));
        if (round == 5) installation.postgres().start();
        if (round == 10) installation.kafka().start();
        victim.start();
    }

    EXPECT_EQ(installation.wait_until_ready(60s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(installation.untold(60s), "") << "a silent process is told for after 30 s";
    for (const auto& process : processes) EXPECT_EQ(process->stop(), 0) << process->tail();
}

TEST_F(SurvivesKills, OfAProcessWhoseStepEventsAreUnsent) {
    Installation installation;
    const auto first = installation.run();
    installation.ask(300, R"({"busy_us":{"*":1000}})");
    ASSERT_EQ(installation.wait_until_begun(20s), "");

    // With hand-off the steps go on, even if the database hesitates, and nobody outside hears of
    // them.
    Installation::network().cut();
    installation.postgres().freeze();
    let_pass(1500ms);
    installation.postgres().thaw();
    ASSERT_EQ(installation.wait_until_ready(30s), "");
    first->kill9();
    Installation::network().heal();
    ASSERT_NE(installation.untold(3s), "") << "everything was told before the kill";

    installation.age_writers(30s);
    const auto second = installation.run();
    EXPECT_EQ(installation.untold(30s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(second->stop(), 0) << second->tail();
}

TEST_F(SurvivesKills, AndAPoliteStopHandsOverAtOnce) {
    // Who left without a word would keep its partitions for thirty seconds.
    Installation installation({.session_timeout = 30s});
    const auto first = installation.run();
    const auto second = installation.run();
    ASSERT_EQ(installation.wait_until_taking_part(2, 30s), "");
    installation.ask(300, eventful);
    ASSERT_EQ(installation.wait_until_begun(20s), "");

    EXPECT_EQ(first->stop(10s), 0) << first->tail();
    installation.ask(100, eventful);

    EXPECT_EQ(installation.wait_until_ready(20s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(installation.untold(10s), "") << "who stops politely tells everything itself";
    EXPECT_EQ(second->stop(), 0) << second->tail();
}

}  // namespace
}  // namespace slipway
