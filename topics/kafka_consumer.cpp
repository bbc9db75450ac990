#include "topics/kafka_consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace slipway {

struct KafkaConsumer::Context : KafkaSettings {
    KafkaConsumer* consumer = nullptr;
};

namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds session_timeout(const KafkaSettings& settings) {
    if (settings.session_timeout > 0ms) return settings.session_timeout;
    return settings.embedded ? 4'000ms : 10'000ms;
}

// The embedded broker sleeps an empty fetch out in full; a real one answers when enough is there.
std::string longest_fetch(const KafkaSettings& settings, const Subscription& subscription) {
    if (settings.embedded) return "1";
    return subscription.gather > 0ms ? std::to_string(subscription.gather.count()) : "100";
}

std::vector<Header> headers_of(const rd_kafka_message_t& message) {
    std::vector<Header> headers;
    rd_kafka_headers_t* found = nullptr;
    if (rd_kafka_message_headers(&message, &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return headers;
    const auto count = rd_kafka_header_cnt(found);
    headers.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        if (rd_kafka_header_get_all(found, at, &name, &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        headers.push_back({name, std::string(static_cast<const char*>(value), value ? size : 0)});
    }
    return headers;
}

std::string bytes_of(const void* bytes, std::size_t size) {
    return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string();
}

Received received_from(const rd_kafka_message_t& message) {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const auto timestamp = rd_kafka_message_timestamp(&message, &type);
    return {.message = {.topic = rd_kafka_topic_name(message.rkt),
                        .key = bytes_of(message.key, message.key_len),
                        .body = bytes_of(message.payload, message.len),
                        .headers = headers_of(message)},
            .partition = message.partition,
            .offset = message.offset,
            .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp};
}

// An exception must not pass through librdkafka's C frames.
void call(const std::function<void(const std::vector<Partition>&)>& listener,
          const std::vector<Partition>& partitions,
          const KafkaSettings& settings) {
    if (!listener) return;
    try {
        listener(partitions);
    } catch (const std::exception& error) {
        tell(settings, BusNews::Error, fmt::format("rebalance listener: {}", error.what()));
    }
}

}  // namespace

KafkaConsumer::KafkaConsumer(const KafkaSettings& settings, Subscription subscription)
    : subscription_(std::move(subscription)),
      context_(std::make_shared<Context>(Context{settings, nullptr})) {
    open();
}

KafkaConsumer::~KafkaConsumer() {
    close();
}

void KafkaConsumer::open() {
    context_->consumer = this;
    const auto session = session_timeout(*context_);
    auto conf = make_conf(
        *context_,
        {{"group.id", subscription_.group},
         {"enable.auto.commit", "true"},
         {"auto.commit.interval.ms", std::to_string(context_->commit_interval.count())},
         {"enable.auto.offset.store", "false"},
         {"auto.offset.reset", subscription_.begin == Begin::Earliest ? "earliest" : "latest"},
         {"partition.assignment.strategy", "range,roundrobin"},
         {"session.timeout.ms", std::to_string(session.count())},
         {"heartbeat.interval.ms",
          std::to_string(std::min<std::int64_t>(3'000, session.count() / 10))},
         {"fetch.wait.max.ms", longest_fetch(*context_, subscription_)},
         {"fetch.min.bytes", subscription_.gather > 0ms ? "65536" : "1"},
         {"fetch.error.backoff.ms", "50"},
         // Reaching either bound costs a whole second in 2.0.2, which looks again only then: with
         // 1,000 messages a partition is read at 1,000 a second. So they are wide.
         {"queued.min.messages", "100000"},
         {"queued.max.messages.kbytes", "32768"}});
    rd_kafka_conf_set_rebalance_cb(conf.get(), rebalance);
    handle_ = open_handle(RD_KAFKA_CONSUMER, std::move(conf));
    rd_kafka_poll_set_consumer(handle_.get());

    const KafkaPartitions topics(
        rd_kafka_topic_partition_list_new(static_cast<int>(subscription_.topics.size())));
    for (const auto& topic : subscription_.topics) {
        rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    }
    const auto error = rd_kafka_subscribe(handle_.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error(fmt::format(
            "group {}: cannot subscribe: {}", subscription_.group, rd_kafka_err2str(error)));
    }
}

void KafkaConsumer::rebalance(rd_kafka_t* handle,
                              rd_kafka_resp_err_t error,
                              rd_kafka_topic_partition_list_t* partitions,
                              void* opaque) {
    auto* consumer = static_cast<Context*>(static_cast<KafkaSettings*>(opaque))->consumer;
    if (consumer == nullptr) {
        rd_kafka_assign(handle, nullptr);
    } else if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        consumer->assigned(partitions);
    } else {
        consumer->revoked();
    }
}

void KafkaConsumer::assigned(rd_kafka_topic_partition_list_t* partitions) {
    std::vector<Partition> gained;
    for (int at = 0; at < partitions->cnt; ++at) {
        gained.push_back({partitions->elems[at].topic, partitions->elems[at].partition});
        ours_[gained.back()] = {};
    }
    rd_kafka_assign(handle_.get(), partitions);
    if (paused_) rd_kafka_pause_partitions(handle_.get(), partitions);
    tell(*context_,
         BusNews::Info,
         fmt::format("group {}: {} partitions assigned", subscription_.group, gained.size()));
    call(subscription_.on_assigned, gained, *context_);
}

void KafkaConsumer::revoked() {
    std::vector<Partition> lost;
    for (const auto& [partition, finished] : ours_) lost.push_back(partition);
    // The listener may still say what is finished; unassigning commits it.
    call(subscription_.on_revoked, lost, *context_);
    store_finished();
    ours_.clear();
    polled_.clear();
    rd_kafka_assign(handle_.get(), nullptr);
}

std::vector<Received> KafkaConsumer::poll(std::chrono::milliseconds longest, std::size_t most) {
    polled_.clear();
    if (!handle_) return {};
    store_finished();
    auto wait = static_cast<int>(longest.count());
    while (polled_.size() < most) {
        const KafkaMessage message(rd_kafka_consumer_poll(handle_.get(), wait));
        if (!message || !take(*message)) break;
        wait = 0;
    }
    if (broken_) {
        broken_ = false;
        close();
        open();
    }
    return std::exchange(polled_, {});
}

// False after a piece of news, so that poll() returns rather than waits anew.
bool KafkaConsumer::take(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        polled_.push_back(received_from(message));
        return true;
    }
    tell(*context_,
         BusNews::Warning,
         fmt::format("group {}: {}", subscription_.group, rd_kafka_message_errstr(&message)));
    broken_ = message.err == RD_KAFKA_RESP_ERR__FATAL;
    return false;
}

void KafkaConsumer::finished_below(const Position& next) {
    const auto found = ours_.find({next.topic, next.partition});
    if (found == ours_.end() || found->second.below >= next.offset) return;
    found->second = {.below = next.offset, .stored = false};
}

void KafkaConsumer::store_finished() {
    KafkaPartitions list;
    for (auto& [partition, finished] : ours_) {
        if (finished.stored) continue;
        finished.stored = true;
        if (!list) list.reset(rd_kafka_topic_partition_list_new(8));
        rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)
            ->offset = finished.below;
    }
    // A partition lost meanwhile is refused, one by one, which is what we want.
    if (list) rd_kafka_offsets_store(handle_.get(), list.get());
}

KafkaPartitions KafkaConsumer::ours() const {
    KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(ours_.size())));
    for (const auto& [partition, finished] : ours_) {
        rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number);
    }
    return list;
}

void KafkaConsumer::pause() {
    if (paused_ || !handle_) return;
    paused_ = true;
    rd_kafka_pause_partitions(handle_.get(), ours().get());
}

// Only what was paused is resumed: 2.0.2 fetches from an old position otherwise.
void KafkaConsumer::resume() {
    if (!paused_ || !handle_) return;
    paused_ = false;
    rd_kafka_resume_partitions(handle_.get(), ours().get());
}

void KafkaConsumer::close() {
    if (!handle_) return;
    store_finished();
    leave();
    if (!ours_.empty()) revoked();
    context_->consumer = nullptr;
    if (!destroy_within(std::move(handle_), context_->close_timeout, context_)) {
        tell(*context_,
             BusNews::Warning,
             fmt::format("group {}: closing takes long; it goes on without us waiting",
                         subscription_.group));
    }
}

// The last commit and the farewell to the group. Events rather than callbacks: among them may be
// messages, and librdkafka aborts when it has to call back for one of those.
void KafkaConsumer::leave() {
    const KafkaQueue queue(rd_kafka_queue_new(handle_.get()));
    if (auto* error = rd_kafka_consumer_close_queue(handle_.get(), queue.get())) {
        rd_kafka_error_destroy(error);
        return;
    }
    const auto deadline = std::chrono::steady_clock::now() + context_->close_timeout;
    while (rd_kafka_consumer_closed(handle_.get()) == 0 &&
           std::chrono::steady_clock::now() < deadline) {
        const KafkaEvent event(rd_kafka_queue_poll(queue.get(), 10));
        if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
        rebalance(handle_.get(),
                  rd_kafka_event_error(event.get()),
                  rd_kafka_event_topic_partition_list(event.get()),
                  static_cast<KafkaSettings*>(context_.get()));
    }
}

}  // namespace slipway
