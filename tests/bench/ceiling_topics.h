#pragma once
// The Kafka half of the ceiling, on librdkafka's C API: publish and consume, nothing else.

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/bench/ceiling_store.h"

namespace slipway {

struct CeilingTopics {
    std::string brokers;
    std::string state_topic;
    std::string step_topic;
    std::string linger_ms;
    int partitions = 6;  // of the topic of state events
};

// Idempotent, acks=all, every message's delivery report counted.
class CeilingProducer {
  public:
    explicit CeilingProducer(const CeilingTopics& topics);
    ~CeilingProducer();
    CeilingProducer(const CeilingProducer&) = delete;
    CeilingProducer& operator=(const CeilingProducer&) = delete;

    // Five CloudEvents headers each.
    void publish_state(const CeilingStep& at);
    void publish_step(const CeilingStep& done);
    // Serves delivery reports; waits only while 50,000 messages are unacknowledged.
    void serve();
    std::uint64_t refused() const { return refused_; }

  private:
    void publish(rd_kafka_topic_t* topic,
                 const std::string& key,
                 const std::string& body,
                 const char* type);
    static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self);

    std::uint64_t refused_ = 0;
    rd_kafka_t* client_ = nullptr;
    rd_kafka_topic_t* state_topic_ = nullptr;
    rd_kafka_topic_t* step_topic_ = nullptr;
    std::uint64_t ids_ = 0;
    std::string time_;
    std::int64_t time_is_of_ = -1;
};

// Of all partitions. A group would only cost the time to join it, and with the embedded broker that
// is three seconds.
class CeilingConsumer {
  public:
    explicit CeilingConsumer(const CeilingTopics& topics);
    ~CeilingConsumer();
    CeilingConsumer(const CeilingConsumer&) = delete;
    CeilingConsumer& operator=(const CeilingConsumer&) = delete;

    std::optional<CeilingStep> poll(std::chrono::milliseconds longest);

  private:
    rd_kafka_t* client_ = nullptr;
};

}  // namespace slipway
