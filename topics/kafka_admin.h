#pragma once
// The few administrative questions `slipway topics` asks of a real Kafka. The embedded broker does
// not answer them.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "topics/kafka_bus.h"

namespace slipway {

struct TopicSpec {
    std::string name;
    int partitions = 1;
    int replication = 1;
    std::map<std::string, std::string> configs = {};
};

struct TopicAsIs {
    std::string name;
    int partitions = 0;
    int replication = 0;
    std::map<std::string, std::string> configs = {};
};

// One topic that could not be made, and why; a topic that exists already is not among them.
struct TopicRefused {
    std::string name;
    std::string why;
};

// Each throws std::runtime_error if the brokers do not answer in time.
std::vector<TopicRefused> create_topics(const KafkaSettings& settings,
                                        const std::vector<TopicSpec>& topics,
                                        std::chrono::milliseconds longest);

// Those of `names` that exist, with all their configuration.
std::vector<TopicAsIs> describe_topics(const KafkaSettings& settings,
                                       const std::vector<std::string>& names,
                                       std::chrono::milliseconds longest);

}  // namespace slipway
