#pragma once
// What every Bus must do, whichever broker is behind it. Instantiate with
//
//     INSTANTIATE_TEST_SUITE_P(Embedded, BusContract,
//     testing::Values(&bus_on_the_embedded_broker));
//
// A group's first join takes seconds on some brokers, so readers join all at once, before the first
// test, and each test takes one.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "topics/bus.h"

namespace slipway {

struct BusNeeds {
    std::size_t most_unacknowledged = 50'000;
    bool reachable = true;  // false: nobody listens where its broker should be
};

struct BusUnderTest {
    std::function<std::unique_ptr<Bus>(BusNeeds)> make;
    std::function<std::string(int partitions)> fresh_topic;
    std::function<void(Bus&)> break_producer;
    // Why its broker cannot be had here; nullopt if it can. See tests/live/skipping.h.
    std::function<std::optional<std::string>()> cannot_run = {};
};

using MakeBusUnderTest = BusUnderTest& (*)();

inline constexpr auto contract_deadline = std::chrono::seconds(30);

// True as soon as `condition` is; `each` is run in between and does the waiting.
template <typename Condition, typename Each>
bool comes_true(Condition condition, Each each) {
    const auto deadline = std::chrono::steady_clock::now() + contract_deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        each();
    }
    return true;
}

// One member of one group and everything it was told.
struct BusReader {
    std::string topic;
    std::string group;
    std::set<Partition> ours;
    std::vector<Partition> revoked;
    std::vector<Received> received;
    std::unique_ptr<Consumer> consumer;  // last: closing it calls back into the rest

    BusReader(Bus& bus, std::string topic_name, std::string group_name)
        : topic(std::move(topic_name)), group(std::move(group_name)) {
        consumer = bus.subscribe(
            {.group = group,
             .topics = {topic},
             .on_assigned = [this](const auto& each) { ours.insert(each.begin(), each.end()); },
             .on_revoked =
                 [this](const auto& each) {
                     revoked.insert(revoked.end(), each.begin(), each.end());
                     for (const auto& partition : each) ours.erase(partition);
                 }});
    }

    ~BusReader() {
        if (consumer) consumer->close();
    }

    void poll() {
        for (auto& each : consumer->poll(std::chrono::milliseconds(20), 1'000)) {
            received.push_back(std::move(each));
        }
    }

    bool joins(std::size_t partitions) {
        return comes_true([&] { return ours.size() == partitions; }, [&] { poll(); });
    }

    bool gets(std::size_t messages) {
        return comes_true([&] { return received.size() >= messages; }, [&] { poll(); });
    }

    std::vector<std::string> bodies() const {
        std::vector<std::string> bodies;
        for (const auto& each : received) bodies.push_back(each.message.body);
        return bodies;
    }
};

inline std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> texts;
    for (int number = from; number < to; ++number) texts.push_back(std::to_string(number));
    return texts;
}

class BusContract : public testing::TestWithParam<MakeBusUnderTest> {
  protected:
    void SetUp() override {
        if (under_test().cannot_run) {
            if (const auto why = under_test().cannot_run()) GTEST_SKIP() << *why;
        }
        if (!shared_bus) prepare();
    }

    static void TearDownTestSuite() {
        shared_readers.clear();
        shared_bus.reset();
    }

    BusUnderTest& under_test() const { return GetParam()(); }
    Bus& bus() const { return *shared_bus; }

    // A reader of a fresh topic that has all its partitions.
    std::unique_ptr<BusReader> reader(int partitions) {
        auto& ready = shared_readers[partitions];
        if (ready.empty()) throw std::logic_error("prepare() made too few readers");
        auto taken = std::move(ready.back());
        ready.pop_back();
        return taken;
    }

    void publish_numbers(Bus& to, const std::string& topic, int from, int below) const {
        for (const auto& text : numbers(from, below)) {
            to.publish({.topic = topic, .key = "key", .body = text});
        }
    }

  private:
    void prepare() {
        shared_bus = under_test().make({});
        std::vector<std::thread> joining;
        for (const auto& [partitions, count] : {std::pair(1, 8), std::pair(4, 3)}) {
            for (int number = 0; number < count; ++number) {
                const auto topic = under_test().fresh_topic(partitions);
                auto& reader = shared_readers[partitions].emplace_back(
                    std::make_unique<BusReader>(*shared_bus, topic, "group-of-" + topic));
                joining.emplace_back([&member = *reader, wanted = partitions] {
                    EXPECT_TRUE(member.joins(static_cast<std::size_t>(wanted)));
                });
            }
        }
        for (auto& thread : joining) thread.join();
    }

    static inline std::unique_ptr<Bus> shared_bus;
    static inline std::map<int, std::vector<std::unique_ptr<BusReader>>> shared_readers;
};

TEST_P(BusContract, WhatIsPublishedArrivesWholeAndIsAcknowledgedOnce) {
    const auto member = reader(1);
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    std::atomic<int> acknowledged = 0;

    bus().publish({.topic = member->topic,
                   .key = "5546",
                   .body = every_byte,
                   .headers = {{"ce_id", "1"}, {"empty", ""}, {"bytes", every_byte}}},
                  [&] { ++acknowledged; });

    ASSERT_TRUE(bus().flush(contract_deadline));
    EXPECT_EQ(acknowledged, 1);
    ASSERT_TRUE(member->gets(1));
    const auto& received = member->received[0];
    EXPECT_EQ(received.message.topic, member->topic);
    EXPECT_EQ(received.message.key, "5546");
    EXPECT_EQ(received.message.body, every_byte);
    ASSERT_EQ(received.message.headers.size(), 3U);
    EXPECT_EQ(received.message.headers[0].name, "ce_id");
    EXPECT_EQ(received.message.headers[0].value, "1");
    EXPECT_EQ(received.message.headers[1].value, "");
    EXPECT_EQ(received.message.headers[2].value, every_byte);
    EXPECT_EQ(received.offset, 0);
    EXPECT_GT(received.timestamp_ms, 0);
}

TEST_P(BusContract, OrderHoldsPerKeyAndKeysSpreadOverPartitions) {
    const auto member = reader(4);
    constexpr int keys = 32;
    constexpr int each = 100;
    for (int number = 0; number < each; ++number) {
        for (int key = 0; key < keys; ++key) {
            bus().publish({.topic = member->topic,
                           .key = "service-" + std::to_string(key),
                           .body = std::to_string(number)});
        }
    }

    ASSERT_TRUE(member->gets(keys * each));

    std::map<std::string, std::vector<std::string>> by_key;
    std::set<int> partitions;
    for (const auto& received : member->received) {
        by_key[received.message.key].push_back(received.message.body);
        partitions.insert(received.partition);
    }
    EXPECT_EQ(partitions.size(), 4U);
    EXPECT_EQ(by_key.size(), static_cast<std::size_t>(keys));
    for (const auto& [key, bodies] : by_key) EXPECT_EQ(bodies, numbers(0, each)) << key;
}

TEST_P(BusContract, PauseStopsAndResumeGoesOnWithoutLoss) {
    const auto member = reader(1);
    publish_numbers(bus(), member->topic, 0, 10);
    ASSERT_TRUE(member->gets(10));

    member->consumer->pause();
    member->consumer->pause();
    publish_numbers(bus(), member->topic, 10, 20);
    ASSERT_TRUE(bus().flush(contract_deadline));
    for (int polls = 0; polls < 25; ++polls) member->poll();
    EXPECT_EQ(member->bodies(), numbers(0, 10));

    member->consumer->resume();
    member->consumer->resume();
    ASSERT_TRUE(member->gets(20));
    EXPECT_EQ(member->bodies(), numbers(0, 20));
}

TEST_P(BusContract, AMillionBytesArriveAndMoreThanThatBlocksNobody) {
    const auto member = reader(1);
    const auto own = under_test().make({});
    std::atomic<int> acknowledged = 0;

    own->publish({.topic = member->topic, .key = "k", .body = std::string(1'000'000, 'x')},
                 [&] { ++acknowledged; });
    own->publish({.topic = member->topic, .key = "k", .body = std::string(3'000'000, 'y')},
                 [&] { acknowledged += 100; });
    own->publish({.topic = member->topic, .key = "k", .body = "after"}, [&] { ++acknowledged; });

    EXPECT_TRUE(own->flush(contract_deadline));
    EXPECT_EQ(acknowledged, 2);
    ASSERT_TRUE(member->gets(2));
    EXPECT_EQ(member->received[0].message.body.size(), 1'000'000U);
    EXPECT_EQ(member->received[1].message.body, "after");
}

TEST_P(BusContract, AProducerThatBreaksForGoodLosesNothing) {
    const auto member = reader(1);
    const auto own = under_test().make({});
    std::atomic<int> acknowledged = 0;
    constexpr int messages = 2'000;
    for (int number = 0; number < messages; ++number) {
        own->publish({.topic = member->topic, .key = "k", .body = std::to_string(number)},
                     [&] { ++acknowledged; });
        if (number == messages / 2) under_test().break_producer(*own);
    }

    ASSERT_TRUE(own->flush(contract_deadline));

    EXPECT_EQ(acknowledged, messages);
    std::set<std::string> seen;
    EXPECT_TRUE(comes_true(
        [&] {
            for (const auto& each : member->received) seen.insert(each.message.body);
            member->received.clear();
            return seen.size() == messages;
        },
        [&] { member->poll(); }))
        << seen.size();
}

TEST_P(BusContract, RoomRunsOutAndComesBack) {
    const auto member = reader(1);
    const auto own = under_test().make({.most_unacknowledged = 100});
    EXPECT_TRUE(own->has_room());
    bool ran_out = false;
    for (int number = 0; number < 5'000; ++number) {
        own->publish({.topic = member->topic, .key = "k", .body = std::to_string(number)});
        ran_out = ran_out || !own->has_room();
    }

    EXPECT_TRUE(ran_out);
    ASSERT_TRUE(own->flush(contract_deadline));
    EXPECT_TRUE(own->has_room());
    ASSERT_TRUE(member->gets(5'000));
    EXPECT_EQ(member->bodies(), numbers(0, 5'000));
}

TEST_P(BusContract, WithoutABrokerNothingBlocksAndFlushSaysSo) {
    const auto own = under_test().make({.most_unacknowledged = 100, .reachable = false});
    std::atomic<int> acknowledged = 0;
    for (int number = 0; number < 150'000; ++number) {
        own->publish({.topic = "any", .key = "k", .body = "x"}, [&] { ++acknowledged; });
    }

    EXPECT_FALSE(own->has_room());
    EXPECT_FALSE(own->flush(std::chrono::milliseconds(300)));
    EXPECT_EQ(acknowledged, 0);
}

TEST_P(BusContract, WhatIsFinishedIsNotReadAgainAndWhatIsNotIs) {
    auto member = reader(1);
    publish_numbers(bus(), member->topic, 0, 10);
    ASSERT_TRUE(member->gets(10));
    member->consumer->finished_below({member->topic, 0, 3});
    member->consumer->finished_below({member->topic, 0, 6});
    member->consumer->finished_below({member->topic, 7, 100});
    member->consumer->close();
    EXPECT_EQ(member->revoked, (std::vector<Partition>{{member->topic, 0}}));

    BusReader next(bus(), member->topic, member->group);

    ASSERT_TRUE(next.gets(4));
    EXPECT_EQ(next.bodies(), numbers(6, 10));
}

TEST_P(BusContract, LeavingWithMessagesUnreadLosesThemForNobody) {
    auto member = reader(1);
    publish_numbers(bus(), member->topic, 0, 1'000);
    ASSERT_TRUE(bus().flush(contract_deadline));
    ASSERT_TRUE(comes_true([&] { return !member->received.empty(); },
                           [&] {
                               for (auto& each :
                                    member->consumer->poll(std::chrono::milliseconds(20), 1)) {
                                   member->received.push_back(std::move(each));
                               }
                           }));
    member->consumer->finished_below({member->topic, 0, 1});
    member->consumer->close();

    BusReader next(bus(), member->topic, member->group);

    ASSERT_TRUE(next.gets(999));
    EXPECT_EQ(next.bodies(), numbers(1, 1'000));
}

TEST_P(BusContract, ThousandsOfMessagesInFlightGoRoundWithoutStalls) {
    const auto member = reader(4);
    constexpr std::size_t rounds = 60'000;
    for (const auto& text : numbers(0, 4'000)) {
        bus().publish({.topic = member->topic, .key = text, .body = text});
    }
    ASSERT_TRUE(bus().flush(contract_deadline));

    const auto began = std::chrono::steady_clock::now();
    std::size_t seen = 0;
    const auto publish_again = [&] {
        for (auto& each : member->consumer->poll(std::chrono::milliseconds(20), 1'000)) {
            ++seen;
            bus().publish(std::move(each.message));
        }
    };
    ASSERT_TRUE(comes_true([&] { return seen >= rounds; }, publish_again)) << seen;

    // A reader that stalls for a second whenever it has a thousand messages ahead needs a minute.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
    EXPECT_TRUE(bus().flush(contract_deadline));
}

TEST_P(BusContract, ProgressIsToldWithoutJoining) {
    const auto member = reader(1);
    publish_numbers(bus(), member->topic, 0, 10);
    ASSERT_TRUE(member->gets(10));
    const auto before = bus().progress(member->group, member->topic);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->committed, 0);
    EXPECT_EQ(before->end, 10);

    member->consumer->finished_below({member->topic, 0, 10});

    EXPECT_TRUE(comes_true(
        [&] {
            const auto now = bus().progress(member->group, member->topic);
            return now && now->committed == 10 && now->end == 10;
        },
        [&] { member->poll(); }));
    EXPECT_EQ(member->ours.size(), 1U);
}

TEST_P(BusContract, MembersShareAndWhoeverRemainsGetsAll) {
    const auto first = reader(4);
    BusReader second(bus(), first->topic, first->group);
    const auto both = [&] {
        first->poll();
        second.poll();
    };
    ASSERT_TRUE(
        comes_true([&] { return first->ours.size() == 2 && second.ours.size() == 2; }, both));
    const std::set<Partition> given_up(first->revoked.begin(), first->revoked.end());
    EXPECT_EQ(given_up.size(), 4U);

    // A pause holds for partitions that come later.
    first->consumer->pause();
    second.consumer->close();
    ASSERT_TRUE(first->joins(4));
    for (int key = 0; key < 32; ++key) {
        bus().publish({.topic = first->topic, .key = std::to_string(key), .body = "x"});
    }
    ASSERT_TRUE(bus().flush(contract_deadline));
    for (int polls = 0; polls < 25; ++polls) first->poll();
    EXPECT_EQ(first->received.size(), 0U);

    first->consumer->resume();
    EXPECT_TRUE(first->gets(32));
}

}  // namespace slipway
