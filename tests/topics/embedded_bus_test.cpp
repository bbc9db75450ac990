// The Bus contract on the embedded broker, and what is particular to that broker.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "tests/contract/bus_contract.h"
#include "topics/embedded_broker.h"
#include "topics/kafka_bus.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

KafkaSettings settings_for(const std::string& address) {
    return {.brokers = address, .session_timeout = 3500ms, .embedded = true};
}

std::string topic_name(int partitions, int number) {
    return "of-" + std::to_string(partitions) + "-" + std::to_string(number);
}

EmbeddedBroker& shared_broker() {
    static EmbeddedBroker broker([] {
        EmbeddedBrokerSettings settings{.command = {EMBEDDED_BROKER}};
        for (int number = 0; number < 10; ++number) {
            settings.topics.push_back({topic_name(1, number), 1});
            settings.topics.push_back({topic_name(4, number), 4});
        }
        return settings;
    }());
    return broker;
}

BusUnderTest& bus_on_the_embedded_broker() {
    static std::map<int, int> taken;
    static BusUnderTest under_test{
        .make =
            [](BusNeeds needs) {
                auto settings =
                    settings_for(needs.reachable ? shared_broker().address() : "127.0.0.1:1");
                settings.most_unacknowledged = needs.most_unacknowledged;
                return std::make_unique<KafkaBus>(settings);
            },
        .fresh_topic = [](int partitions) { return topic_name(partitions, taken[partitions]++); },
        .break_producer = [](Bus& bus) { dynamic_cast<KafkaBus&>(bus).break_producer(); }};
    return under_test;
}

INSTANTIATE_TEST_SUITE_P(Embedded, BusContract, testing::Values(&bus_on_the_embedded_broker));

TEST(EmbeddedBroker, IsStartedAgainWhereItWasWhenItDies) {
    std::mutex mutex;
    std::condition_variable told;
    bool restarted = false;
    EmbeddedBroker broker({.command = {EMBEDDED_BROKER}, .topics = {{"t", 3}}, .on_restarted = [&] {
                               const std::lock_guard lock(mutex);
                               restarted = true;
                               told.notify_all();
                           }});
    const auto& address = broker.address();
    KafkaBus bus(settings_for(address));
    EXPECT_TRUE(bus.warm_up({"t"}, 5s));
    bus.publish({.topic = "t", .key = "k", .body = "before"});
    ASSERT_TRUE(bus.flush(10s));

    ::kill(broker.pid(), SIGKILL);
    {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(told.wait_for(lock, 10s, [&] { return restarted; }));
    }

    EXPECT_EQ(broker.address(), address);
    bus.publish({.topic = "t", .key = "k", .body = "after"});
    EXPECT_TRUE(bus.flush(10s));
    const auto progress = bus.progress("anyone", "t");
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->end, 1);
}

TEST(EmbeddedBroker, SaysSoWhenItCannotStart) {
    const auto why = [](std::string command, int port) -> std::string {
        try {
            const EmbeddedBroker broker({.command = {std::move(command)}, .port = port});
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "started";
    };
    const int taken = std::stoi(shared_broker().address().substr(10));

    EXPECT_EQ(why("/nonexistent", 0), "embedded broker: /nonexistent: No such file or directory");
    EXPECT_EQ(why("true", 0), "embedded broker: the child ended at once");
    EXPECT_EQ(
        why(EMBEDDED_BROKER, taken),
        "embedded broker: it does not start on port " + std::to_string(taken) + "; is it taken?");
}

// Nothing is printed or waited for by us: the kernel closes the child's standard input.
TEST(EmbeddedBroker, EndsWithItsParentHoweverThatEnds) {
    std::array<int, 2> told{};
    ASSERT_EQ(pipe2(told.data(), O_CLOEXEC), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        const EmbeddedBroker broker({.command = {EMBEDDED_BROKER}});
        const pid_t child = broker.pid();
        static_cast<void>(!write(told[1], &child, sizeof child));
        ::raise(SIGKILL);
    }
    pid_t child = -1;
    ASSERT_EQ(read(told[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    ::waitpid(parent, nullptr, 0);
    ::close(told[0]);
    ::close(told[1]);

    // An orphan that ended may stay a zombie for as long as nobody collects it.
    const auto ended = [child] {
        std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
        std::string text;
        std::getline(stat, text);
        return text.empty() || text.find(") Z ") != std::string::npos;
    };
    EXPECT_TRUE(comes_true(ended, [] { std::this_thread::yield(); }));
}

TEST(EmbeddedBroker, KcatProducesAndReadsAsAMemberOfAGroup) {
    ASSERT_EQ(std::system("command -v kcat >/dev/null"), 0) << "ops/install brings kcat";
    const auto broker = "kcat -b " + shared_broker().address();
    const auto topic = topic_name(1, 9);
    ASSERT_EQ(
        std::system(("printf 'k:one\\nk:two\\n' | " + broker + " -P -K: -t " + topic).c_str()), 0);

    const auto output_of = [](const std::string& command) {
        std::string output;
        auto* pipe = popen(command.c_str(), "r");
        std::array<char, 256> line{};
        while (fgets(line.data(), line.size(), pipe)) output += line.data();
        pclose(pipe);
        return output;
    };
    EXPECT_EQ(output_of(broker + " -q -C -e -o beginning -f '%k=%s\\n' -t " + topic),
              "k=one\nk=two\n");
    EXPECT_EQ(
        output_of(broker + " -q -c 2 -X auto.offset.reset=earliest -f '%s\\n' -G kcat " + topic),
        "one\ntwo\n");
}

TEST(KafkaBus, RefusesPropertiesItReliesOnAndThoseThatDoNotExist) {
    const auto why = [](std::string name, std::string value) -> std::string {
        try {
            const KafkaBus bus({.brokers = "127.0.0.1:1", .properties = {{name, value}}});
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "was taken";
    };
    EXPECT_EQ(why("enable.idempotence", "false"),
              "kafka property enable.idempotence: is set by Slipway, which relies on it; leave it "
              "out");
    EXPECT_EQ(why("securty.protocol", "ssl"),
              "kafka property securty.protocol: No such configuration property: "
              "\"securty.protocol\"");
    EXPECT_EQ(why("security.protocol", "plaintext"), "was taken");
}

}  // namespace
}  // namespace slipway
