#include "topics/catalogue.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>

#include "topics/event.h"

namespace slipway {

namespace {

constexpr std::array<std::string_view, 10> known_keys = {"key",
                                                         "events",
                                                         "partitions",
                                                         "embedded_partitions",
                                                         "replication",
                                                         "retention",
                                                         "writers",
                                                         "readers",
                                                         "group",
                                                         "why"};

constexpr std::array<std::string_view, 7> known_events = {"slipway.request",
                                                          "slipway.state",
                                                          "slipway.step",
                                                          "slipway.line",
                                                          "slipway.activity",
                                                          "slipway.letter",
                                                          "slipway.dead_letter"};

// How many letters must be added, dropped or changed to make one word of the other.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const auto changed = diagonal + (left[i - 1] == right[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

template <typename Words>
std::string_view nearest(std::string_view word, const Words& words) {
    return *std::min_element(words.begin(), words.end(), [&](const auto& left, const auto& right) {
        return distance(word, left) < distance(word, right);
    });
}

// Reads one file and knows what to call every place in it.
class Reader {
  public:
    explicit Reader(std::string_view called) : called_(called) {}

    [[noreturn]] void fail(const YAML::Node& at,
                           std::string_view key,
                           std::string_view what) const {
        throw std::runtime_error(clean_text(
            fmt::format("{}:{}: {}: {}", called_, std::max(at.Mark().line, 0) + 1, key, what)));
    }

    std::string text(const YAML::Node& topic, const std::string& path, const char* key) const {
        const auto node = topic[key];
        if (!node) fail(topic, path + key, "is missing, must be a text");
        if (!node.IsScalar() || node.Scalar().empty()) {
            fail(node, path + key, "is no text, must be one");
        }
        return readable(node, path + key);
    }

    std::vector<std::string> texts(const YAML::Node& topic,
                                   const std::string& path,
                                   const char* key) const {
        const auto node = topic[key];
        if (!node) fail(topic, path + key, "is missing, must be a list of texts");
        std::vector<std::string> found;
        if (!node.IsSequence()) fail(node, path + key, "is no list, must be a list of texts");
        for (const auto& each : node) {
            if (!each.IsScalar()) fail(each, path + key, "holds no text, must be a list of texts");
            found.push_back(readable(each, path + key));
        }
        return found;
    }

    int number(const YAML::Node& topic, const std::string& path, const char* key, int most) const {
        const auto written = text(topic, path, key);
        int value = 0;
        const auto* end = written.data() + written.size();
        const auto read = std::from_chars(written.data(), end, value);
        if (read.ec != std::errc() || read.ptr != end || value < 1 || value > most) {
            fail(topic[key],
                 path + key,
                 fmt::format("is \"{}\", must be a whole number from 1 to {}", written, most));
        }
        return value;
    }

    std::chrono::milliseconds duration(const YAML::Node& topic,
                                       const std::string& path,
                                       const char* key) const {
        const auto written = text(topic, path, key);
        int value = 0;
        const auto* end = written.data() + written.size();
        const auto read = std::from_chars(written.data(), end, value);
        const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
        if (read.ec == std::errc() && value > 0 && value <= 10'000) {
            if (unit == "d") return std::chrono::days(value);
            if (unit == "h") return std::chrono::hours(value);
            if (unit == "m") return std::chrono::minutes(value);
        }
        fail(
            topic[key], path + key, fmt::format("is \"{}\", must be like 7d, 12h or 30m", written));
    }

  private:
    // Texts go on into JSON, which takes nothing but UTF-8; YAML's \N and \_ become something else.
    std::string readable(const YAML::Node& node, const std::string& key) const {
        if (clean_text(node.Scalar()) != node.Scalar()) {
            fail(node, key, "is no UTF-8 or holds a NUL, must be a text in UTF-8");
        }
        return node.Scalar();
    }

    std::string_view called_;
};

CatalogueTopic read_topic(const Reader& reader, const std::string& name, const YAML::Node& node) {
    const auto path = fmt::format("topics.{}.", name);
    if (!node.IsMap()) reader.fail(node, "topics." + name, "is no mapping, must hold keys");
    for (const auto& each : node) {
        const auto& key = each.first.Scalar();
        if (std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end()) {
            reader.fail(
                each.first,
                path + key,
                fmt::format("is no key of a topic; did you mean {}?", nearest(key, known_keys)));
        }
    }
    CatalogueTopic topic{.name = name,
                         .key = reader.text(node, path, "key"),
                         .partitions = reader.number(node, path, "partitions", 1'000),
                         .embedded_partitions = reader.number(
                             node, path, "embedded_partitions", most_embedded_partitions),
                         .replication = reader.number(node, path, "replication", 9),
                         .retention = reader.duration(node, path, "retention"),
                         .writers = reader.texts(node, path, "writers"),
                         .readers = reader.texts(node, path, "readers"),
                         .why = reader.text(node, path, "why")};
    if (node["group"]) topic.group = reader.text(node, path, "group");
    if (node["events"]) topic.events = reader.texts(node, path, "events");
    for (const auto& event : topic.events) {
        if (std::find(known_events.begin(), known_events.end(), event) == known_events.end()) {
            reader.fail(node["events"],
                        path + "events",
                        fmt::format("\"{}\" is no event type; did you mean {}?",
                                    event,
                                    nearest(event, known_events)));
        }
    }
    return topic;
}

void check_name(const Reader& reader, const YAML::Node& node, const std::string& full_name) {
    const bool good = full_name.size() <= 200 && node.IsScalar() && !node.Scalar().empty() &&
                      std::all_of(full_name.begin(), full_name.end(), [](char letter) {
                          return (letter >= 'a' && letter <= 'z') ||
                                 (letter >= 'A' && letter <= 'Z') ||
                                 (letter >= '0' && letter <= '9') || letter == '.' ||
                                 letter == '_' || letter == '-';
                      });
    if (!good) {
        reader.fail(node,
                    "topics." + node.Scalar(),
                    "is no topic name, must be letters, digits, '.', '_' or '-', at most 200 with "
                    "the prefix");
    }
}

YAML::Node parse(std::string_view yaml, std::string_view called) {
    try {
        return YAML::Load(std::string(yaml));
    } catch (const YAML::Exception& error) {
        throw std::runtime_error(clean_text(
            fmt::format("{}:{}: is not YAML: {}", called, error.mark.line + 1, error.msg)));
    }
}

std::string shown(const std::map<std::string, std::string>& configs, const std::string& name) {
    const auto found = configs.find(name);
    return found == configs.end() ? "not set" : found->second;
}

}  // namespace

std::vector<std::string> Catalogue::full_names() const {
    std::vector<std::string> names;
    for (const auto& topic : topics) names.push_back(full_name(topic));
    return names;
}

Catalogue read_catalogue(std::string_view yaml, std::string_view called, std::string prefix) {
    const Reader reader(called);
    const auto root = parse(yaml, called);
    if (!root.IsMap()) reader.fail(root, "topics", "is missing, must hold the topics");
    for (const auto& each : root) {
        if (each.first.Scalar() != "topics") {
            reader.fail(each.first, each.first.Scalar(), "is not known; did you mean topics?");
        }
    }
    const auto topics = root["topics"];
    if (!topics || !topics.IsMap()) reader.fail(root, "topics", "is missing, must hold the topics");

    Catalogue catalogue{.prefix = std::move(prefix), .topics = {}};
    std::set<std::string> seen;
    int embedded = 0;
    for (const auto& each : topics) {
        const auto& name = each.first.Scalar();
        check_name(reader, each.first, catalogue.prefix + name);
        if (!seen.insert(name).second) {
            reader.fail(each.first, "topics." + name, "is there twice, must be there once");
        }
        catalogue.topics.push_back(read_topic(reader, name, each.second));
        embedded += catalogue.topics.back().embedded_partitions;
        if (embedded > most_embedded_partitions) {
            reader.fail(each.second["embedded_partitions"],
                        fmt::format("topics.{}.embedded_partitions", name),
                        fmt::format("makes {} partitions in all, must be at most {}",
                                    embedded,
                                    most_embedded_partitions));
        }
    }
    return catalogue;
}

Catalogue load_catalogue(const std::optional<std::filesystem::path>& file, std::string prefix) {
    if (!file) return read_catalogue(built_in_catalogue(), "topics.yaml", std::move(prefix));
    std::ifstream stream(*file);
    if (!stream) throw std::runtime_error(fmt::format("{}: cannot be opened", file->string()));
    std::ostringstream text;
    text << stream.rdbuf();
    return read_catalogue(text.str(), file->string(), std::move(prefix));
}

std::vector<EmbeddedTopic> embedded_topics(const Catalogue& catalogue) {
    std::vector<EmbeddedTopic> topics;
    for (const auto& topic : catalogue.topics) {
        topics.push_back({catalogue.full_name(topic), topic.embedded_partitions});
    }
    return topics;
}

std::vector<TopicSpec> topic_specs(const Catalogue& catalogue, int most_replicas) {
    std::vector<TopicSpec> specs;
    for (const auto& topic : catalogue.topics) {
        const int replicas = std::min(topic.replication, most_replicas);
        // With three copies one broker may be away, and what was acknowledged is still on two.
        specs.push_back({.name = catalogue.full_name(topic),
                         .partitions = topic.partitions,
                         .replication = replicas,
                         .configs = {{"cleanup.policy", "delete"},
                                     {"retention.ms", std::to_string(topic.retention.count())},
                                     {"min.insync.replicas", replicas >= 3 ? "2" : "1"}}});
    }
    return specs;
}

std::vector<TopicDifference> compare(const std::vector<TopicSpec>& wanted,
                                     const std::vector<TopicAsIs>& cluster) {
    std::vector<TopicDifference> differences;
    for (const auto& want : wanted) {
        const auto have = std::find_if(cluster.begin(), cluster.end(), [&](const auto& each) {
            return each.name == want.name;
        });
        if (have == cluster.end()) {
            differences.push_back(
                {want.name, "topic", "missing", "there", "slipway topics create"});
            continue;
        }
        if (have->partitions != want.partitions) {
            differences.push_back(
                {want.name,
                 "partitions",
                 std::to_string(have->partitions),
                 std::to_string(want.partitions),
                 have->partitions < want.partitions
                     ? fmt::format("kafka-topics.sh --alter --topic {} --partitions {}",
                                   want.name,
                                   want.partitions)
                     : ""});
        }
        if (have->replication != want.replication) {
            differences.push_back({want.name,
                                   "replication",
                                   std::to_string(have->replication),
                                   std::to_string(want.replication),
                                   "kafka-reassign-partitions.sh"});
        }
        for (const auto& [name, value] : want.configs) {
            const auto is = shown(have->configs, name);
            if (is == value) continue;
            differences.push_back(
                {want.name,
                 name,
                 is,
                 value,
                 fmt::format("kafka-configs.sh --alter --entity-type topics --entity-name {} "
                             "--add-config {}={}",
                             want.name,
                             name,
                             value)});
        }
    }
    return differences;
}

}  // namespace slipway
