// The Bus contract on a real Kafka: the version we test on, and the oldest one we promise.

#include "tests/contract/bus_contract.h"
#include "tests/live/kafka_server.h"
#include "tests/live/skipping.h"
#include "topics/kafka_bus.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// One Kafka at a time: the suites run one after the other, and each server takes 350 MiB.
KafkaServer& server_of(const std::string& version) {
    static std::string running;
    static std::unique_ptr<KafkaServer> server;
    if (running != version) {
        server.reset();
        server = std::make_unique<KafkaServer>(KafkaOptions{.version = version});
        running = version;
    }
    return *server;
}

BusUnderTest bus_on(const std::string& version) {
    return {.make =
                [version](BusNeeds needs) {
                    return std::make_unique<KafkaBus>(KafkaSettings{
                        .brokers = needs.reachable ? server_of(version).brokers() : "127.0.0.1:1",
                        .most_unacknowledged = needs.most_unacknowledged});
                },
            .fresh_topic =
                [version, made = 0](int partitions) mutable {
                    std::string name = "contract-" + std::to_string(++made);
                    server_of(version).create_topic(name, partitions);
                    return name;
                },
            .break_producer = [](Bus& bus) { dynamic_cast<KafkaBus&>(bus).break_producer(); },
            .cannot_run = [version] { return cannot_run(KafkaServer::missing(version)); }};
}

BusUnderTest& bus_on_kafka_4_3() {
    static BusUnderTest under_test = bus_on("4.3.0");
    return under_test;
}

BusUnderTest& bus_on_kafka_3_9() {
    static BusUnderTest under_test = bus_on("3.9.1");
    return under_test;
}

INSTANTIATE_TEST_SUITE_P(Kafka43, BusContract, testing::Values(&bus_on_kafka_4_3));
INSTANTIATE_TEST_SUITE_P(Kafka39, BusContract, testing::Values(&bus_on_kafka_3_9));

}  // namespace
}  // namespace slipway
