#pragma once
// The catalogue of topics: topics.yaml, typed and checked.
//
// The file is compiled into the program, so that it runs without one; another may be given instead.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topics/embedded_broker.h"
#include "topics/kafka_admin.h"

namespace slipway {

inline constexpr int most_embedded_partitions = 20;

struct CatalogueTopic {
    std::string name;  // without the prefix
    std::string key;
    std::vector<std::string> events = {};  // types, slipway.request for all of slipway.request.*
    int partitions = 1;
    int embedded_partitions = 1;
    int replication = 1;
    std::chrono::milliseconds retention{};
    std::vector<std::string> writers = {};
    std::vector<std::string> readers = {};
    std::string group = {};  // empty: no group of ours reads it
    std::string why;
};

struct Catalogue {
    std::string prefix;
    std::vector<CatalogueTopic> topics;

    std::string full_name(const CatalogueTopic& topic) const { return prefix + topic.name; }
    std::vector<std::string> full_names() const;
};

// What was built in, or what `file` says. Throws std::runtime_error naming file, line, key, what is
// wrong, and what would be right.
Catalogue load_catalogue(const std::optional<std::filesystem::path>& file = {},
                         std::string prefix = "slipway.");
Catalogue read_catalogue(std::string_view yaml, std::string_view called, std::string prefix);

std::string_view built_in_catalogue();

std::vector<EmbeddedTopic> embedded_topics(const Catalogue& catalogue);

// What to ask a cluster for. A cluster with fewer brokers than `replication` wants is given
// `most_replicas`.
std::vector<TopicSpec> topic_specs(const Catalogue& catalogue, int most_replicas);

// One thing in which a cluster differs from the catalogue.
struct TopicDifference {
    std::string topic;
    std::string what;
    std::string is;
    std::string should_be;
    std::string cure;  // empty: does no harm, nothing to do
};

std::vector<TopicDifference> compare(const std::vector<TopicSpec>& wanted,
                                     const std::vector<TopicAsIs>& cluster);

}  // namespace slipway
