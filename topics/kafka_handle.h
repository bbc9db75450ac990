#pragma once
// What the kafka_*.cpp files share: owning pointers to librdkafka's things, and its configuration.

#include <librdkafka/rdkafka.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "topics/kafka_bus.h"

namespace slipway {

template <auto Destroy>
struct DestroyWith {
    template <typename T>
    void operator()(T* thing) const {
        Destroy(thing);
    }
};

using KafkaHandle = std::unique_ptr<rd_kafka_t, DestroyWith<rd_kafka_destroy>>;
using KafkaConf = std::unique_ptr<rd_kafka_conf_t, DestroyWith<rd_kafka_conf_destroy>>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, DestroyWith<rd_kafka_queue_destroy>>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, DestroyWith<rd_kafka_event_destroy>>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, DestroyWith<rd_kafka_topic_destroy>>;
using KafkaMessage = std::unique_ptr<rd_kafka_message_t, DestroyWith<rd_kafka_message_destroy>>;
using KafkaMetadata =
    std::unique_ptr<const rd_kafka_metadata_t, DestroyWith<rd_kafka_metadata_destroy>>;
using KafkaPartitions = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                        DestroyWith<rd_kafka_topic_partition_list_destroy>>;

using KafkaProperty = std::pair<const char*, std::string>;

// Our defaults, then `own`, then the operator's properties, which may not change what is in `own`
// or what Slipway relies on. Throws std::runtime_error naming the property.
KafkaConf make_conf(const KafkaSettings& settings, std::initializer_list<KafkaProperty> own);

// `opaque` is what the callbacks set in `conf` are given. `settings` must outlive the handle, for
// its log is written to. Throws std::runtime_error.
KafkaHandle open_handle(rd_kafka_type_t type, KafkaConf conf);

void tell(const KafkaSettings& settings, BusNews news, std::string text);

// Destroys in the background and waits at most `longest`: librdkafka 2.0.2 can hang in there.
// `kept` lives for as long as that takes.
bool destroy_within(KafkaHandle handle,
                    std::chrono::milliseconds longest,
                    std::shared_ptr<const void> kept);

}  // namespace slipway
