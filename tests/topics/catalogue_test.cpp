// The catalogue: what is built in, what a wrong file is told, and how a cluster is held against it.

#include "topics/catalogue.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace slipway {
namespace {

constexpr std::string_view good = R"(topics:
  requests:
    key: service id
    events: [slipway.request]
    partitions: 6
    embedded_partitions: 2
    replication: 3
    retention: 7d
    writers: [billing]
    readers: [intake]
    group: slipway-intake
    why: Because.
)";

std::string replaced(std::string_view from, std::string_view to) {
    std::string text(good);
    return text.replace(text.find(from), from.size(), to);
}

std::string why_wrong(const std::string& yaml) {
    try {
        read_catalogue(yaml, "topics.yaml", "slipway.");
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "was read";
}

TEST(Catalogue, TheBuiltInOneHasEveryTopicAndFitsTheEmbeddedBroker) {
    const auto catalogue = load_catalogue();

    std::string names;
    int embedded = 0;
    for (const auto& topic : catalogue.topics) {
        names += catalogue.full_name(topic) + " " + topic.group + "\n";
        embedded += topic.embedded_partitions;
    }
    EXPECT_EQ(names,
              "slipway.requests slipway-intake\n"
              "slipway.deploy slipway-deploy\n"
              "slipway.change-package slipway-change-package\n"
              "slipway.terminate slipway-terminate\n"
              "slipway.service slipway-service\n"
              "slipway.tasks slipway-tasks\n"
              "slipway.step-events \n"
              "slipway.activity \n"
              "slipway.letters slipway-mailer\n"
              "slipway.dead-letter \n");
    EXPECT_LE(embedded, most_embedded_partitions);
}

TEST(Catalogue, ThePrefixIsFree) {
    EXPECT_EQ(load_catalogue({}, "test-7.").full_names()[0], "test-7.requests");
}

TEST(Catalogue, AFileMayTakeThePlaceOfTheBuiltInOne) {
    const auto file = std::filesystem::path(testing::TempDir()) / "catalogue_test.yaml";
    std::ofstream(file) << good;

    const auto topic = load_catalogue(file).topics.at(0);

    EXPECT_EQ(topic.key, "service id");
    EXPECT_EQ(topic.retention, std::chrono::days(7));
    EXPECT_EQ(topic.events, std::vector<std::string>{"slipway.request"});
    std::filesystem::remove(file);
    EXPECT_THROW(load_catalogue(file), std::runtime_error);
}

TEST(Catalogue, AWrongFileIsToldWhereWhatAndWhatInstead) {
    const struct {
        std::string yaml;
        std::string why;
    } rows[] = {
        {std::string(good), "was read"},
        {"", "topics.yaml:1: topics: is missing, must hold the topics"},
        {"topics: [", "topics.yaml:1: is not YAML: end of sequence flow not found"},
        {replaced("requests:", "\xFC:"),
         "topics.yaml:2: topics.\uFFFD: is no topic name, must be letters, digits, '.', '_' or "
         "'-', at most 200 with the prefix"},
        {replaced("Because.",
                  "B\xFC"
                  "cause."),
         "topics.yaml:12: topics.requests.why: is no UTF-8 or holds a NUL, must be a text in "
         "UTF-8"},
        {replaced("[billing]", R"(["\N"])"),
         "topics.yaml:9: topics.requests.writers: is no UTF-8 or holds a NUL, must be a text in "
         "UTF-8"},
        {"topcs: {}", "topics.yaml:1: topcs: is not known; did you mean topics?"},
        {replaced("partitions: 6", "partitions: six"),
         "topics.yaml:5: topics.requests.partitions: is \"six\", must be a whole number from 1 to "
         "1000"},
        {replaced("partitions: 6", "partitions: 0"),
         "topics.yaml:5: topics.requests.partitions: is \"0\", must be a whole number from 1 to "
         "1000"},
        {replaced("partitions: 6", "partitons: 6"),
         "topics.yaml:5: topics.requests.partitons: is no key of a topic; did you mean "
         "partitions?"},
        {replaced("embedded_partitions: 2", "embedded_partitions: 21"),
         "topics.yaml:6: topics.requests.embedded_partitions: is \"21\", must be a whole number "
         "from 1 to 20"},
        {replaced("    why: Because.\n", ""),
         "topics.yaml:3: topics.requests.why: is missing, must be a text"},
        {replaced("7d", "a week"),
         "topics.yaml:8: topics.requests.retention: is \"a week\", must be like 7d, 12h or 30m"},
        {replaced("[billing]", "billing"),
         "topics.yaml:9: topics.requests.writers: is no list, must be a list of texts"},
        {replaced("slipway.request]", "slipway.reqest]"),
         "topics.yaml:4: topics.requests.events: \"slipway.reqest\" is no event type; did you mean "
         "slipway.request?"},
        {replaced("requests:", "re quests:"),
         "topics.yaml:2: topics.re quests: is no topic name, must be letters, digits, '.', '_' or "
         "'-', at most 200 with the prefix"},
        {replaced("requests:", "\"\":"),
         "topics.yaml:2: topics.: is no topic name, must be letters, digits, '.', '_' or '-', at "
         "most 200 with the prefix"},
        {std::string(good) + std::string(good).substr(8),
         "topics.yaml:13: topics.requests: is there twice, must be there once"},
        {"topics:\n  requests: 5", "topics.yaml:2: topics.requests: is no mapping, must hold keys"},
    };
    for (const auto& row : rows) EXPECT_EQ(why_wrong(row.yaml), row.why);
}

TEST(Catalogue, TooManyEmbeddedPartitionsInAllAreRefused) {
    auto yaml = replaced("embedded_partitions: 2", "embedded_partitions: 15");
    auto second = yaml.substr(8);
    second.replace(second.find("requests"), 8, "others");

    EXPECT_EQ(why_wrong(yaml + second),
              "topics.yaml:17: topics.others.embedded_partitions: makes 30 partitions in all, must "
              "be at most 20");
}

TEST(Catalogue, AClusterIsToldInWhatItDiffers) {
    const auto wanted = topic_specs(read_catalogue(good, "topics.yaml", "slipway."), 9);
    const TopicAsIs same{.name = "slipway.requests",
                         .partitions = 6,
                         .replication = 3,
                         .configs = {{"cleanup.policy", "delete"},
                                     {"retention.ms", "604800000"},
                                     {"min.insync.replicas", "2"},
                                     {"unclean.leader.election.enable", "false"}}};
    auto other = same;
    other.partitions = 4;
    other.replication = 1;
    other.configs["cleanup.policy"] = "compact";
    other.configs.erase("retention.ms");
    const auto told = [&](const std::vector<TopicAsIs>& cluster) {
        std::string text;
        for (const auto& each : compare(wanted, cluster)) {
            text += each.topic + " " + each.what + ": " + each.is + ", should be " +
                    each.should_be + ": " + each.cure + "\n";
        }
        return text;
    };

    EXPECT_EQ(told({same}), "");
    EXPECT_EQ(told({}),
              "slipway.requests topic: missing, should be there: slipway topics create\n");
    EXPECT_EQ(told({other}),
              "slipway.requests partitions: 4, should be 6: "
              "kafka-topics.sh --alter --topic slipway.requests --partitions 6\n"
              "slipway.requests replication: 1, should be 3: kafka-reassign-partitions.sh\n"
              "slipway.requests cleanup.policy: compact, should be delete: "
              "kafka-configs.sh --alter --entity-type topics --entity-name slipway.requests "
              "--add-config cleanup.policy=delete\n"
              "slipway.requests retention.ms: not set, should be 604800000: "
              "kafka-configs.sh --alter --entity-type topics --entity-name slipway.requests "
              "--add-config retention.ms=604800000\n");
}

TEST(Catalogue, ASmallClusterIsAskedForAsManyCopiesAsItCanKeep) {
    const auto spec = topic_specs(read_catalogue(good, "topics.yaml", "slipway."), 1).at(0);

    EXPECT_EQ(spec.replication, 1);
    EXPECT_EQ(spec.configs.at("min.insync.replicas"), "1");
}

}  // namespace
}  // namespace slipway
