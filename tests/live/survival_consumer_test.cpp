// What must survive: a consumer that sleeps longer than anybody waits for it, and a group that
// never comes to rest.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class SurvivesConsumers : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(Installation::missing())) GTEST_SKIP() << *why;
    }
};

// Every change raised the version by one and is in the log once: nobody wrote on old news.
std::string broken_chains(Installation& installation) {
    const auto first = installation.first_versions();
    std::string text;
    for (const Vm& vm : installation.rows()) {
        const auto began = first.find(vm.service_id);
        if (began == first.end()) {
            text += vm.service_id + " was never nudged at its first state\n";
            continue;
        }
        std::int64_t answers = 0;
        for (const StepRow& row : installation.store().steps(vm.service_id, vm.run))
            answers += row.attempts;
        if (vm.version - began->second != answers)
            text += fmt::format("{}: {} versions, but {} answers in its log\n",
                                vm.service_id,
                                vm.version - began->second,
                                answers);
    }
    return text;
}

TEST_F(SurvivesConsumers, OneThatSleptLongerThanItsSessionAndItsSteps) {
    Installation installation;
    const auto sleeper = installation.run();
    const auto other = installation.run();
    ASSERT_EQ(installation.wait_until_taking_part(2, 30s), "");

    for (int again = 0; again < 2; ++again) {
        installation.ask(200, R"({"busy_us":{"*":2000},"wait_ms":{"clone":200}})");
        ASSERT_EQ(installation.wait_until_admitted(20s), "");
        sleeper->freeze();
        let_pass(7s);
        sleeper->thaw();
    }

    EXPECT_EQ(installation.wait_until_ready(40s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(broken_chains(installation), "");
    EXPECT_EQ(installation.untold(40s), "");
    EXPECT_EQ(sleeper->stop(), 0) << sleeper->tail();
    EXPECT_EQ(other->stop(), 0) << other->tail();
}

int times_assigned(const SlipwayProcess& process) {
    const std::string said = process.errors();
    const std::string line = "-service: ";
    int times = 0;
    for (auto at = said.find(line); at != std::string::npos; at = said.find(line, at + 1)) ++times;
    return times;
}

// A guest comes and goes: each time the members give up all they have and share it out anew.
TEST_F(SurvivesConsumers, AGroupThatRebalancesEverySecondForAMinute) {
    Installation installation;
    const std::unique_ptr<SlipwayProcess> members[] = {installation.run(), installation.run()};
    const auto guest = installation.run();

    const auto until = std::chrono::steady_clock::now() + 1min;
    while (std::chrono::steady_clock::now() < until) {
        installation.ask(20, R"({"busy_us":{"*":300},"wait_ms":{"clone":700}})");
        let_pass(1s);
        EXPECT_EQ(guest->stop(10s), 0) << guest->tail();
        let_pass(1s);
        guest->start();
    }

    EXPECT_EQ(installation.wait_until_ready(30s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(broken_chains(installation), "");
    EXPECT_EQ(installation.untold(30s), "");
    for (const auto& member : members)
        EXPECT_GE(times_assigned(*member), 20) << "the group came to rest in between";
    EXPECT_EQ(guest->stop(), 0) << guest->tail();
    for (const auto& member : members) EXPECT_EQ(member->stop(), 0) << member->tail();
}

}  // namespace
}  // namespace slipway
