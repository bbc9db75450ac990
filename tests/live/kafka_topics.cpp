#include "tests/live/kafka_topics.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace slipway {
namespace {

using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

constexpr int answer_within_ms = 30'000;

void throw_if(bool failed, const std::string& what) {
    if (failed) throw std::runtime_error(what);
}

Client make_client(const std::string& brokers) {
    char text[512] = {};
    rd_kafka_conf_t* settings = rd_kafka_conf_new();
    rd_kafka_conf_set(settings, "bootstrap.servers", brokers.c_str(), text, sizeof text);
    Client client(rd_kafka_new(RD_KAFKA_PRODUCER, settings, text, sizeof text), rd_kafka_destroy);
    throw_if(!client, text);
    return client;
}

bool has_leaders(rd_kafka_t* client, const NewTopic& topic) {
    std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> handle(
        rd_kafka_topic_new(client, topic.name.c_str(), nullptr), rd_kafka_topic_destroy);
    const rd_kafka_metadata_t* found = nullptr;
    if (rd_kafka_metadata(client, 0, handle.get(), &found, answer_within_ms) != 0) return false;
    const rd_kafka_metadata_topic_t& seen = found->topics[0];
    bool all = seen.err == 0 && seen.partition_cnt == topic.partitions;
    for (int number = 0; all && number < seen.partition_cnt; ++number) {
        all = seen.partitions[number].leader >= 0;
    }
    rd_kafka_metadata_destroy(found);
    return all;
}

void wait_for_leaders(rd_kafka_t* client, const NewTopic& topic) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!has_leaders(client, topic)) {
        throw_if(std::chrono::steady_clock::now() > deadline, topic.name + " gets no leader");
        rd_kafka_poll(client, 10);
    }
}

}  // namespace

void create_topic(const std::string& brokers, const NewTopic& topic) {
    const Client client = make_client(brokers);
    const Queue answers(rd_kafka_queue_new(client.get()), rd_kafka_queue_destroy);
    char text[512] = {};
    rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(
        topic.name.c_str(), topic.partitions, topic.replicas, text, sizeof text);
    throw_if(!wanted, text);
    rd_kafka_CreateTopics(client.get(), &wanted, 1, nullptr, answers.get());
    rd_kafka_NewTopic_destroy(wanted);

    const Event event(rd_kafka_queue_poll(answers.get(), answer_within_ms), rd_kafka_event_destroy);
    throw_if(!event, "CreateTopics " + topic.name + ": no answer");
    throw_if(
        rd_kafka_event_error(event.get()) != 0,
        "CreateTopics " + topic.name + ": " + rd_kafka_err2str(rd_kafka_event_error(event.get())));
    std::size_t count = 0;
    const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    throw_if(count != 1 || rd_kafka_topic_result_error(results[0]) != 0,
             "CreateTopics " + topic.name + ": " +
                 (count == 1 ? rd_kafka_err2str(rd_kafka_topic_result_error(results[0])) : "?"));

    wait_for_leaders(client.get(), topic);
}

void grow_topic(const std::string& brokers, const NewTopic& topic) {
    const Client client = make_client(brokers);
    const Queue answers(rd_kafka_queue_new(client.get()), rd_kafka_queue_destroy);
    char text[512] = {};
    rd_kafka_NewPartitions_t* wanted = rd_kafka_NewPartitions_new(
        topic.name.c_str(), static_cast<std::size_t>(topic.partitions), text, sizeof text);
    throw_if(!wanted, text);
    rd_kafka_CreatePartitions(client.get(), &wanted, 1, nullptr, answers.get());
    rd_kafka_NewPartitions_destroy(wanted);
    const Event event(rd_kafka_queue_poll(answers.get(), answer_within_ms), rd_kafka_event_destroy);
    throw_if(!event || rd_kafka_event_error(event.get()) != 0,
             "CreatePartitions " + topic.name + ": refused or no answer");
    wait_for_leaders(client.get(), topic);
}

}  // namespace slipway
