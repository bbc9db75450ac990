#include "topics/kafka_bus.h"

#include "topics/kafka_consumer.h"
#include "topics/kafka_producer.h"
#include "topics/kafka_progress.h"

namespace slipway {

KafkaBus::KafkaBus(KafkaSettings settings)
    : settings_(std::move(settings)),
      producer_(std::make_unique<KafkaProducer>(settings_)),
      progress_(std::make_unique<KafkaProgress>(settings_)) {}

KafkaBus::~KafkaBus() = default;

void KafkaBus::publish(Message message, Delivered delivered) {
    producer_->publish(std::move(message), std::move(delivered));
}

bool KafkaBus::has_room() const {
    return producer_->has_room();
}

bool KafkaBus::flush(std::chrono::milliseconds longest) {
    return producer_->flush(longest);
}

std::unique_ptr<Consumer> KafkaBus::subscribe(Subscription subscription) {
    return std::make_unique<KafkaConsumer>(settings_, std::move(subscription));
}

std::optional<GroupProgress> KafkaBus::progress(std::string_view group, std::string_view topic) {
    return progress_->of(group, topic);
}

bool KafkaBus::warm_up(const std::vector<std::string>& topics, std::chrono::milliseconds longest) {
    return producer_->warm_up(topics, longest);
}

std::int64_t KafkaBus::refused() const {
    return producer_->refused();
}

void KafkaBus::break_producer() {
    producer_->break_for_good();
}

}  // namespace slipway
