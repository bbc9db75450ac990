#include "topics/kafka_producer.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {

namespace {

using namespace std::chrono_literals;

constexpr auto pause_before_again = 200ms;

// A batch grows beyond this only by being a single message. So a message larger than this, refused
// for its size, is refused for good; a smaller one shared its batch and is sent again.
constexpr std::size_t batch_bytes = 128U << 10U;

std::size_t size_of(const Message& message) {
    std::size_t bytes = message.key.size() + message.body.size();
    for (const auto& header : message.headers) bytes += header.name.size() + header.value.size();
    return bytes;
}

}  // namespace

KafkaProducer::KafkaProducer(const KafkaSettings& settings, std::chrono::milliseconds linger)
    : settings_(settings), linger_(linger) {
    open();
    thread_ = std::thread([this] { serve(); });
}

KafkaProducer::~KafkaProducer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (queue_) rd_kafka_queue_yield(queue_.get());
    }
    thread_.join();
    topics_.clear();
    queue_.reset();
    if (handle_) rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void KafkaProducer::open() {
    auto conf = make_conf(settings_,
                          {{"enable.idempotence", "true"},
                           {"acks", "all"},
                           {"message.timeout.ms", "0"},
                           {"partitioner", "murmur2_random"},
                           {"batch.size", std::to_string(batch_bytes)},
                           {"linger.ms", std::to_string(linger_.count())},
                           {"retry.backoff.ms", "50"}});
    rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    auto handle = open_handle(RD_KAFKA_PRODUCER, std::move(conf));
    const std::lock_guard lock(mutex_);
    handle_ = std::move(handle);
    queue_.reset(rd_kafka_queue_get_main(handle_.get()));
    ready_ = true;
}

void KafkaProducer::publish(Message message, Delivered delivered) {
    const auto bytes = size_of(message);
    List made;
    auto& each = made.emplace_back(
        Unacknowledged{.message = std::move(message), .delivered = std::move(delivered)});
    each.bytes = bytes;
    each.self = made.begin();
    messages_ += 1;
    bytes_ += bytes;

    const std::lock_guard lock(mutex_);
    each.number = next_number_++;
    all_.splice(all_.end(), made);
    if (!ready_ || !unsent_.empty() || !send_locked(each)) unsent_.push_back(&each);
}

bool KafkaProducer::is_settled_locked(std::int64_t number) const {
    return settled_below_ > number || (all_.empty() && !delivering_);
}

bool KafkaProducer::flush(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    const auto newest = next_number_ - 1;
    return settled_.wait_for(lock, longest, [&] { return is_settled_locked(newest); });
}

rd_kafka_topic_t* KafkaProducer::topic_locked(const std::string& name) {
    auto& topic = topics_[name];
    if (!topic) topic.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
    return topic.get();
}

rd_kafka_resp_err_t KafkaProducer::hand_over_locked(Unacknowledged& each) {
    auto& message = each.message;
    auto* topic = topic_locked(message.topic);
    if (topic == nullptr) return rd_kafka_last_error();
    auto* headers = rd_kafka_headers_new(message.headers.size());
    for (const auto& [name, value] : message.headers) {
        rd_kafka_header_add(headers,
                            name.data(),
                            static_cast<ssize_t>(name.size()),
                            value.data(),
                            static_cast<ssize_t>(value.size()));
    }
    // No key at all, rather than an empty one, lets the partitioner spread such messages.
    const void* key = message.key.empty() ? nullptr : message.key.data();
    const auto error = rd_kafka_producev(handle_.get(),
                                         RD_KAFKA_V_RKT(topic),
                                         RD_KAFKA_V_KEY(key, message.key.size()),
                                         RD_KAFKA_V_VALUE(message.body.data(), message.body.size()),
                                         RD_KAFKA_V_HEADERS(headers),
                                         RD_KAFKA_V_MSGFLAGS(0),
                                         RD_KAFKA_V_OPAQUE(&each),
                                         RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    return error;
}

// False if it has to wait its turn, and everything behind it.
bool KafkaProducer::send_locked(Unacknowledged& each) {
    const auto error = hand_over_locked(each);
    switch (error) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return true;
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return false;
        case RD_KAFKA_RESP_ERR__FATAL:
            broken_ = true;
            return false;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            refuse_locked(each, error);
            return true;
        default:
            again_.push_back(&each);
            return true;
    }
}

void KafkaProducer::send_unsent_locked() {
    while (ready_ && !broken_ && !unsent_.empty() && send_locked(*unsent_.front())) {
        unsent_.pop_front();
    }
}

void KafkaProducer::refuse_locked(Unacknowledged& each, rd_kafka_resp_err_t error) {
    notes_.push_back(fmt::format("topic {}: a message of {} bytes was refused for good: {}",
                                 each.message.topic,
                                 each.bytes,
                                 rd_kafka_err2str(error)));
    refused_ += 1;
    messages_ -= 1;
    bytes_ -= each.bytes;
    all_.erase(each.self);
    if (queue_) rd_kafka_queue_yield(queue_.get());
}

void KafkaProducer::report_locked(const rd_kafka_message_t& report, List& done) {
    auto& each = *static_cast<Unacknowledged*>(report._private);
    // No offset: 2.0.2 concluded from a later message that this one must have arrived. It has not
    // if the broker refused a producer's very first batch while a leader was being elected: Kafka
    // takes the second batch then, for want of a first. So it is sent again, and may arrive twice.
    const bool concluded = report.err == RD_KAFKA_RESP_ERR_NO_ERROR && report.offset < 0;
    if (report.err == RD_KAFKA_RESP_ERR_NO_ERROR && !concluded) {
        done.splice(done.end(), all_, each.self);
    } else if (report.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && each.bytes > batch_bytes) {
        refuse_locked(each, report.err);
    } else {
        if (again_.empty() && !broken_ && !concluded) {
            notes_.push_back(fmt::format("topic {}: messages came back, to be sent again: {}",
                                         each.message.topic,
                                         rd_kafka_err2str(report.err)));
        }
        again_.push_back(&each);
    }
}

void KafkaProducer::take_reports(rd_kafka_event_t* event) {
    List done;
    {
        const std::lock_guard lock(mutex_);
        while (const auto* report = rd_kafka_event_message_next(event)) {
            report_locked(*report, done);
        }
        delivering_ = true;
        send_unsent_locked();
    }
    std::size_t bytes = 0;
    for (auto& each : done) {
        bytes += each.bytes;
        if (each.delivered) each.delivered();
    }
    messages_ -= done.size();
    bytes_ -= bytes;
    {
        const std::lock_guard lock(mutex_);
        delivering_ = false;
        settled_below_ = all_.empty() ? next_number_ : all_.front().number;
    }
    settled_.notify_all();
}

void KafkaProducer::serve_event(rd_kafka_event_t* event) {
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        take_reports(event);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        const auto text = fmt::format("kafka producer: {}", rd_kafka_event_error_string(event));
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL) {
            const std::lock_guard lock(mutex_);
            broken_ = true;
        }
        tell(settings_, BusNews::Warning, text);
    }
}

void KafkaProducer::serve() {
    while (true) {
        bool broken = false;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            broken = broken_;
        }
        if (broken) rebuild();
        const KafkaEvent event(rd_kafka_queue_poll(queue_.get(), 100));
        if (event) serve_event(event.get());
        try_again();
        tell_notes();
    }
}

// What came back is sent again a little later; what found the queue full, as soon as there is room.
void KafkaProducer::try_again() {
    const auto now = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (again_.empty()) {
            again_at_ = now + pause_before_again;
        } else if (now >= again_at_) {
            // In the order of publishing, ahead of what waits behind them.
            std::sort(again_.begin(), again_.end(), [](const auto* left, const auto* right) {
                return left->number < right->number;
            });
            unsent_.insert(unsent_.begin(), again_.begin(), again_.end());
            again_.clear();
            again_at_ = now + pause_before_again;
        }
        send_unsent_locked();
    }
    settled_.notify_all();
}

void KafkaProducer::tell_notes() {
    std::vector<std::string> notes;
    {
        const std::lock_guard lock(mutex_);
        notes.swap(notes_);
    }
    for (auto& note : notes) tell(settings_, BusNews::Error, std::move(note));
}

// Reports of the old producer that say "acknowledged" still count; all else is sent anew, so a
// message may arrive twice, but none is lost.
void KafkaProducer::rebuild() {
    {
        const std::lock_guard lock(mutex_);
        ready_ = false;
    }
    tell(settings_, BusNews::Warning, "kafka producer: broken for good, making a new one");
    rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (rd_kafka_outq_len(handle_.get()) > 0 && std::chrono::steady_clock::now() < deadline) {
        const KafkaEvent event(rd_kafka_queue_poll(queue_.get(), 10));
        if (event) serve_event(event.get());
    }
    {
        const std::lock_guard lock(mutex_);
        topics_.clear();
        queue_.reset();
    }
    handle_.reset();
    open();
    const std::lock_guard lock(mutex_);
    broken_ = false;
    again_.clear();
    unsent_.clear();
    for (auto& each : all_) unsent_.push_back(&each);
    send_unsent_locked();
}

bool KafkaProducer::warm_up(const std::vector<std::string>& topics,
                            std::chrono::milliseconds longest) {
    rd_kafka_t* handle = nullptr;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& topic : topics) topic_locked(topic);
        handle = handle_.get();
    }
    const rd_kafka_metadata_t* answer = nullptr;
    if (rd_kafka_metadata(handle, 0, nullptr, &answer, static_cast<int>(longest.count())) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    const KafkaMetadata metadata(answer);
    return std::all_of(
        metadata->topics, metadata->topics + metadata->topic_cnt, [](const auto& topic) {
            return topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt > 0;
        });
}

void KafkaProducer::break_for_good() {
    const std::lock_guard lock(mutex_);
    if (ready_) {
        rd_kafka_test_fatal_error(
            handle_.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "broken by a test");
    }
}

}  // namespace slipway
