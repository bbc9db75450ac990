// Events out of messages, in binary and in structured mode. Every refusal names the field, what is
// wrong with it and what would be right, and repeats nothing a stranger wrote.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "topics/event.h"
#include "topics/json.h"
#include "topics/rfc3339.h"

namespace slipway {

namespace {

constexpr std::size_t most_attribute_bytes = 256;
constexpr std::size_t most_name_bytes = 64;
constexpr std::string_view request_prefix = "slipway.request.";

[[noreturn]] void refuse(std::string_view field, std::string_view problem, std::string_view cure) {
    throw Unreadable(fmt::format("{}: {}, must be {}", field, problem, cure));
}

std::string_view kind_name(JsonKind kind) {
    switch (kind) {
        case JsonKind::Null:
            return "is null";
        case JsonKind::Boolean:
            return "is true or false";
        case JsonKind::Number:
            return "is a number";
        case JsonKind::Text:
            return "is a string";
        case JsonKind::Array:
            return "is an array";
        case JsonKind::Object:
            return "is an object";
    }
    return "is something else";
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() < lower.size()) return false;
    return std::equal(lower.begin(), lower.end(), text.begin(), [](char want, char have) {
        return want == (have >= 'A' && have <= 'Z' ? have + ('a' - 'A') : have);
    });
}

// What an event says about itself, whichever mode it came in. `data` is its body.
struct Envelope {
    std::string type;
    std::string id;
    std::string source;
    std::string time;
    std::string traceparent;
    std::string_view data;
    std::string_view prefix;  // of attribute names in error texts: "ce_" or nothing
};

struct BinaryHeaders {
    const std::string* content_type = nullptr;
    const std::string* specversion = nullptr;
    const std::string* type = nullptr;
    const std::string* id = nullptr;
    const std::string* source = nullptr;
    const std::string* time = nullptr;
    const std::string* traceparent = nullptr;
};

BinaryHeaders sort_headers(const Message& message) {
    BinaryHeaders found;
    for (const auto& [name, value] : message.headers) {
        if (name == "ce_specversion") found.specversion = &value;
        if (name == "ce_type") found.type = &value;
        if (name == "ce_id") found.id = &value;
        if (name == "ce_source") found.source = &value;
        if (name == "ce_time") found.time = &value;
        if (name == "traceparent" || name == "ce_traceparent") found.traceparent = &value;
        if (name.size() == 12 && starts_with_ignoring_case(name, "content-type")) {
            found.content_type = &value;
        }
    }
    return found;
}

std::string attribute_name(const Envelope& envelope, std::string_view name) {
    return fmt::format("{}{}", envelope.prefix, name);
}

void check_attribute(const Envelope& envelope, std::string_view name, std::string_view value) {
    const auto bad = [&](std::string_view problem) {
        refuse(attribute_name(envelope, name), problem, "a text of 1 to 256 bytes");
    };
    if (value.empty()) bad("is missing or empty");
    if (value.size() > most_attribute_bytes) bad(fmt::format("is {} bytes long", value.size()));
    while (!value.empty()) {
        const auto length = utf8_length(value);
        if (length == 0) bad("is not UTF-8");
        if (static_cast<unsigned char>(value[0]) < 0x20) bad("has a control character");
        value.remove_prefix(length);
    }
}

// The form W3C gives it; anything else is no trace and is not passed on.
bool is_traceparent(std::string_view text) {
    if (text.size() != 55) return false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool dash = at == 2 || at == 35 || at == 52;
        const char letter = text[at];
        const bool hex = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
        if (dash ? letter != '-' : !hex) return false;
    }
    return true;
}

void check_envelope(Envelope& envelope) {
    check_attribute(envelope, "type", envelope.type);
    check_attribute(envelope, "id", envelope.id);
    check_attribute(envelope, "source", envelope.source);
    if (!is_traceparent(envelope.traceparent)) envelope.traceparent.clear();
}

std::string value_or_empty(const std::string* value) {
    return value ? *value : std::string();
}

Envelope binary_envelope(const Message& message, const BinaryHeaders& headers) {
    if (!headers.specversion) {
        refuse("ce_specversion",
               "is missing",
               "1.0 (or the content-type application/cloudevents+json)");
    }
    if (*headers.specversion != "1.0") refuse("ce_specversion", "is another version", "1.0");
    if (headers.content_type &&
        !starts_with_ignoring_case(*headers.content_type, "application/json")) {
        refuse("content-type", "is another type", "application/json");
    }
    Envelope envelope{.type = value_or_empty(headers.type),
                      .id = value_or_empty(headers.id),
                      .source = value_or_empty(headers.source),
                      .time = value_or_empty(headers.time),
                      .traceparent = value_or_empty(headers.traceparent),
                      .data = message.body,
                      .prefix = "ce_"};
    check_envelope(envelope);
    return envelope;
}

std::string optional_attribute(const JsonObject& event, std::string_view name) {
    const auto* member = event.find(name);
    if (!member || member->kind == JsonKind::Null) return {};
    if (member->kind != JsonKind::Text)
        refuse(event.path(name), kind_name(member->kind), "a string");
    return member->as_text();
}

Envelope structured_envelope(const Message& message) {
    const JsonObject event(message.body, "event");
    if (optional_attribute(event, "specversion") != "1.0") {
        refuse("event.specversion", "is missing or another version", "1.0");
    }
    const auto* data = event.find("data");
    if (!data) {
        const bool binary = event.find("data_base64") != nullptr;
        refuse("event.data", binary ? "came as data_base64" : "is missing", "a JSON object");
    }
    Envelope envelope{.type = optional_attribute(event, "type"),
                      .id = optional_attribute(event, "id"),
                      .source = optional_attribute(event, "source"),
                      .time = optional_attribute(event, "time"),
                      .traceparent = optional_attribute(event, "traceparent"),
                      .data = data->raw,
                      .prefix = "event."};
    check_envelope(envelope);
    return envelope;
}

Envelope open_envelope(const Message& message) {
    if (message.body.size() > most_body_bytes) {
        refuse("message",
               fmt::format("is {} bytes", message.body.size()),
               fmt::format("at most {} bytes", most_body_bytes));
    }
    const auto headers = sort_headers(message);
    if (headers.content_type) {
        if (starts_with_ignoring_case(*headers.content_type, "application/cloudevents-batch")) {
            refuse("content-type", "is a batch of events", "one event in each message");
        }
        if (starts_with_ignoring_case(*headers.content_type, "application/cloudevents")) {
            if (!starts_with_ignoring_case(*headers.content_type, "application/cloudevents+json")) {
                refuse("content-type", "is another event format", "application/cloudevents+json");
            }
            return structured_envelope(message);
        }
    }
    return binary_envelope(message, headers);
}

void refuse_type(const Envelope& envelope, std::string_view cure) {
    refuse(attribute_name(envelope, "type"), "is not known on this topic", cure);
}

const JsonMember& needed(const JsonObject& data, std::string_view name, std::string_view cure) {
    const auto* member = data.find(name);
    if (!member) refuse(data.path(name), "is missing", cure);
    return *member;
}

std::int64_t whole_number(const JsonObject& data, std::string_view name, std::int64_t least) {
    const auto cure = least == 1 ? "a whole number above 0" : "a whole number, 0 or above";
    const auto& member = needed(data, name, cure);
    if (member.kind != JsonKind::Number) refuse(data.path(name), kind_name(member.kind), cure);
    std::int64_t value = 0;
    const auto* end = member.raw.data() + member.raw.size();
    const auto read = std::from_chars(member.raw.data(), end, value);
    if (read.ec == std::errc::result_out_of_range) {
        refuse(data.path(name), "is beyond 64 bits", cure);
    }
    if (read.ptr != end) refuse(data.path(name), "has a fraction or an exponent", cure);
    if (value < least) refuse(data.path(name), "is too small", cure);
    return value;
}

// Left out where there is none.
std::int64_t number_if_any(const JsonObject& data, std::string_view name) {
    return data.find(name) != nullptr ? whole_number(data, name, 0) : 0;
}

int small_number(const JsonObject& data, std::string_view name) {
    const auto value = whole_number(data, name, 0);
    if (value > std::numeric_limits<int>::max()) {
        refuse(data.path(name), "is beyond 32 bits", "a whole number, 0 or above");
    }
    return static_cast<int>(value);
}

}  // namespace

bool is_service_id(std::string_view text) {
    if (text.empty() || text.size() > most_service_id_bytes) return false;
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               (letter >= 'A' && letter <= 'Z') || letter == '.' || letter == '_' ||
               letter == ':' || letter == '-';
    });
}

namespace {

enum class NumbersToo { No, Yes };

// Billing systems number their services, so a request may say 5546 for "5546".
std::string service_id(const JsonObject& data, NumbersToo numbers = NumbersToo::No) {
    constexpr auto cure = "a string of 1 to 128 letters, digits, '.', '_', ':' or '-'";
    const auto& member = needed(data, "service_id", cure);
    if (member.kind == JsonKind::Number && numbers == NumbersToo::Yes) {
        return std::to_string(whole_number(data, "service_id", 1));
    }
    const auto path = [&] { return data.path("service_id"); };
    if (member.kind != JsonKind::Text) refuse(path(), kind_name(member.kind), cure);
    auto text = member.as_text();
    if (text.empty()) refuse(path(), "is empty", cure);
    if (text.size() > most_service_id_bytes) {
        refuse(path(), fmt::format("is {} bytes long", text.size()), cure);
    }
    if (!is_service_id(text)) refuse(path(), "has another character", cure);
    return text;
}

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > most_name_bytes) return false;
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               (letter >= 'A' && letter <= 'Z') || letter == '_' || letter == '-';
    });
}

std::string name_of(const JsonObject& data, std::string_view name) {
    constexpr auto cure = "a name of 1 to 64 letters, digits, '_' or '-'";
    const auto& member = needed(data, name, cure);
    if (member.kind != JsonKind::Text) refuse(data.path(name), kind_name(member.kind), cure);
    auto text = member.as_text();
    if (!is_name(text)) refuse(data.path(name), "is not a name", cure);
    return text;
}

// Of a text that was read as an object.
std::string_view without_space(std::string_view object) {
    const auto begin = object.find('{');
    return object.substr(begin, object.rfind('}') + 1 - begin);
}

EventTime time_of(const Envelope& envelope) {
    if (envelope.time.empty()) return {};
    const auto time = from_rfc3339(envelope.time);
    if (!time) {
        refuse(attribute_name(envelope, "time"), "is not a time", "like 2026-01-31T12:00:00Z");
    }
    return *time;
}

}  // namespace

StateEvent read_state_event(const Message& message) {
    auto envelope = open_envelope(message);
    if (envelope.type != "slipway.state") refuse_type(envelope, "slipway.state");
    const JsonObject data(envelope.data, "data");
    return {.service_id = service_id(data),
            .pipeline = name_of(data, "pipeline"),
            .state = name_of(data, "state"),
            .run = whole_number(data, "run", 0),
            .version = whole_number(data, "version", 1),
            .traceparent = std::move(envelope.traceparent)};
}

StepEvent read_step_event(const Message& message) {
    auto envelope = open_envelope(message);
    const bool is_line = envelope.type == "slipway.line";
    if (!is_line && envelope.type != "slipway.step") {
        refuse_type(envelope, "slipway.step or slipway.line");
    }
    const JsonObject data(envelope.data, "data");
    StepEvent event{.id = std::move(envelope.id),
                    .service_id = service_id(data),
                    .vmid = number_if_any(data, "vmid"),
                    .pipeline = name_of(data, "pipeline"),
                    .run = whole_number(data, "run", 0),
                    .row = small_number(data, "row"),
                    .number = small_number(data, "number"),
                    .label = optional_attribute(data, "label"),
                    .result = optional_attribute(data, "result"),
                    .text = optional_attribute(data, "text"),
                    .from = optional_attribute(data, "from"),
                    .to = optional_attribute(data, "to"),
                    .attempts = whole_number(data, "attempts", 0),
                    .duration_us = whole_number(data, "duration_us", 0),
                    .time = time_of(envelope),
                    .line = optional_attribute(data, "line"),
                    .traceparent = std::move(envelope.traceparent)};
    if (is_line && event.line.empty()) refuse("data.line", "is missing or empty", "a string");
    return event;
}

RequestEvent read_request(const Message& message) {
    auto envelope = open_envelope(message);
    const bool is_request = envelope.type.starts_with(request_prefix) &&
                            is_name(std::string_view(envelope.type).substr(request_prefix.size()));
    if (!is_request) refuse_type(envelope, "slipway.request.NAME, such as slipway.request.deploy");
    const JsonObject data(envelope.data, "data");
    const auto time = time_of(envelope);
    return {.id = std::move(envelope.id),
            .source = std::move(envelope.source),
            .type = envelope.type.substr(request_prefix.size()),
            .service_id = service_id(data, NumbersToo::Yes),
            .payload = std::string(without_space(envelope.data)),
            .traceparent = std::move(envelope.traceparent),
            .time = time};
}

LetterEvent read_letter_event(const Message& message) {
    const auto envelope = open_envelope(message);
    if (envelope.type != "slipway.letter") refuse_type(envelope, "slipway.letter");
    const JsonObject data(envelope.data, "data");
    return {.service_id = service_id(data),
            .run = whole_number(data, "run", 0),
            .kind = name_of(data, "kind"),
            .time = time_of(envelope)};
}

}  // namespace slipway
