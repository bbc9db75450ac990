#include "topics/kafka_bus.h"

#include <algorithm>

#include "topics/kafka_consumer.h"
#include "topics/kafka_producer.h"
#include "topics/kafka_progress.h"

namespace slipway {

using namespace std::chrono_literals;

KafkaBus::KafkaBus(KafkaSettings settings)
    : settings_(std::move(settings)),
      prompt_(std::make_unique<KafkaProducer>(settings_, 0ms)),
      patient_(std::make_unique<KafkaProducer>(settings_, settings_.linger)),
      progress_(std::make_unique<KafkaProgress>(settings_)) {}

KafkaBus::~KafkaBus() = default;

KafkaProducer& KafkaBus::producer_of(const Message& message) {
    return message.may_wait ? *patient_ : *prompt_;
}

void KafkaBus::publish(Message message, Delivered delivered) {
    KafkaProducer& producer = producer_of(message);
    producer.publish(std::move(message), std::move(delivered));
}

bool KafkaBus::has_room() const {
    return prompt_->messages() + patient_->messages() < settings_.most_unacknowledged &&
           prompt_->bytes() + patient_->bytes() < settings_.most_unacknowledged_bytes;
}

bool KafkaBus::flush(std::chrono::milliseconds longest) {
    const auto until = std::chrono::steady_clock::now() + longest;
    const bool flushed = prompt_->flush(longest);
    const auto left = until - std::chrono::steady_clock::now();
    return patient_->flush(std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(left))) &&
           flushed;
}

std::unique_ptr<Consumer> KafkaBus::subscribe(Subscription subscription) {
    return std::make_unique<KafkaConsumer>(settings_, std::move(subscription));
}

std::optional<GroupProgress> KafkaBus::progress(std::string_view group, std::string_view topic) {
    return progress_->of(group, topic);
}

bool KafkaBus::warm_up(const std::vector<std::string>& topics, std::chrono::milliseconds longest) {
    return prompt_->warm_up(topics, longest) && patient_->warm_up(topics, longest);
}

std::int64_t KafkaBus::refused() const {
    return prompt_->refused() + patient_->refused();
}

void KafkaBus::break_producer() {
    prompt_->break_for_good();
    patient_->break_for_good();
}

}  // namespace slipway
