#pragma once
// The Bus on librdkafka: for a real Kafka and for the embedded broker alike.
//
// librdkafka's C API is used in the kafka_*.cpp files and in the embedded broker, nowhere else.
// Version 2.0.2, Debian's, decides some things here: no cooperative-sticky assignor, no batch
// consume, an own record of what is paused.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "topics/bus.h"

namespace slipway {

enum class BusNews { Info, Warning, Error };

struct KafkaSettings {
    std::string brokers;
    std::string client_id = "slipway";
    // Handed to librdkafka as they are: TLS, SASL, anything, but what Slipway itself relies on.
    std::map<std::string, std::string> properties = {};
    std::size_t most_unacknowledged = 50'000;
    std::size_t most_unacknowledged_bytes = 64U << 20U;
    std::chrono::milliseconds commit_interval{200};
    // Zero: 10 s, or 4 s on the embedded broker. There every rebalance takes that long less 1 s,
    // and a member with less than 3 s is dropped before its first join, which takes 3 s, is
    // answered.
    std::chrono::milliseconds session_timeout{0};
    std::chrono::milliseconds linger{5};  // of messages that may wait
    std::chrono::milliseconds close_timeout{5'000};
    bool embedded = false;
    // Called from threads of librdkafka.
    std::function<void(BusNews, std::string)> log = {};
};

class KafkaProducer;
class KafkaProgress;

class KafkaBus final : public Bus {
  public:
    // Throws std::runtime_error naming the property, if librdkafka refuses one. Connects later.
    explicit KafkaBus(KafkaSettings settings);
    ~KafkaBus() override;

    void publish(Message message, Delivered delivered = {}) override;
    bool has_room() const override;
    bool flush(std::chrono::milliseconds longest) override;
    std::unique_ptr<Consumer> subscribe(Subscription subscription) override;
    std::optional<GroupProgress> progress(std::string_view group, std::string_view topic) override;

    // Learns where the topics live, so that the first message does not wait for it. False if the
    // brokers did not answer in time or a topic is missing; publishing works all the same.
    bool warm_up(const std::vector<std::string>& topics, std::chrono::milliseconds longest);

    // Messages that the broker refused for good, each of them logged.
    std::int64_t refused() const;

    // Makes librdkafka believe that its idempotent producer broke; for tests.
    void break_producer();

  private:
    KafkaProducer& producer_of(const Message& message);

    KafkaSettings settings_;
    // librdkafka has one linger per producer.
    std::unique_ptr<KafkaProducer> prompt_;
    std::unique_ptr<KafkaProducer> patient_;
    std::unique_ptr<KafkaProgress> progress_;
};

}  // namespace slipway
