// `slipway topics` on a real Kafka: an empty cluster gets its topics, a different one is told how
// it differs and what to do about it, and whoever looks on sees what travels.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/live/kafka_server.h"
#include "tests/live/kafka_topics.h"
#include "tests/live/skipping.h"
#include "tests/live/slipway_process.h"
#include "topics/catalogue.h"
#include "topics/kafka_bus.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

std::optional<std::string> missing() {
    if (auto why = SlipwayProcess::missing()) return why;
    return KafkaServer::missing();
}

// Topics of a test's own on the shared Kafka.
struct Cluster {
    std::string prefix;
    KafkaServer& kafka = KafkaServer::shared();

    std::string config() const {
        return fmt::format("broker: {{kind: kafka, addresses: '{}', topic_prefix: {}}}\n",
                           kafka.brokers(),
                           prefix);
    }
    Ended topics(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "topics");
        return run_slipway({.arguments = std::move(arguments), .config = config()});
    }
    std::unique_ptr<SlipwayProcess> tail(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"topics", "tail"});
        return std::make_unique<SlipwayProcess>(
            SlipwayOptions{.arguments = std::move(arguments), .config = config()});
    }
    KafkaBus bus() const { return KafkaBus({.brokers = kafka.brokers()}); }
};

std::string said(const Ended& ended) {
    return fmt::format("exit code {}\n{}{}", ended.exit_code, ended.output, ended.errors);
}

// Exit code and stdout: what a script and a person see.
std::string answer(const Ended& ended) {
    return fmt::format("exit code {}\n{}", ended.exit_code, ended.output);
}

std::string catalogue_topic(const std::string& name, int partitions, const std::string& retention) {
    return fmt::format(
        "  {}:\n    key: service id\n    partitions: {}\n    embedded_partitions: 1\n"
        "    replication: 1\n    retention: {}\n    writers: []\n    readers: []\n    why: Test.\n",
        name,
        partitions,
        retention);
}

std::string written(const TempFolder& folder, const std::string& name, const std::string& topics) {
    const auto file = folder.path() / name;
    std::ofstream(file) << "topics:\n" << topics;
    return file.string();
}

TEST(TopicsCommand, CreatesOnAnEmptyClusterAndAgainChangesNothing) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "empty."};
    std::string all_missing = "exit code 1\n";
    for (const auto& name : load_catalogue({}, cluster.prefix).full_names())
        all_missing += name + ": topic is missing, should be there\n    slipway topics create\n";
    const std::string all_there = "exit code 0\nall 10 topics are as the catalogue wants them\n";

    EXPECT_EQ(answer(cluster.topics({"--replicas", "1", "check"})), all_missing);
    EXPECT_EQ(answer(cluster.topics({"--replicas", "1", "create"})), all_there);
    EXPECT_EQ(answer(cluster.topics({"--replicas", "1", "check"})), all_there);

    auto bus = cluster.bus();
    bus.publish({.topic = "empty.activity", .key = "5546", .body = "{}"});
    ASSERT_TRUE(bus.flush(10s));
    EXPECT_EQ(answer(cluster.topics({"--replicas", "1", "create"})), all_there);
    const Ended still = cluster.topics({"tail", "activity", "--from-start", "--count", "1"});
    EXPECT_EQ(still.exit_code, 0) << said(still);
    EXPECT_NE(still.output.find("0 5546 - {}\n"), std::string::npos) << said(still);
}

TEST(TopicsCommand, SaysThatThereAreNotBrokersEnoughAndHowToAskForLess) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "three."};

    const Ended refused = cluster.topics({"create"});

    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_NE(refused.output.find("three.requests: could not be created: "), std::string::npos)
        << said(refused);
    EXPECT_TRUE(refused.output.ends_with("    slipway topics create --replicas 1\n"))
        << said(refused);
}

TEST(TopicsCommand, SaysHowAClusterDiffersAndIsContentOnceItIsMended) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "differs."};
    const TempFolder folder;
    const auto before =
        written(folder,
                "before.yaml",
                catalogue_topic("grows", 2, "1h") + catalogue_topic("shrinks", 3, "1h") +
                    catalogue_topic("keeps", 1, "1h"));
    const auto after =
        written(folder,
                "after.yaml",
                catalogue_topic("grows", 4, "1h") + catalogue_topic("shrinks", 1, "1h") +
                    catalogue_topic("keeps", 1, "2h") + catalogue_topic("comes", 1, "1h"));
    const auto grown =
        written(folder,
                "grown.yaml",
                catalogue_topic("grows", 4, "1h") + catalogue_topic("keeps", 1, "1h"));
    ASSERT_EQ(cluster.topics({"--catalogue", before, "create"}).exit_code, 0);
    const std::string partitions =
        "differs.grows: partitions is 2, should be 4\n"
        "    kafka-topics.sh --alter --topic differs.grows --partitions 4\n";
    const std::string others =
        "differs.shrinks: partitions is 3, should be 1\n"
        "    nothing to do: more of them do no harm\n"
        "differs.keeps: retention.ms is 3600000, should be 7200000\n"
        "    kafka-configs.sh --alter --entity-type topics --entity-name differs.keeps "
        "--add-config retention.ms=7200000\n";
    const std::string comes =
        "differs.comes: topic is missing, should be there\n    slipway topics create\n";

    EXPECT_EQ(answer(cluster.topics({"--catalogue", after, "check"})),
              "exit code 1\n" + partitions + others + comes);
    EXPECT_EQ(answer(cluster.topics({"--catalogue", after, "create"})),
              "exit code 1\n" + partitions + others);

    grow_topic(cluster.kafka.brokers(), {.name = "differs.grows", .partitions = 4});
    EXPECT_EQ(answer(cluster.topics({"--catalogue", after, "check"})), "exit code 1\n" + others);
    EXPECT_EQ(answer(cluster.topics({"--catalogue", grown, "check"})),
              "exit code 0\nall 2 topics are as the catalogue wants them\n");
}

TEST(TopicsCommand, IsContentWithMorePartitionsThanWanted) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "more."};
    const TempFolder folder;
    cluster.kafka.create_topic("more.topic", 3);
    const auto fewer = written(folder, "fewer.yaml", catalogue_topic("topic", 1, "7d"));

    const Ended checked = cluster.topics({"--catalogue", fewer, "check"});

    EXPECT_EQ(answer(checked),
              "exit code 0\nmore.topic: partitions is 3, should be 1\n"
              "    nothing to do: more of them do no harm\n");
}

TEST(TopicsCommand, AnswersAWrongCatalogueOrTopicWithTwo) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "wrong."};
    const TempFolder folder;
    const auto wrong = written(folder, "wrong.yaml", catalogue_topic("topic", 0, "7d"));

    const Ended checked = cluster.topics({"--catalogue", wrong, "check"});
    const Ended followed = cluster.topics({"tail", "activty"});

    EXPECT_EQ(said(checked),
              "exit code 2\nslipway: " + wrong +
                  ":4: topics.topic.partitions: is \"0\", must be a whole number from 1 to 1000\n");
    EXPECT_EQ(said(followed),
              "exit code 2\nslipway: there is no topic \"activty\"; did you mean activity?\n");
}

// Publishes message after message until one is seen; from then on none may be missing. (The newest
// offset is that at the moment the reader's first fetch is answered, which nobody outside knows.)
int publish_until_seen(KafkaBus& bus, const std::string& topic, SlipwayProcess& reader) {
    for (int number = 1; number <= 300; ++number) {
        bus.publish({.topic = topic, .key = "5546", .body = fmt::format("early {}", number)});
        if (reader.wait_for_line("early ", 100ms)) return number;
    }
    return 0;
}

TEST(TopicsTail, PrintsWhatIsPublishedWhileItRunsAndEndsPolitely) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "tail."};
    cluster.kafka.create_topic("tail.activity", 1);
    auto bus = cluster.bus();
    bus.publish({.topic = "tail.activity", .key = "1", .body = "before it began"});
    ASSERT_TRUE(bus.flush(10s));

    const auto tail = cluster.tail({"activity"});
    ASSERT_GT(publish_until_seen(bus, "tail.activity", *tail), 0) << tail->tail();
    bus.publish({.topic = "tail.activity",
                 .key = "5546",
                 .body = "while\xFF it runs",
                 .headers = {{"ce_type", "slipway.activity"}}});
    bus.publish({.topic = "tail.activity", .key = "7", .body = "the last"});
    ASSERT_TRUE(tail->wait_for_line("the last", 20s)) << tail->tail();

    EXPECT_EQ(tail->stop(10s), 0) << tail->tail();
    const std::string output = tail->output();
    EXPECT_EQ(output.find("before it began"), std::string::npos) << output;
    EXPECT_NE(output.find(" 5546 slipway.activity while\uFFFD it runs\n0/"), std::string::npos)
        << output;
    EXPECT_NE(output.find(" 7 - the last\n"), std::string::npos) << output;
}

TEST(TopicsTail, BeginsWithTheOldestIfAskedTo) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    const Cluster cluster{.prefix = "oldest."};
    cluster.kafka.create_topic("oldest.activity", 1);
    auto bus = cluster.bus();
    for (const auto* key : {"a", "b", "a"})
        bus.publish({.topic = "oldest.activity", .key = key, .body = "{}"});
    ASSERT_TRUE(bus.flush(10s));

    const Ended all = cluster.topics({"tail", "activity", "--from-start", "--count", "3"});
    // The full name will do as well.
    const Ended some =
        cluster.topics({"tail", "oldest.activity", "--from-start", "--key", "a", "--count", "2"});

    EXPECT_EQ(answer(all), "exit code 0\n0/0 a - {}\n0/1 b - {}\n0/2 a - {}\n");
    EXPECT_EQ(answer(some), "exit code 0\n0/0 a - {}\n0/2 a - {}\n");
}

}  // namespace
}  // namespace slipway
