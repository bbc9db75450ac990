// A rehearsal by time: it counts from the first step on, however long it takes until roles have
// joined their groups.

#include "ops/slipway/rehearsal.h"

#include <gtest/gtest.h>

#include "consumers/pipelines/pipelines.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
  public:
    Time now() const override { return Time(1'776'537'518s) + passed_; }
    std::chrono::nanoseconds since_boot() const override { return passed_; }
    void move(std::chrono::seconds by) { passed_ += by; }

  private:
    std::chrono::seconds passed_{0};
};

// Takes requests and keeps them until somebody has time for them.
class Requests final : public Bus {
  public:
    void publish(Message message, Delivered) override { waiting.push_back(message.key); }
    bool has_room() const override { return true; }
    bool flush(std::chrono::milliseconds) override { return true; }
    std::unique_ptr<Consumer> subscribe(Subscription) override { return nullptr; }
    std::optional<GroupProgress> progress(std::string_view, std::string_view) override {
        return std::nullopt;
    }

    std::vector<std::string> waiting;
};

TEST(Rehearsal, GivesOutVmsForSoLongFromTheFirstStepOn) {
    HandClock clock;
    Requests bus;
    const auto store = open_store({.url = "sqlite::memory:"});
    Rehearsal* rehearsal = nullptr;
    int looks = 0;
    // The others: 20 s until they begin, then a VM a second, done in one step.
    const auto others = [&](std::int64_t, std::int64_t) {
        clock.move(1s);
        if (++looks <= 20) return;
        const auto services = std::exchange(bus.waiting, {});
        for (const auto& service : services) {
            Change change;
            change.log.service_id = service;
            change.ends_run = true;
            rehearsal->stepped(rehearse, change);
        }
    };
    Rehearsal by_time(
        {.clock = clock, .store = *store, .bus = bus, .topics = {}, .on_progress = others},
        {.in_flight = 1, .issue_for = 5s, .end_them = false},
        Rehearsal::Watching::Steps);
    rehearsal = &by_time;

    const auto result = by_time.run();

    // One in the first second, and one in each of the five seconds after it.
    EXPECT_EQ(result.asked, 7);
    EXPECT_EQ(result.ready, 7);
    EXPECT_EQ(looks, 27);
}

}  // namespace
}  // namespace slipway
