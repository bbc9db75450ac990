// What must survive: a broker and a database that go away, come back, or lose everything they had.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Most of a VM's life is waiting, so that a fault of some seconds finds all of them on their way.
const std::string unhurried =
    R"({"wait_ms":{"clone":1000,"starting":1500},"fail":{"set_network":0.2}})";

constexpr std::int64_t most_resident_mib = 256;

std::int64_t resident_mib(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string word; status >> word;) {
        std::int64_t kib = 0;
        if (word == "VmRSS:" && status >> kib) return kib / 1024;
    }
    return -1;
}

class SurvivesServers : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(Installation::missing())) GTEST_SKIP() << *why;
    }

    // Two processes, VMs in flight, the fault, more VMs: all must be well in the end.
    void survive(Installation& installation, const std::function<void()>& fault) {
        const std::unique_ptr<SlipwayProcess> processes[] = {installation.run(),
                                                             installation.run()};
        installation.ask(200, unhurried);
        ASSERT_EQ(installation.wait_until_begun(20s), "");

        fault();
        installation.ask(50, unhurried);

        EXPECT_EQ(installation.wait_until_ready(45s), "");
        EXPECT_EQ(installation.problems(), "");
        for (const auto& process : processes) EXPECT_EQ(process->stop(), 0) << process->tail();
    }
};

TEST_F(SurvivesServers, ABrokerThatIsStoppedAndStarted) {
    Installation installation;
    survive(installation, [&] {
        installation.kafka().stop();
        let_pass(1s);
        installation.kafka().start();
    });
    EXPECT_EQ(installation.untold(20s), "");
}

TEST_F(SurvivesServers, ABrokerThatLosesEverything) {
    Installation installation;
    survive(installation, [&] {
        installation.kafka().stop();
        installation.kafka().wipe_topics();
        installation.kafka().start();
        installation.create_topics();
    });
}

TEST_F(SurvivesServers, ADatabaseThatIsRestarted) {
    Installation installation;
    survive(installation, [&] {
        for (int again = 0; again < 2; ++again) {
            installation.postgres().stop();
            let_pass(500ms);
            installation.postgres().start();
            let_pass(500ms);
        }
    });
    EXPECT_EQ(installation.untold(20s), "");
}

TEST_F(SurvivesServers, ADatabaseThatSaysNothingForFiveSeconds) {
    Installation installation;
    survive(installation, [&] {
        installation.postgres().freeze();
        let_pass(5s);
        installation.postgres().thaw();
    });
    EXPECT_EQ(installation.untold(20s), "");
}

// More events than may wait for the broker: the steps go on until that bound, pause, and go on.
TEST_F(SurvivesServers, ABrokerThatIsAwayWhileStepsCouldGoOn) {
    Installation installation({.step_deadline = 10s, .grace = 20s});
    const auto process = installation.run();
    // The second step takes its time, so that all are in hand when the broker goes.
    installation.ask(3'000, R"({"busy_us":{"clone":2000}})");
    ASSERT_EQ(installation.wait_until_begun(30s), "");

    Installation::network().stall();
    const auto rows_recorded = [&] {
        std::int64_t rows = 0;
        for (const Vm& vm : installation.rows()) rows += vm.log_row;
        return rows;
    };
    const std::int64_t before = rows_recorded();
    let_pass(12s);
    const std::int64_t while_away = rows_recorded();
    EXPECT_GT(while_away, before + 1'000) << "steps go on without a broker";
    EXPECT_LT(while_away, before + 30'000) << "until 50,000 events wait, two of each step";
    EXPECT_LE(resident_mib(process->pid()), most_resident_mib);
    RecordProperty("rows_before", std::to_string(before));
    RecordProperty("rows_while_away", std::to_string(while_away));
    RecordProperty("resident_mib", std::to_string(resident_mib(process->pid())));
    Installation::network().heal();

    EXPECT_EQ(installation.wait_until_ready(60s), "") << before << " then " << while_away;
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(installation.untold(30s), "");
    EXPECT_LE(resident_mib(process->pid()), most_resident_mib);
    EXPECT_EQ(process->stop(), 0) << process->tail();
}

}  // namespace
}  // namespace slipway
