// All faults at once, drawn from a seed: crashes, a database and an outside that fail before or
// after the effect, processes that stop for a while, messages lost, doubled and held back, a broker
// that is away or forgets, clocks that jump, requests of every kind, messages nobody can read. Then
// the weather clears, and everything must come to rest.
//
// SLIPWAY_SEED replays one seed, SLIPWAY_SEEDS says how many to try.

#include <errno.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "consumers/runtime/error.h"
#include "tests/story/town.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Storm {
  public:
    explicit Storm(std::uint64_t seed) : random_(seed), town_(draw_town(seed)) {
        crash_ = draw_share(0.01);
        database_ = draw_share(0.05);
        outside_ = draw_share(0.1);
        pause_ = draw_share(0.0005);
        overtake_ = draw_share(0.02);
        // What Proxmox itself may do: fail late, lie, answer by a broken relay.
        town_.lab.proxmox->misbehaviour().by_seed(seed, draw_share(0.1));
        town_.bus.weather = {.lost = draw_share(0.3),
                             .doubled = draw_share(0.3),
                             .held_back = draw_share(0.3),
                             .ack_withheld = draw_share(0.3),
                             .longest = milliseconds(1 + draw(20'000))};
    }

    testing::AssertionResult rage() {
        town_.faults.set([this](const Call& call) { strike(call); });
        const int events = 10 + draw(30);
        for (int event = 0; event < events; ++event) {
            happen();
            town_.run_for(milliseconds(draw(draw(4) == 0 ? 40'000 : 2'000)));
        }
        town_.faults.clear();
        town_.lab.proxmox->misbehaviour().clear();
        town_.bus.weather = {};
        town_.bus.set_away(false);
        return comes_to_rest(town_);
    }

    int crashes() const { return town_.crashes(); }
    std::size_t effects() const { return town_.ledger.effects.size(); }

  private:
    // From 0 to most - 1.
    int draw(int most) { return std::uniform_int_distribution<>(0, most - 1)(random_); }
    bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
    // Half of the faults stay away, so that the others are seen alone as well.
    double draw_share(double most) {
        return draw(2) == 0 ? 0 : std::uniform_real_distribution<>(0, most)(random_);
    }

    TownSettings draw_town(std::uint64_t seed) {
        return {.seed = seed,
                .processes = 1 + draw(3),
                .lanes = {.hand_off = draw(2) == 0 ? HandOff::Off : HandOff::On,
                          .rows_kept = static_cast<std::size_t>(draw(2) == 0 ? 1 : 1'000)},
                .bus = {.partitions = 1 + draw(4),
                        .most_unacknowledged =
                            static_cast<std::size_t>(draw(2) == 0 ? 5 + draw(40) : 50'000)}};
    }

    void strike(const Call& call) {
        if (call.what.starts_with("clock.")) {
            if (chance(pause_)) others_run(call.process, milliseconds(draw(90'000)));
            return;
        }
        if (chance(overtake_)) others_run(call.process, milliseconds(draw(3'000)));
        if (chance(crash_)) throw Crash{};
        if (call.what.starts_with("store.") && chance(database_))
            throw std::runtime_error("database: server closed the connection unexpectedly");
        if (call.what == "ledger.write" && chance(outside_)) throw Error("no space left on device");
        if (call.what.starts_with("http.") && chance(outside_)) connection_breaks(call.moment);
        if (call.what == "mail.send" && chance(outside_)) throw MailError("451 later", false);
    }

    void others_run(int process, milliseconds time) {
        town_.stop(process);
        town_.run_for(time);
        town_.go_on(process);
    }

    void happen() {
        switch (draw(12)) {
            case 0:
                return town_.bus.set_away(draw(2) == 0);
            case 1:
                return town_.bus.rebalance();
            case 2:
                return town_.bus.wipe({"slipway.service", "slipway.step-events"});
            case 3:
                return town_.clock.jump_wall(seconds(draw(240) - 120));
            case 4:
                return town_.kill(draw(town_.processes()));
            case 5:
                return town_.publish(
                    {.topic = draw(2) == 0 ? "slipway.requests" : "slipway.service",
                     .key = fmt::format("{}", draw(4)),
                     .body = "{\"what\": \"is this?"});
            default:
                order();
        }
    }

    void order() {
        const auto rule = static_cast<std::size_t>(draw(static_cast<int>(rules().size())));
        std::string plan;
        if (draw(2) == 0) {
            // One after the other, so that every compiler draws the same.
            const double fail = draw(4) * 0.2;
            const double skip = draw(3) * 0.2;
            const int most_wait = draw(10'000);
            plan =
                fmt::format(R"("fail": {{"*": {}}}, "skip": {{"*": {}}}, "wait_ms": {{"*": {}}})",
                            fail,
                            skip,
                            draw(3) * most_wait);
        }
        town_.order({.service_id = fmt::format("service-{}", draw(4)),
                     .pipeline = std::string(rules()[rule].request),
                     .plan = plan});
    }

    std::mt19937_64 random_;
    Town town_;
    double crash_ = 0;
    double database_ = 0;
    double outside_ = 0;
    double pause_ = 0;     // a process stops for longer than its deadlines
    double overtake_ = 0;  // others run in the middle of a call
};

TEST(FoulWeather, EndsWithEverythingWhereItShouldBe) {
    const std::uint64_t first = number_asked("SLIPWAY_SEED", 1);
    const std::uint64_t count =
        std::getenv("SLIPWAY_SEED") ? 1 : number_asked("SLIPWAY_SEEDS", 400);
    int crashes = 0;
    std::size_t effects = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        Storm storm(seed);
        ASSERT_TRUE(storm.rage()) << fmt::format(
            "replay: SLIPWAY_SEED={} {}", seed, program_invocation_name);
        crashes += storm.crashes();
        effects += storm.effects();
    }
    if (count == 1) return;
    fmt::print("{} seeds, {} crashes, {} effects\n", count, crashes, effects);
    EXPECT_GT(crashes, static_cast<int>(count));
    EXPECT_GT(effects, count * 20);
}

}  // namespace
}  // namespace slipway
