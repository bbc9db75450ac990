#pragma once
// Making topics on a real Kafka, for tests and benchmarks that use none of our own libraries.

#include <string>

namespace slipway {

struct NewTopic {
    std::string name;
    int partitions = 1;
    int replicas = 1;
};

// Returns when every partition has a leader. Throws std::runtime_error if the broker refuses.
void create_topic(const std::string& brokers, const NewTopic& topic);

// The same for one that exists and gets more partitions; its replicas stay.
void grow_topic(const std::string& brokers, const NewTopic& topic);

}  // namespace slipway
