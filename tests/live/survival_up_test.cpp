// What must survive on the one machine that runs `slipway up`: its broker, and all of it.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "schema/sql_store.h"
#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t vms = 200;

class SurvivesOnOneMachine : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(SlipwayProcess::missing())) GTEST_SKIP() << *why;
        the_config = fmt::format(R"(
state_folder: {0}
runtime:
  step_deadline: 4s
  grace: 8s
due:
  interval: 100ms
rehearsal:
  ledger: {0}/ledger
)",
                                 the_folder.path().string());
    }

    SlipwayOptions up() const { return {.arguments = {"up"}, .config = the_config}; }

    // A rehearsal beside `up`, all of its VMs in flight when this returns.
    std::unique_ptr<SlipwayProcess> rehearse() {
        auto rehearsal =
            std::make_unique<SlipwayProcess>(SlipwayOptions{.arguments = {"rehearse",
                                                                          "--vms",
                                                                          std::to_string(vms),
                                                                          "--in-flight",
                                                                          std::to_string(vms),
                                                                          "--wait",
                                                                          "clone=2000",
                                                                          "--wait",
                                                                          "starting=1000",
                                                                          "--give-up",
                                                                          "40",
                                                                          "--keep",
                                                                          "--json"},
                                                            .config = the_config});
        const auto store = open_store({.url = database()});
        std::int64_t begun = 0;
        const bool all = wait_until(
            [&] {
                begun = 0;
                for (const StateCount& count : store->count_states("rehearsal-"))
                    if (count.state != "rehearsal") begun += count.vms;
                return begun == vms;
            },
            30s);
        EXPECT_TRUE(all) << begun << " have begun\n" << rehearsal->tail();
        return rehearsal;
    }

    // What the rehearsal found: every VM ready, every log whole; and every effect in the ledger.
    void expect_all_well(SlipwayProcess& rehearsal) {
        const auto code = rehearsal.wait(60s);
        ASSERT_TRUE(code) << rehearsal.tail();
        EXPECT_EQ(*code, 0) << rehearsal.output() << rehearsal.errors();
        std::set<std::string> effects;
        std::ifstream ledger(the_folder.path() / "ledger");
        for (std::string line; std::getline(ledger, line);) effects.insert(line);
        EXPECT_EQ(effects.size(), 15U * vms);
    }

    std::string database() const {
        const auto databases = [&](const auto& entry) { return entry.path().extension() == ".db"; };
        for (const auto& entry : std::filesystem::directory_iterator(the_folder.path()))
            if (databases(entry)) return "sqlite:" + entry.path().string();
        throw std::runtime_error("there is no database in " + the_folder.path().string());
    }

    TempFolder the_folder;
    std::string the_config;
};

// The pid of the one child a process has; nullopt while it has none.
std::optional<pid_t> child_of(pid_t parent) {
    const auto task = fmt::format("/proc/{0}/task", parent);
    for (const auto& thread : std::filesystem::directory_iterator(task)) {
        pid_t child = 0;
        if (std::ifstream(thread.path() / "children") >> child) return child;
    }
    return std::nullopt;
}

TEST_F(SurvivesOnOneMachine, AKilledBroker) {
    SlipwayProcess up_process(up());
    ASSERT_TRUE(up_process.wait_for_line("slipway rehearse", 20s)) << up_process.tail();
    const auto rehearsal = rehearse();
    const auto broker = child_of(up_process.pid());
    ASSERT_TRUE(broker);

    ASSERT_EQ(::kill(*broker, SIGKILL), 0);

    EXPECT_TRUE(wait_until(
        [&] {
            const auto next = child_of(up_process.pid());
            return next && next != broker;
        },
        10s))
        << "the broker is started again";
    expect_all_well(*rehearsal);
    EXPECT_EQ(up_process.stop(), 0) << up_process.tail();
}

TEST_F(SurvivesOnOneMachine, AKillOfEverything) {
    SlipwayProcess up_process(up());
    ASSERT_TRUE(up_process.wait_for_line("slipway rehearse", 20s)) << up_process.tail();
    const auto rehearsal = rehearse();
    const auto broker = child_of(up_process.pid());
    ASSERT_TRUE(broker);

    up_process.kill9();
    EXPECT_TRUE(wait_until([&] { return ::kill(*broker, 0) != 0; }, 5s))
        << "the broker ends with its parent";
    up_process.start();

    expect_all_well(*rehearsal);
    EXPECT_EQ(up_process.stop(), 0) << up_process.tail();
}

TEST_F(SurvivesOnOneMachine, ASecondOneInTheSameFolder) {
    SlipwayProcess up_process(up());
    ASSERT_TRUE(up_process.wait_for_line("slipway rehearse", 20s)) << up_process.tail();

    const Ended second = run_slipway(up(), 20s);

    EXPECT_EQ(second.exit_code, 1);
    EXPECT_NE(second.errors.find("another `slipway up` runs in " + the_folder.path().string()),
              std::string::npos)
        << second.errors;
    EXPECT_EQ(up_process.stop(), 0) << up_process.tail();
}

}  // namespace
}  // namespace slipway
