#include "topics/kafka_admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "topics/kafka_handle.h"

namespace slipway {

namespace {

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, DestroyWith<rd_kafka_NewTopic_destroy>>;
using AdminOptions =
    std::unique_ptr<rd_kafka_AdminOptions_t, DestroyWith<rd_kafka_AdminOptions_destroy>>;
using ConfigResource =
    std::unique_ptr<rd_kafka_ConfigResource_t, DestroyWith<rd_kafka_ConfigResource_destroy>>;

KafkaHandle admin_handle(const KafkaSettings& settings) {
    return open_handle(RD_KAFKA_PRODUCER, make_conf(settings, {}));
}

AdminOptions options_for(rd_kafka_t* handle,
                         rd_kafka_admin_op_t operation,
                         std::chrono::milliseconds longest) {
    AdminOptions options(rd_kafka_AdminOptions_new(handle, operation));
    std::array<char, 256> why{};
    const auto milliseconds = static_cast<int>(longest.count());
    rd_kafka_AdminOptions_set_request_timeout(options.get(), milliseconds, why.data(), why.size());
    if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS) {
        rd_kafka_AdminOptions_set_operation_timeout(
            options.get(), milliseconds, why.data(), why.size());
    }
    return options;
}

// The answer to the one request on `queue`.
KafkaEvent answer_on(rd_kafka_queue_t* queue, std::chrono::milliseconds longest) {
    KafkaEvent event(rd_kafka_queue_poll(queue, static_cast<int>(longest.count()) + 1'000));
    if (!event) throw std::runtime_error("kafka: the brokers do not answer");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error(
            fmt::format("kafka: {}", rd_kafka_event_error_string(event.get())));
    }
    return event;
}

NewTopic new_topic(const TopicSpec& spec) {
    std::array<char, 256> why{};
    NewTopic topic(rd_kafka_NewTopic_new(
        spec.name.c_str(), spec.partitions, spec.replication, why.data(), why.size()));
    if (!topic) throw std::runtime_error(fmt::format("topic {}: {}", spec.name, why.data()));
    for (const auto& [name, value] : spec.configs) {
        rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    }
    return topic;
}

std::vector<TopicAsIs> shapes_of(rd_kafka_t* handle,
                                 const std::vector<std::string>& names,
                                 std::chrono::milliseconds longest) {
    const rd_kafka_metadata_t* answer = nullptr;
    const auto error =
        rd_kafka_metadata(handle, 1, nullptr, &answer, static_cast<int>(longest.count()));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error(fmt::format("kafka: {}", rd_kafka_err2str(error)));
    }
    const KafkaMetadata metadata(answer);
    std::vector<TopicAsIs> found;
    for (int at = 0; at < metadata->topic_cnt; ++at) {
        const auto& topic = metadata->topics[at];
        if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        if (std::find(names.begin(), names.end(), topic.topic) == names.end()) continue;
        found.push_back(
            {.name = topic.topic,
             .partitions = topic.partition_cnt,
             .replication = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0});
    }
    return found;
}

// One broker may list a topic before the one that is asked for its configuration knows of it.
bool is_known(const rd_kafka_ConfigResource_t* resource) {
    const auto error = rd_kafka_ConfigResource_error(resource);
    if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return false;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    const char* why = rd_kafka_ConfigResource_error_string(resource);
    throw std::runtime_error(fmt::format("kafka: the configuration of topic {} cannot be read: {}",
                                         rd_kafka_ConfigResource_name(resource),
                                         why ? why : rd_kafka_err2str(error)));
}

void read_configs(const rd_kafka_ConfigResource_t* resource, TopicAsIs& topic) {
    std::size_t count = 0;
    const auto* const* entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (std::size_t at = 0; at < count; ++at) {
        const char* value = rd_kafka_ConfigEntry_value(entries[at]);
        topic.configs[rd_kafka_ConfigEntry_name(entries[at])] = value ? value : "";
    }
}

}  // namespace

std::vector<TopicRefused> create_topics(const KafkaSettings& settings,
                                        const std::vector<TopicSpec>& topics,
                                        std::chrono::milliseconds longest) {
    const auto handle = admin_handle(settings);
    std::vector<NewTopic> owned;
    std::vector<rd_kafka_NewTopic_t*> wanted;
    for (const auto& spec : topics) wanted.push_back(owned.emplace_back(new_topic(spec)).get());

    const KafkaQueue queue(rd_kafka_queue_new(handle.get()));
    const auto options = options_for(handle.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, longest);
    rd_kafka_CreateTopics(handle.get(), wanted.data(), wanted.size(), options.get(), queue.get());
    const auto event = answer_on(queue.get(), longest);

    std::vector<TopicRefused> refused;
    std::size_t count = 0;
    const auto* const* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (std::size_t at = 0; at < count; ++at) {
        const auto error = rd_kafka_topic_result_error(results[at]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR ||
            error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            continue;
        }
        const char* why = rd_kafka_topic_result_error_string(results[at]);
        refused.push_back({.name = rd_kafka_topic_result_name(results[at]),
                           .why = why ? why : rd_kafka_err2str(error)});
    }
    return refused;
}

std::vector<TopicAsIs> describe_topics(const KafkaSettings& settings,
                                       const std::vector<std::string>& names,
                                       std::chrono::milliseconds longest) {
    const auto handle = admin_handle(settings);
    auto topics = shapes_of(handle.get(), names, longest);
    if (topics.empty()) return topics;

    std::vector<ConfigResource> owned;
    std::vector<rd_kafka_ConfigResource_t*> wanted;
    for (const auto& topic : topics) {
        wanted.push_back(owned
                             .emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC,
                                                                       topic.name.c_str()))
                             .get());
    }
    const KafkaQueue queue(rd_kafka_queue_new(handle.get()));
    const auto options = options_for(handle.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, longest);
    rd_kafka_DescribeConfigs(
        handle.get(), wanted.data(), wanted.size(), options.get(), queue.get());
    const auto event = answer_on(queue.get(), longest);

    std::size_t count = 0;
    const auto* const* resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event.get()), &count);
    for (std::size_t at = 0; at < count; ++at) {
        const std::string name = rd_kafka_ConfigResource_name(resources[at]);
        if (!is_known(resources[at]))
            std::erase_if(topics, [&](const TopicAsIs& topic) { return topic.name == name; });
        for (auto& topic : topics) {
            if (topic.name == name) read_configs(resources[at], topic);
        }
    }
    return topics;
}

}  // namespace slipway
