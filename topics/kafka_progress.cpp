#include "topics/kafka_progress.h"

#include <algorithm>

namespace slipway {

namespace {

constexpr int longest_ms = 2'000;

// Every partition of the topic, each with `offset`; null if the broker did not answer.
KafkaPartitions partitions_of(rd_kafka_t* handle, const std::string& name, std::int64_t offset) {
    const KafkaTopic topic(rd_kafka_topic_new(handle, name.c_str(), nullptr));
    const rd_kafka_metadata_t* answer = nullptr;
    if (rd_kafka_metadata(handle, 0, topic.get(), &answer, longest_ms) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nullptr;
    }
    const KafkaMetadata metadata(answer);
    if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nullptr;
    }
    const int count = metadata->topics[0].partition_cnt;
    KafkaPartitions list(rd_kafka_topic_partition_list_new(count));
    for (int number = 0; number < count; ++number) {
        rd_kafka_topic_partition_list_add(list.get(), name.c_str(), number)->offset = offset;
    }
    return list;
}

// Asked as "offset at time -1 (the end) or -2 (the beginning)": the watermark query of 2.0.2
// disregards its time limit.
bool look_up(rd_kafka_t* handle, rd_kafka_topic_partition_list_t* list) {
    if (rd_kafka_offsets_for_times(handle, list, longest_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    return std::all_of(list->elems, list->elems + list->cnt, [](const auto& each) {
        return each.err == RD_KAFKA_RESP_ERR_NO_ERROR && each.offset >= 0;
    });
}

}  // namespace

rd_kafka_t* KafkaProgress::handle_for(std::string_view group) {
    const auto found = handles_.find(group);
    if (found != handles_.end()) return found->second.get();
    auto conf =
        make_conf(settings_, {{"group.id", std::string(group)}, {"enable.auto.commit", "false"}});
    auto handle = open_handle(RD_KAFKA_CONSUMER, std::move(conf));
    return handles_.emplace(group, std::move(handle)).first->second.get();
}

std::optional<GroupProgress> KafkaProgress::of(std::string_view group, std::string_view topic) {
    const std::lock_guard lock(mutex_);
    const std::string name(topic);
    auto* handle = handle_for(group);
    const auto ends = partitions_of(handle, name, RD_KAFKA_OFFSET_END);
    if (!ends || !look_up(handle, ends.get())) return std::nullopt;

    const KafkaPartitions committed(rd_kafka_topic_partition_list_copy(ends.get()));
    if (rd_kafka_committed(handle, committed.get(), longest_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return std::nullopt;
    }
    KafkaPartitions beginnings;
    GroupProgress progress;
    for (int at = 0; at < ends->cnt; ++at) {
        progress.end += ends->elems[at].offset;
        auto from = committed->elems[at].offset;
        if (from < 0) {  // nothing committed yet: the group will begin at the beginning
            if (!beginnings) {
                beginnings = partitions_of(handle, name, RD_KAFKA_OFFSET_BEGINNING);
                if (!beginnings || beginnings->cnt != ends->cnt ||
                    !look_up(handle, beginnings.get())) {
                    return std::nullopt;
                }
            }
            from = beginnings->elems[at].offset;
        }
        progress.committed += from;
    }
    return progress;
}

}  // namespace slipway
