#include "topics/kafka_handle.h"

#include <fmt/format.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <future>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace slipway {

namespace {

constexpr std::array relied_on = {
    std::string_view("acks"),
    std::string_view("auto.offset.reset"),
    std::string_view("bootstrap.servers"),
    std::string_view("enable.auto.commit"),
    std::string_view("enable.auto.offset.store"),
    std::string_view("enable.idempotence"),
    std::string_view("group.id"),
    std::string_view("message.timeout.ms"),
    std::string_view("metadata.broker.list"),
    std::string_view("partition.assignment.strategy"),
    std::string_view("partitioner"),
    std::string_view("request.required.acks"),
};

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
    std::array<char, 512> why{};
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK) {
        throw std::runtime_error(fmt::format("kafka property {}: {}", name, why.data()));
    }
}

void log_line(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
    const auto* settings = static_cast<const KafkaSettings*>(rd_kafka_opaque(handle));
    auto news = BusNews::Info;
    if (level <= LOG_WARNING) news = BusNews::Warning;
    if (level <= LOG_CRIT) news = BusNews::Error;
    tell(*settings, news, fmt::format("kafka {}: {}", facility, text));
}

}  // namespace

KafkaConf make_conf(const KafkaSettings& settings, std::initializer_list<KafkaProperty> own) {
    KafkaConf conf(rd_kafka_conf_new());
    set(conf.get(), "bootstrap.servers", settings.brokers);
    set(conf.get(), "client.id", settings.client_id);
    set(conf.get(), "socket.nagle.disable", "true");
    set(conf.get(), "reconnect.backoff.ms", "50");
    set(conf.get(), "reconnect.backoff.max.ms", "1000");
    set(conf.get(), "log.connection.close", "false");
    // A body of 1,000,000 bytes with its key and headers fits, and the whole stays below the
    // 1,048,588 bytes which brokers take by default.
    set(conf.get(), "message.max.bytes", "1040000");
    for (const auto& [name, value] : own) set(conf.get(), name, value);
    for (const auto& [name, value] : settings.properties) {
        if (std::find(relied_on.begin(), relied_on.end(), name) != relied_on.end()) {
            throw std::runtime_error(fmt::format(
                "kafka property {}: is set by Slipway, which relies on it; leave it out", name));
        }
        set(conf.get(), name, value);
    }
    rd_kafka_conf_set_log_cb(conf.get(), log_line);
    rd_kafka_conf_set_opaque(conf.get(), const_cast<KafkaSettings*>(&settings));
    return conf;
}

KafkaHandle open_handle(rd_kafka_type_t type, KafkaConf conf) {
    std::array<char, 512> why{};
    KafkaHandle handle(rd_kafka_new(type, conf.get(), why.data(), why.size()));
    if (!handle) throw std::runtime_error(fmt::format("kafka: {}", why.data()));
    static_cast<void>(conf.release());  // the handle owns it now
    return handle;
}

void tell(const KafkaSettings& settings, BusNews news, std::string text) {
    if (settings.log) settings.log(news, std::move(text));
}

bool destroy_within(KafkaHandle handle,
                    std::chrono::milliseconds longest,
                    std::shared_ptr<const void> kept) {
    std::promise<void> destroyed;
    auto done = destroyed.get_future();
    std::thread([owned = std::move(handle),
                 alive = std::move(kept),
                 said = std::move(destroyed)]() mutable {
        rd_kafka_destroy_flags(owned.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        alive.reset();
        said.set_value();
    }).detach();
    return done.wait_for(longest) == std::future_status::ready;
}

}  // namespace slipway
