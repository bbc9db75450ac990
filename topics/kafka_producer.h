#pragma once
// The publishing half of KafkaBus.
//
// Every message stays in one list, in the order of publish(), until the broker has acknowledged it:
// librdkafka is handed pointers into that list and copies no body. What librdkafka does not take
// (its queue is full) waits in `unsent_`, what the broker gave back waits in `again_` for its next
// try. When the idempotent producer breaks for good, which 2.0.2 sometimes does after a reconnect,
// a new one is made and the whole list is sent once more, in order.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "topics/kafka_bus.h"
#include "topics/kafka_handle.h"

namespace slipway {

class KafkaProducer {
  public:
    KafkaProducer(const KafkaSettings& settings, std::chrono::milliseconds linger);
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    void publish(Message message, Delivered delivered);
    // Not acknowledged yet.
    std::size_t messages() const { return messages_; }
    std::size_t bytes() const { return bytes_; }
    bool flush(std::chrono::milliseconds longest);
    bool warm_up(const std::vector<std::string>& topics, std::chrono::milliseconds longest);
    std::int64_t refused() const { return refused_; }
    void break_for_good();

  private:
    struct Unacknowledged {
        Message message;
        Delivered delivered;
        std::int64_t number = 0;
        std::size_t bytes = 0;
        std::list<Unacknowledged>::iterator self = {};
    };
    using List = std::list<Unacknowledged>;

    // Everything with `_locked` needs mutex_.
    rd_kafka_topic_t* topic_locked(const std::string& name);
    rd_kafka_resp_err_t hand_over_locked(Unacknowledged& each);
    bool send_locked(Unacknowledged& each);
    void send_unsent_locked();
    void refuse_locked(Unacknowledged& each, rd_kafka_resp_err_t error);
    void report_locked(const rd_kafka_message_t& report, List& done);
    bool is_settled_locked(std::int64_t number) const;

    void serve();
    void serve_event(rd_kafka_event_t* event);
    void take_reports(rd_kafka_event_t* event);
    void try_again();
    void tell_notes();
    void open();
    void rebuild();

    const KafkaSettings& settings_;
    const std::chrono::milliseconds linger_;
    std::atomic<std::size_t> messages_ = 0;
    std::atomic<std::size_t> bytes_ = 0;
    std::atomic<std::int64_t> refused_ = 0;

    std::mutex mutex_;
    std::condition_variable settled_;
    List all_;
    std::deque<Unacknowledged*> unsent_;
    std::deque<Unacknowledged*> again_;
    std::chrono::steady_clock::time_point again_at_ = {};
    std::vector<std::string> notes_;  // for the log, told outside the mutex
    std::int64_t next_number_ = 1;
    std::int64_t settled_below_ = 1;
    bool delivering_ = false;
    bool broken_ = false;
    bool stopping_ = false;
    bool ready_ = false;  // handle_ may be given messages
    KafkaHandle handle_;
    KafkaQueue queue_;
    std::unordered_map<std::string, KafkaTopic> topics_;

    std::thread thread_;  // last: it uses everything above
};

}  // namespace slipway
