// What a broker may do to a producer, done by librdkafka's own mock of one.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include <set>

#include "topics/kafka_bus.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class MockBroker {
  public:
    MockBroker() {
        char why[256];
        auto* conf = rd_kafka_conf_new();
        rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof why);
        handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
        cluster_ = rd_kafka_handle_mock_cluster(handle_);
        rd_kafka_mock_topic_create(cluster_, "t", 1, 1);
        rd_kafka_mock_broker_set_rtt(cluster_, 1, 100);  // so that several batches are under way
    }
    ~MockBroker() { rd_kafka_destroy(handle_); }
    MockBroker(const MockBroker&) = delete;
    MockBroker& operator=(const MockBroker&) = delete;

    std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

    void answer_next_produce_with(rd_kafka_resp_err_t error) {
        constexpr std::int16_t produce = 0;  // its number in the protocol
        rd_kafka_mock_push_request_errors(cluster_, produce, 1, error);
    }

  private:
    rd_kafka_t* handle_ = nullptr;
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

std::set<std::string> keys_on(KafkaBus& bus, std::size_t wanted) {
    std::set<std::string> keys;
    const auto consumer = bus.subscribe({.group = "g", .topics = {"t"}});
    const auto until = std::chrono::steady_clock::now() + 15s;
    while (keys.size() < wanted && std::chrono::steady_clock::now() < until)
        for (const Received& received : consumer->poll(50ms, 100))
            keys.insert(received.message.key);
    return keys;
}

// The broker refuses the first batch of a new producer and takes the second, as Kafka does while a
// topic is being made. librdkafka calls the first one delivered then, though nobody has it.
TEST(KafkaProducer, SendsAgainWhatIsOnlyConcludedToHaveArrived) {
    MockBroker broker;
    KafkaBus bus({.brokers = broker.address(), .embedded = true});
    ASSERT_TRUE(bus.warm_up({"t"}, 5s));
    broker.answer_next_produce_with(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);

    const std::string a_batch_of_its_own(200'000, 'x');
    for (const char* key : {"first", "second", "third"})
        bus.publish({.topic = "t", .key = key, .body = a_batch_of_its_own, .headers = {}});

    ASSERT_TRUE(bus.flush(10s));
    EXPECT_EQ(keys_on(bus, 3), (std::set<std::string>{"first", "second", "third"}));
}

}  // namespace
}  // namespace slipway
