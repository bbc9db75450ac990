// `slipway watch` on a real Kafka: what operators see while things happen.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/live/kafka_server.h"
#include "tests/live/skipping.h"
#include "tests/live/slipway_process.h"
#include "topics/event.h"
#include "topics/kafka_bus.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

std::optional<std::string> missing() {
    if (auto why = SlipwayProcess::missing()) return why;
    return KafkaServer::missing();
}

// step-events of a test's own, and people who watch them.
class StepEvents {
  public:
    explicit StepEvents(const std::string& prefix)
        : prefix_(prefix), bus_({.brokers = KafkaServer::shared().brokers()}) {
        KafkaServer::shared().create_topic(topic(), 1);
    }

    std::string topic() const { return prefix_ + "step-events"; }
    KafkaBus& bus() { return bus_; }

    void step(const std::string& service,
              int number,
              const std::string& from,
              const std::string& to) {
        bus_.publish(to_message(StepEvent{.id = fmt::format("{}/1/{}", service, number),
                                          .service_id = service,
                                          .pipeline = "rehearse",
                                          .run = 1,
                                          .row = number,
                                          .number = number,
                                          .label = "Rehearse",
                                          .result = "success",
                                          .from = from,
                                          .to = to,
                                          .duration_us = 370'000},
                                topic()));
    }

    std::unique_ptr<SlipwayProcess> watch(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "watch");
        return std::make_unique<SlipwayProcess>(SlipwayOptions{
            .arguments = std::move(arguments),
            .config = fmt::format("broker: {{kind: kafka, addresses: '{}', topic_prefix: {}}}\n",
                                  KafkaServer::shared().brokers(),
                                  prefix_)});
    }

  private:
    std::string prefix_;
    KafkaBus bus_;
};

TEST(Watch, TellsEverythingFromTheBeginningOnce) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    StepEvents events("watch-all.");
    events.step("5546", 1, "creation", "set_ip");
    events.step("5546", 1, "creation", "set_ip");  // told twice: at least once
    events.bus().publish({.topic = events.topic(), .key = "5546", .body = "no event"});
    events.step("7", 1, "creation", "set_ip");
    events.step("5546", 2, "set_ip", "ready");

    const auto watch = events.watch({"--from-start"});
    ASSERT_TRUE(watch->wait_for_line("complete: service=5546", 30s)) << watch->tail();

    EXPECT_EQ(watch->stop(10s), 0) << watch->tail();
    EXPECT_EQ(watch->output(), R"(--- Rehearsal: service=5546 status=creation ---
  [+]  1. Rehearse                       success (creation -> set_ip) [0.37s]
--- Rehearsal: service=7 status=creation ---
  [+]  1. Rehearse                       success (creation -> set_ip) [0.37s]
--- Rehearsal: service=5546 status=set_ip ---
  [+]  2. Rehearse                       success (set_ip -> ready) [0.37s]
--- Rehearsal complete: service=5546 status=ready ---
)");
    EXPECT_NE(watch->errors().find("is no step-event"), std::string::npos) << watch->errors();
}

TEST(Watch, FollowsOneServiceForAProgramWhileThingsHappen) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    StepEvents events("watch-one.");
    events.step("5546", 1, "before", "it_began");
    ASSERT_TRUE(events.bus().flush(10s));

    const auto watch = events.watch({"--service", "5546", "--json"});
    int number = 1;
    do {
        ASSERT_LT(++number, 300) << watch->tail();
        events.step("5546", number, "a", "b");
        events.step("7", number, "a", "b");
    } while (!watch->wait_for_line("5546", 100ms));
    events.step("5546", ++number, "set_ip", "the_last");
    ASSERT_TRUE(watch->wait_for_line("the_last", 20s)) << watch->tail();

    ::kill(watch->pid(), SIGINT);  // Ctrl-C
    EXPECT_EQ(watch->wait(10s), 0) << watch->tail();
    std::string output = watch->output();
    EXPECT_EQ(output.find("it_began"), std::string::npos) << output;
    std::string last;
    while (!output.empty()) {
        const auto event = nlohmann::json::parse(output.substr(0, output.find('\n')));
        EXPECT_EQ(event.at("service_id"), "5546");
        last = event.at("to");
        output.erase(0, output.find('\n') + 1);
    }
    EXPECT_EQ(last, "the_last");
}

}  // namespace
}  // namespace slipway
