// Events as binary-mode CloudEvents. State and step events are the hot path: no tree, no stream,
// one growing string for the body and one vector for the headers.

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "topics/event.h"
#include "topics/json.h"
#include "topics/rfc3339.h"

namespace slipway {

namespace {

struct Envelope {
    std::string_view type;
    std::string id;
    std::string_view source = "slipway";
    EventTime time = {};
    std::string_view traceparent = {};
};

std::vector<Header> headers_of(Envelope envelope) {
    std::vector<Header> headers;
    headers.reserve(7);
    headers.push_back({"ce_specversion", "1.0"});
    headers.push_back({"ce_type", std::string(envelope.type)});
    headers.push_back({"ce_source", std::string(envelope.source)});
    headers.push_back({"ce_id", std::move(envelope.id)});
    if (envelope.time != EventTime{}) headers.push_back({"ce_time", to_rfc3339(envelope.time)});
    headers.push_back({"content-type", "application/json"});
    if (!envelope.traceparent.empty()) {
        headers.push_back({"traceparent", std::string(envelope.traceparent)});
    }
    return headers;
}

// An optional text is left out rather than written empty.
void text_if_any(JsonWriter& json, std::string_view name, std::string_view value) {
    if (!value.empty()) json.text(name, value.substr(0, most_event_text_bytes));
}

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return text;
}

void append_hashed_part(std::string& all, std::string_view part) {
    fmt::format_to(std::back_inserter(all), "{}:", part.size());
    all += part;
}

}  // namespace

Message to_message(const StateEvent& event, std::string topic) {
    JsonWriter json(160);
    json.text("service_id", event.service_id);
    json.text("pipeline", event.pipeline);
    json.number("run", event.run);
    json.text("state", event.state);
    json.number("version", event.version);

    auto id = fmt::format("{}/{}/{}", event.service_id, event.run, event.version);
    return {.topic = std::move(topic),
            .key = event.service_id,
            .body = json.done(),
            .headers = headers_of(
                {.type = "slipway.state", .id = std::move(id), .traceparent = event.traceparent})};
}

Message to_message(const StepEvent& event, std::string topic) {
    JsonWriter json(256 + event.text.size() + event.line.size());
    json.text("service_id", event.service_id);
    if (event.vmid > 0) json.number("vmid", event.vmid);
    json.text("pipeline", event.pipeline);
    json.number("run", event.run);
    json.number("row", event.row);
    json.number("number", event.number);
    text_if_any(json, "label", event.label);
    text_if_any(json, "result", event.result);
    text_if_any(json, "text", event.text);
    text_if_any(json, "from", event.from);
    text_if_any(json, "to", event.to);
    json.number("attempts", event.attempts);
    json.number("duration_us", event.duration_us);
    text_if_any(json, "line", event.line);

    return {.topic = std::move(topic),
            .key = event.service_id,
            .body = json.done(),
            .headers = headers_of({.type = event.line.empty() ? "slipway.step" : "slipway.line",
                                   .id = event.id,
                                   .time = event.time,
                                   .traceparent = event.traceparent})};
}

Message to_message(const RequestEvent& event, std::string topic) {
    std::string body = event.payload;
    if (body.empty()) {
        JsonWriter json(64);
        json.text("service_id", event.service_id);
        body = json.done();
    }
    const auto type = "slipway.request." + event.type;
    return {.topic = std::move(topic),
            .key = event.service_id,
            .body = std::move(body),
            .headers = headers_of({.type = type,
                                   .id = event.id,
                                   .source = event.source.empty() ? "slipway" : event.source,
                                   .time = event.time,
                                   .traceparent = event.traceparent})};
}

Message to_message(const ActivityEvent& event, std::string topic) {
    JsonWriter json(128 + event.text.size());
    json.text("service_id", event.service_id);
    json.number("run", event.run);
    json.text("kind", event.kind);
    json.text("text", event.text.substr(0, most_event_text_bytes));

    auto id = fmt::format("{}/{}/{}", event.service_id, event.run, event.kind);
    return {.topic = std::move(topic),
            .key = event.service_id,
            .body = json.done(),
            .headers =
                headers_of({.type = "slipway.activity", .id = std::move(id), .time = event.time})};
}

Message to_message(const LetterEvent& event, std::string topic) {
    JsonWriter json(96);
    json.text("service_id", event.service_id);
    json.number("run", event.run);
    json.text("kind", event.kind);

    auto id = fmt::format("{}/{}/{}", event.service_id, event.run, event.kind);
    return {
        .topic = std::move(topic),
        .key = event.service_id,
        .body = json.done(),
        .headers = headers_of({.type = "slipway.letter", .id = std::move(id), .time = event.time})};
}

Message to_message(const DeadLetterEvent& event, std::string topic) {
    JsonWriter json(256 + event.reason.size() + event.raw.size() * 4 / 3);
    json.text("key", event.key);
    json.text("kind", event.kind);
    text_if_any(json, "service_id", event.service_id);
    json.text("reason", event.reason.substr(0, most_event_text_bytes));
    if (!event.origin_topic.empty()) {
        json.text("origin_topic", event.origin_topic);
        json.number("origin_partition", event.origin_partition);
        json.number("origin_offset", event.origin_offset);
        json.text("raw_base64", base64(event.raw));
        json.number("raw_length", event.raw_length);
        json.text("raw_sha256", event.raw_sha256);
    }
    return {.topic = std::move(topic),
            .key = event.key,
            .body = json.done(),
            .headers =
                headers_of({.type = "slipway.dead_letter", .id = event.key, .time = event.time})};
}

std::string clean_text(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) {
            clean += "\xEF\xBF\xBD";
        } else if (text[0] != '\0') {
            clean.append(text.substr(0, length));
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return clean;
}

std::string unreadable_key(const Received& received) {
    // Each part carries its length, so that no two messages run together into the same bytes.
    std::string all;
    append_hashed_part(all, received.message.topic);
    append_hashed_part(all, fmt::format("{}", received.partition));
    append_hashed_part(all, fmt::format("{}", received.offset));
    append_hashed_part(all, fmt::format("{}", received.timestamp_ms));
    append_hashed_part(all, received.message.key);
    append_hashed_part(all, received.message.body);
    for (const auto& header : received.message.headers) {
        append_hashed_part(all, header.name);
        append_hashed_part(all, header.value);
    }
    return sha256_hex(all);
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
    std::string hex;
    hex.reserve(2 * length);
    for (unsigned int at = 0; at < length; ++at) {
        fmt::format_to(std::back_inserter(hex), "{:02x}", digest[at]);
    }
    return hex;
}

}  // namespace slipway
