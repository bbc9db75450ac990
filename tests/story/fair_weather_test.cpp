// What each pipeline does when nothing goes wrong, and when its own steps are slow or fail.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "consumers/runtime/error.h"
#include "consumers/steps/steps.h"
#include "tests/story/town.h"
#include "tests/story/transcript.h"

namespace slipway {
namespace {

// The newest run of a VM.
std::string newest_log(Town& town, const std::string& service) {
    return run_log(*town.store, town.store->runs(service, 1).at(0));
}

std::string first_rows(const std::string& log, int lines) {
    std::size_t end = 0;
    for (int i = 0; i < lines; ++i) end = log.find('\n', end) + 1;
    return log.substr(0, end);
}

TEST(Rehearsal, WalksThroughItsTableInFairWeather) {
    Town town({});

    town.order({.service_id = "5546", .pipeline = "rehearse"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(run_logs(*town.store, "5546"), R"(--- Rehearsal: service=5546 run=1 result=success ---
  [+]  1. Allocate IP               success (rehearsal -> set_ip) [0.00s]
  [+]  2. Clone VM                  success (set_ip -> clone) [0.00s]
  [+]  3. Configure DNS records     success (clone -> set_dns) [0.00s]
  [+]  4. Migrate to target node    success (set_dns -> migrated) [0.00s]
  [+]  5. Set CPU & RAM             success (migrated -> set_cpu_ram) [0.00s]
  [+]  6. Resize system disk        success (set_cpu_ram -> set_system_disk_size) [0.00s]
  [+]  7. Set system disk I/O       success (set_system_disk_size -> set_system_disk_bandwidth) [0.00s]
  [+]  8. Create additional disk    success (set_system_disk_bandwidth -> set_created_additional_disk) [0.00s]
  [+]  9. Resize additional disk    success (set_created_additional_disk -> set_additional_disk_size) [0.00s]
  [+] 10. Set additional disk I/O   success (set_additional_disk_size -> set_additional_disk_bandwidth) [0.00s]
  [+] 11. Configure network         success (set_additional_disk_bandwidth -> set_network) [0.00s]
  [+] 12. Configure firewall        success (set_network -> set_firewall) [0.00s]
  [+] 13. Configure cloud-init      success (set_firewall -> set_cloudinit) [0.00s]
  [+] 14. Start VM                  success (set_cloudinit -> starting) [0.00s]
  [+] 15. Verify running + Email    success (starting -> ready) [0.00s]
)");
}

TEST(RehearsalEnd, WalksThroughItsTableInFairWeather) {
    Town town({});
    town.order({.service_id = "5546", .pipeline = "rehearse"});
    ASSERT_TRUE(comes_to_rest(town));

    town.order({.service_id = "5546", .pipeline = "rehearse_end"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(newest_log(town, "5546"), R"(--- Rehearsal end: service=5546 run=2 result=success ---
  [+]  1. Stop VM                   success (rehearse_end -> stopped) [0.00s]
  [+]  2. Delete VM                 success (stopped -> vm_deleted) [0.00s]
  [+]  3. Release                   success (vm_deleted -> remove) [0.00s]
)");
}

TEST(EveryPipeline, TakesTheSameWayStrictlyByTheBroker) {
    for (const Pipeline* pipeline : pipelines()) {
        std::string logs[2];
        for (const HandOff hand_off : {HandOff::On, HandOff::Off}) {
            Town town({.lanes = {.hand_off = hand_off}});
            prepare_for(town, *pipeline, {"5546"});
            town.order({.service_id = "5546", .pipeline = std::string(pipeline->name)});
            ASSERT_TRUE(comes_to_rest(town));
            logs[hand_off == HandOff::On ? 1 : 0] = newest_log(town, "5546");
        }
        EXPECT_EQ(logs[0], logs[1]);
        EXPECT_NE(logs[0].find("result=success"), std::string::npos);
    }
}

TEST(EveryPipeline, HasEachEffectOnceInFairWeather) {
    for (const Pipeline* pipeline : pipelines()) {
        Town town({.processes = 3});
        const std::vector<std::string> services{"1", "2", "3", "4", "5"};
        prepare_for(town, *pipeline, services);
        town.ledger.effects.clear();

        for (const std::string& service : services)
            town.order({.service_id = service, .pipeline = std::string(pipeline->name)});

        ASSERT_TRUE(town.run_until_rest());
        const std::size_t rehearsed = static_cast<std::size_t>(
            std::count_if(pipeline->steps.begin(), pipeline->steps.end(), [](const Step& step) {
                return step.run == rehearse_step;
            }));
        EXPECT_EQ(town.ledger.effects.size(), services.size() * rehearsed);
    }
}

TEST(AStep, ThatFailsIsTriedAgainWithRisingPauses) {
    Town town({});
    std::string tried_at;
    const auto began = town.clock.since_boot();
    int tries = 0;
    town.faults.set([&](const Call& call) {
        if (call.what != "ledger.write" || call.moment != Moment::Before) return;
        if (town.vm("5546").state != "set_ip") return;
        const std::chrono::duration<double> at = town.clock.since_boot() - began;
        tried_at += fmt::format("{:.1f} ", at.count());
        if (++tries <= 9) throw Error("clone failed: storage is full");
    });

    town.order({.service_id = "5546", .pipeline = "rehearse"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(tried_at, "0.0 0.8 2.5 5.9 13.6 29.5 58.0 104.3 154.6 207.4 ");
    EXPECT_EQ(first_rows(newest_log(town, "5546"), 4),
              R"(--- Rehearsal: service=5546 run=1 result=success ---
  [+]  1. Allocate IP               success (rehearsal -> set_ip) [0.00s]
  [!]  2. Clone VM                  error: clone failed: storage is full (set_ip -> set_ip) x9 [154.63s]
  [+]  2. Clone VM                  success (set_ip -> clone) [207.44s]
)");
}

TEST(AStep, WhoseErrorsArePassedOverGoesOnAndSaysSo) {
    Town town({});

    town.order({.service_id = "5546", .pipeline = "rehearse", .plan = R"("fail": {"set_dns": 1})"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_NE(
        newest_log(town, "5546").find("success: rehearsed failure of set_dns (clone -> set_dns)"),
        std::string::npos);
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(AStep, WithNothingToDoIsSkipped) {
    Town town({});

    town.order(
        {.service_id = "5546", .pipeline = "rehearse", .plan = R"("skip": {"migrated": 1})"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_NE(newest_log(town, "5546").find("skip: no change (set_dns -> migrated)"),
              std::string::npos);
}

TEST(AStep, ThatWaitsIsOneRowHoweverLongItTakes) {
    Town town({});

    town.order(
        {.service_id = "5546", .pipeline = "rehearse", .plan = R"("wait_ms": {"clone": 90000})"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(first_rows(newest_log(town, "5546"), 4),
              R"(--- Rehearsal: service=5546 run=1 result=success ---
  [+]  1. Allocate IP               success (rehearsal -> set_ip) [0.00s]
  [+]  2. Clone VM                  waiting: 90000 ms to pass (set_ip -> set_ip) [0.00s]
  [+]  2. Clone VM                  success (set_ip -> clone) [90.00s]
)");
}

TEST(ADestroy, ThatFailsIsParkedForAPerson) {
    Town town({});
    town.order({.service_id = "5546", .pipeline = "rehearse"});
    ASSERT_TRUE(comes_to_rest(town));

    town.order(
        {.service_id = "5546", .pipeline = "rehearse_end", .plan = R"("fail": {"vm_deleted": 1})"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(
        newest_log(town, "5546"),
        R"(--- Rehearsal end: service=5546 run=2 result=error (rehearsed failure of vm_deleted) ---
  [+]  1. Stop VM                   success (rehearse_end -> stopped) [0.00s]
  [!]  2. Delete VM                 error: rehearsed failure of vm_deleted (stopped -> error_terminate) [0.00s]
)");
    EXPECT_EQ(town.store->count_dead_letters("parked"), 1);
}

}  // namespace
}  // namespace slipway
