#include "tests/bench/ceiling_topics.h"

#include <unistd.h>

#include <charconv>
#include <ctime>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

namespace slipway {
namespace {

constexpr int most_unacknowledged = 50'000;

using Setting = std::pair<const char*, std::string>;

rd_kafka_t* make_client(rd_kafka_type_t type,
                        std::initializer_list<Setting> settings,
                        rd_kafka_conf_t* conf) {
    char text[512];
    for (const auto& [name, value] : settings) {
        if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) {
            throw std::runtime_error(text);
        }
    }
    rd_kafka_t* client = rd_kafka_new(type, conf, text, sizeof text);
    if (!client) throw std::runtime_error(text);
    return client;
}

std::string service_id(std::uint32_t vm) {
    return "svc-" + std::to_string(vm);
}

std::int64_t number_after(std::string_view text, std::string_view name) {
    std::int64_t number = 0;
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos) throw std::runtime_error("not an event of ours");
    text.remove_prefix(at + name.size());
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// RFC 3339 with microseconds; the part up to the second is kept from call to call.
void write_time(std::string& text, std::int64_t& is_of) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != is_of) {
        tm parts{};
        ::gmtime_r(&now.tv_sec, &parts);
        char whole[32];
        std::strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S.000000Z", &parts);
        text = whole;
        is_of = now.tv_sec;
    }
    long micros = now.tv_nsec / 1000;
    for (std::size_t place = 25; place >= 20; --place, micros /= 10) {
        text[place] = static_cast<char>('0' + micros % 10);
    }
}

}  // namespace

CeilingProducer::CeilingProducer(const CeilingTopics& topics) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    client_ = make_client(RD_KAFKA_PRODUCER,
                          {{"bootstrap.servers", topics.brokers},
                           {"enable.idempotence", "true"},
                           {"linger.ms", topics.linger_ms},
                           {"socket.nagle.disable", "true"},
                           {"queue.buffering.max.messages", "1000000"}},
                          conf);
    state_topic_ = rd_kafka_topic_new(client_, topics.state_topic.c_str(), nullptr);
    step_topic_ = rd_kafka_topic_new(client_, topics.step_topic.c_str(), nullptr);
    for (rd_kafka_topic_t* topic : {state_topic_, step_topic_}) {  // warmed up
        const rd_kafka_metadata_t* found = nullptr;
        const rd_kafka_resp_err_t error = rd_kafka_metadata(client_, 0, topic, &found, 10'000);
        if (error) throw std::runtime_error(rd_kafka_err2str(error));
        rd_kafka_metadata_destroy(found);
    }
}

CeilingProducer::~CeilingProducer() {
    rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_, 1000);
    rd_kafka_topic_destroy(state_topic_);
    rd_kafka_topic_destroy(step_topic_);
    rd_kafka_destroy(client_);
}

void CeilingProducer::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    if (message->err) ++static_cast<CeilingProducer*>(self)->refused_;
}

void CeilingProducer::serve() {
    rd_kafka_poll(client_, 0);
    while (rd_kafka_outq_len(client_) > most_unacknowledged) rd_kafka_poll(client_, 10);
}

void CeilingProducer::publish_state(const CeilingStep& at) {
    const std::string id = service_id(at.vm);
    publish(state_topic_,
            id,
            R"({"service_id":")" + id + R"(","pipeline":"rehearsal","state":")" +
                ceiling_state(at.version) + R"(","run":)" +
                std::to_string(at.version / ceiling_steps) + R"(,"version":)" +
                std::to_string(at.version) + "}",
            "slipway.state");
}

void CeilingProducer::publish_step(const CeilingStep& done) {
    const std::string id = service_id(done.vm);
    publish(step_topic_,
            id,
            R"({"service_id":")" + id + R"(","pipeline":"rehearsal","run":)" +
                std::to_string(done.version / ceiling_steps) + R"(,"row":)" +
                std::to_string(done.version % ceiling_steps + 1) +
                R"(,"label":"Rehearse step","result":"success","text":"","from":")" +
                ceiling_state(done.version) + R"(","to":")" + ceiling_state(done.version + 1) +
                R"(","attempts":1,"duration_us":0})",
            "slipway.step");
}

void CeilingProducer::publish(rd_kafka_topic_t* topic,
                              const std::string& key,
                              const std::string& body,
                              const char* type) {
    write_time(time_, time_is_of_);
    const std::string id = "ceiling-" + std::to_string(++ids_);
    rd_kafka_headers_t* headers = rd_kafka_headers_new(5);
    const auto add = [&](std::string_view name, std::string_view value) {
        rd_kafka_header_add(headers,
                            name.data(),
                            static_cast<ssize_t>(name.size()),
                            value.data(),
                            static_cast<ssize_t>(value.size()));
    };
    add("ce_specversion", "1.0");
    add("ce_type", type);
    add("ce_source", "/slipway/ceiling");
    add("ce_id", id);
    add("ce_time", time_);
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(client_,
                          RD_KAFKA_V_RKT(topic),
                          RD_KAFKA_V_KEY(key.data(), key.size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>(body.data()), body.size()),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_END);
    if (error) {
        rd_kafka_headers_destroy(headers);
        throw std::runtime_error(rd_kafka_err2str(error));
    }
}

CeilingConsumer::CeilingConsumer(const CeilingTopics& topics) {
    client_ = make_client(RD_KAFKA_CONSUMER,
                          {{"bootstrap.servers", topics.brokers},
                           {"group.id", "ceiling-" + std::to_string(::getpid())},
                           {"socket.nagle.disable", "true"},
                           {"topic.metadata.refresh.fast.interval.ms", "20"},
                           {"fetch.error.backoff.ms", "50"}},
                          rd_kafka_conf_new());
    rd_kafka_poll_set_consumer(client_);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(topics.partitions);
    for (int partition = 0; partition < topics.partitions; ++partition) {
        rd_kafka_topic_partition_list_add(list, topics.state_topic.c_str(), partition)->offset = 0;
    }
    rd_kafka_assign(client_, list);
    rd_kafka_topic_partition_list_destroy(list);
}

CeilingConsumer::~CeilingConsumer() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
}

std::optional<CeilingStep> CeilingConsumer::poll(std::chrono::milliseconds longest) {
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(client_, static_cast<int>(longest.count()));
    if (!message) return std::nullopt;
    std::optional<CeilingStep> step;
    if (!message->err) {
        const std::string_view body(static_cast<const char*>(message->payload), message->len);
        step = {.vm = static_cast<std::uint32_t>(number_after(body, "\"svc-")),
                .version = number_after(body, "\"version\":")};
    }
    rd_kafka_message_destroy(message);
    return step;
}

}  // namespace slipway
