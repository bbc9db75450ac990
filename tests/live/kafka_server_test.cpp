// The harness itself: what the live tests believe about their Kafka is true.

#include "tests/live/kafka_server.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

void publish(const KafkaServer& server, const std::string& topic, const std::string& text) {
    const TempFolder folder;
    const std::filesystem::path file = folder.path() / "message";
    std::ofstream(file) << text;
    run_to_end({.program = find_program("kcat"),
                .arguments = {"-P",
                              "-b",
                              server.brokers(),
                              "-t",
                              topic,
                              "-X",
                              "acks=all",
                              "-X",
                              "message.timeout.ms=20000",
                              file.string()},
                .output = {}},
               30s);
}

// All messages of the topic, one per line.
std::string read_all(const KafkaServer& server, const std::string& topic) {
    return run_to_end(
        {.program = find_program("kcat"),
         .arguments = {"-C", "-b", server.brokers(), "-t", topic, "-o", "beginning", "-e", "-q"},
         .output = {}},
        30s);
}

std::optional<std::string> missing() {
    if (find_program("kcat").empty()) return "no kcat (./ops/install test brings it)";
    return KafkaServer::missing();
}

TEST(KafkaServer, KeepsWhatWasAcknowledgedThroughKillAndRestartAndLosesItWhenWiped) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    KafkaServer server;
    const std::string brokers = server.brokers();
    server.create_topic("kept", 1);
    publish(server, "kept", "one");

    server.kill9();
    server.start();
    publish(server, "kept", "two");
    server.stop();
    server.start();

    EXPECT_EQ(server.brokers(), brokers);
    EXPECT_EQ(read_all(server, "kept"), "one\ntwo\n");

    server.stop();
    server.wipe_topics();
    server.start();
    server.create_topic("kept", 1);

    EXPECT_EQ(read_all(server, "kept"), "");
}

TEST(KafkaServer, OfThreeBrokersSurvivesTheLossOfOne) {
    if (auto why = cannot_run(missing())) GTEST_SKIP() << *why;
    KafkaServer server({.brokers = 3});
    server.create_topic("spread", 3);
    publish(server, "spread", "before");

    server.kill9(0);
    publish(server, "spread", "after");
    server.start(0);

    const std::string all = read_all(server, "spread");
    EXPECT_NE(all.find("before\n"), std::string::npos) << all;
    EXPECT_NE(all.find("after\n"), std::string::npos) << all;
}

}  // namespace
}  // namespace slipway
