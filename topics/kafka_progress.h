#pragma once
// How far groups have come, asked through handles that join no group.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "topics/bus.h"
#include "topics/kafka_handle.h"

namespace slipway {

class KafkaProgress {
  public:
    explicit KafkaProgress(const KafkaSettings& settings) : settings_(settings) {}

    std::optional<GroupProgress> of(std::string_view group, std::string_view topic);

  private:
    rd_kafka_t* handle_for(std::string_view group);

    const KafkaSettings& settings_;
    std::mutex mutex_;
    std::map<std::string, KafkaHandle, std::less<>> handles_;
};

}  // namespace slipway
