// The whole engine with its threads, over a broker in memory: where the thread sanitizer looks for
// races, since the threads of librdkafka are hidden from it.

#include "ops/slipway/engine.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "ops/slipway/rehearsal.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// One partition a topic and one member a group. Acknowledges from a thread of its own, as
// librdkafka does.
class MemoryBus final : public Bus {
  public:
    MemoryBus() : acknowledging_([this] { acknowledge(); }) {}
    ~MemoryBus() override {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
            changed_.notify_all();
        }
        acknowledging_.join();
    }

    void publish(Message message, Delivered delivered) override {
        const std::lock_guard lock(mutex_);
        std::deque<Received>& log = logs_[message.topic];
        const auto offset = static_cast<std::int64_t>(log.size());
        log.push_back({std::move(message), 0, offset});
        unacknowledged_.push_back(std::move(delivered));
        changed_.notify_all();
    }
    bool has_room() const override { return true; }
    bool flush(std::chrono::milliseconds longest) override {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, longest, [this] { return unacknowledged_.empty(); });
    }
    std::unique_ptr<Consumer> subscribe(Subscription subscription) override {
        return std::make_unique<Member>(*this, std::move(subscription));
    }
    std::optional<GroupProgress> progress(std::string_view, std::string_view) override {
        return std::nullopt;
    }

  private:
    class Member final : public Consumer {
      public:
        Member(MemoryBus& bus, Subscription subscription)
            : bus_(bus), topic_(subscription.topics.at(0)) {}

        std::vector<Received> poll(std::chrono::milliseconds longest, std::size_t most) override {
            std::unique_lock lock(bus_.mutex_);
            const auto& log = bus_.logs_[topic_];
            bus_.changed_.wait_for(lock, longest, [&] { return !paused_ && next_ < log.size(); });
            std::vector<Received> found;
            while (!paused_ && next_ < log.size() && found.size() < most)
                found.push_back(log[next_++]);
            return found;
        }
        void finished_below(const Position&) override {}
        void pause() override { paused_ = true; }
        void resume() override { paused_ = false; }
        void close() override {}

      private:
        MemoryBus& bus_;
        const std::string topic_;
        std::size_t next_ = 0;
        bool paused_ = false;
    };

    void acknowledge() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return ended_ || !unacknowledged_.empty(); });
            if (ended_) return;
            const Delivered delivered = std::move(unacknowledged_.front());
            lock.unlock();
            if (delivered) delivered();
            lock.lock();
            unacknowledged_.pop_front();
            changed_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::deque<Received>> logs_;
    std::deque<Delivered> unacknowledged_;
    bool ended_ = false;
    std::thread acknowledging_;  // last: it uses everything above
};

class EngineWith : public testing::TestWithParam<bool> {};

TEST_P(EngineWith, TakesManyVmsToReadyAndAwayAgain) {
    const TempFolder folder;
    SystemClock clock;
    const DatabaseSettings database{.url = "sqlite:" + (folder.path() / "engine.db").string()};
    migrate(database);
    const auto store = open_store(database);
    MemoryBus bus;
    Config config;
    config.runtime.hand_off = GetParam();
    config.runtime.retry_first = 20ms;
    Rehearsal rehearsal(
        {.clock = clock, .store = *store, .bus = bus, .topics = {}},
        {.vms = 150, .in_flight = 50, .payload = R"({"fail": {"clone": 0.1}})", .give_up = 60s},
        Rehearsal::Watching::Steps);
    const SecretBox secrets;
    Engine engine(config, all_roles(), {clock, *store, bus, secrets, &rehearsal});
    engine.start();

    const RehearsalResult result = rehearsal.run();

    EXPECT_TRUE(engine.stop(20s));
    EXPECT_EQ(result.ready, 150);
    EXPECT_EQ(result.removed, 150);
    EXPECT_GE(result.steps, 150 * 15);
    EXPECT_EQ(result.problems, std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineWith, testing::Bool(), [](const auto& instance) {
    return instance.param ? "HandOff" : "EventsAlone";
});

}  // namespace
}  // namespace slipway
