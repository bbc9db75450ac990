#pragma once
// The reading half of KafkaBus: one member of one consumer group.
//
// Offsets are stored by finished_below() and committed by librdkafka every commit interval, at a
// rebalance and at close(). What is finished is collected here and handed over once per poll().

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "topics/bus.h"
#include "topics/kafka_handle.h"

namespace slipway {

class KafkaConsumer final : public Consumer {
  public:
    KafkaConsumer(const KafkaSettings& settings, Subscription subscription);
    ~KafkaConsumer() override;

    std::vector<Received> poll(std::chrono::milliseconds longest, std::size_t most) override;
    void finished_below(const Position& next) override;
    void pause() override;
    void resume() override;
    void close() override;

  private:
    struct Finished {
        std::int64_t below = -1;
        bool stored = true;
    };

    // The settings with ourselves behind them: librdkafka has one opaque pointer for everything,
    // and a handle that hangs while being destroyed outlives this object.
    struct Context;

    static void rebalance(rd_kafka_t* handle,
                          rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque);

    void open();
    void assigned(rd_kafka_topic_partition_list_t* partitions);
    void revoked();
    void store_finished();
    KafkaPartitions ours() const;
    void leave();
    bool take(const rd_kafka_message_t& message);

    Subscription subscription_;
    std::map<Partition, Finished> ours_;
    // By the poll() under way. A rebalance in its midst empties it: those messages will be read
    // again by whoever gets the partition, and nobody may finish what comes after them meanwhile.
    std::vector<Received> polled_;
    bool paused_ = false;
    bool broken_ = false;
    std::shared_ptr<Context> context_;
    KafkaHandle handle_;
};

}  // namespace slipway
