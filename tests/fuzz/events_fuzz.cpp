// Messages as strangers might write them: every reader takes each one or refuses it with a reason,
// and what was read is the same after it was written, in either mode.
//
// An input is a message as text, so that seeds can be read: a line per header, an empty line, and
// the body.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/fuzz/property.h"
#include "topics/event.h"
#include "topics/json.h"

namespace slipway {
namespace {

using Json = nlohmann::json;

Message message_of(std::string_view text) {
    Message message{.topic = "t"};
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos) break;
        message.headers.push_back(
            {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
    }
    message.body = text;
    return message;
}

std::string header(const Message& message, std::string_view name) {
    for (const auto& each : message.headers)
        if (each.name == name) return each.value;
    return {};
}

// The same event in the other mode. Its data stands in the body as it was.
Message structured(const Message& binary) {
    Json event;
    for (const auto& each : binary.headers)
        if (each.name.starts_with("ce_")) event[each.name.substr(3)] = each.value;
    event["traceparent"] = header(binary, "traceparent");
    auto body = event.dump();
    body.pop_back();
    return {.topic = binary.topic,
            .body = body + ",\"data\":" + binary.body + "}",
            .headers = {{"content-type", "application/cloudevents+json; charset=utf-8"}}};
}

std::string as_text(const StateEvent& event) {
    return fmt::format("{} {} {} {} {} {}",
                       event.service_id,
                       event.pipeline,
                       event.state,
                       event.run,
                       event.version,
                       event.traceparent);
}

std::string as_text(const StepEvent& event) {
    return fmt::format("{}\n{} {}\n{} {} {} {}\n{}\n{}\n{}\n{}\n{}\n{} {} {}\n{}\n{}",
                       event.id,
                       event.service_id,
                       event.vmid,
                       event.pipeline,
                       event.run,
                       event.row,
                       event.number,
                       event.label,
                       event.result,
                       event.text,
                       event.from,
                       event.to,
                       event.attempts,
                       event.duration_us,
                       event.time.time_since_epoch().count(),
                       event.line,
                       event.traceparent);
}

std::string as_text(const RequestEvent& event) {
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}",
                       event.id,
                       event.source,
                       event.type,
                       event.service_id,
                       event.payload,
                       event.traceparent,
                       event.time.time_since_epoch().count());
}

std::string as_text(const LetterEvent& event) {
    return fmt::format("{} {} {} {}",
                       event.service_id,
                       event.run,
                       event.kind,
                       event.time.time_since_epoch().count());
}

// Empty for a JSON object.
std::string why_no_object(std::string_view json) {
    try {
        const JsonObject object(json, "data");
        return {};
    } catch (const Unreadable& why) {
        return why.what();
    }
}

template <typename Event>
using Reader = Event (*)(const Message&);

template <typename Event>
std::optional<Event> read_or_refuse(const Message& message, Reader<Event> read) {
    try {
        return read(message);
    } catch (const Unreadable& why) {
        const std::string_view reason = why.what();
        must(!reason.empty() && clean_text(reason) == reason, "the reason is a text", reason);
        return std::nullopt;
    }
}

// Whatever a reader throws of what was read before is a finding, since nobody catches it here.
template <typename Event>
void check_reader(const Message& message, Reader<Event> read) {
    const auto event = read_or_refuse(message, read);
    if (!event) return;
    const auto written = to_message(*event, "t");
    must(as_text(read(written)) == as_text(*event), "written and read again", as_text(*event));
    must(written.key == event->service_id, "the key is the service", written.key);

    // Its envelope nests the data one level deeper.
    const auto other_mode = structured(written);
    if (why_no_object(other_mode.body).find("nested too deep") != std::string::npos) return;
    must(as_text(read(other_mode)) == as_text(*event), "the other mode", other_mode.body);
}

// What both read may have no two opinions about the texts in it.
void check_texts(std::string_view body, const Json& theirs) {
    const JsonObject ours(body, "data");
    for (const auto& [name, value] : theirs.items()) {
        if (!value.is_string()) continue;
        try {
            const auto* member = ours.find(name);
            must(member != nullptr, "a name is read as others read it", name);
            must(member->as_text() == value.get<std::string>(), "a text as others read it", body);
        } catch (const Unreadable& twice) {
            must(std::string_view(twice.what()).ends_with("must appear once"), twice.what(), body);
        }
    }
}

// Two opinions about what JSON is. To the other one a NUL is the end, and a number too large for a
// double an error of its own.
void check_json(std::string_view body) {
    if (body.find('\0') != std::string_view::npos) return;
    const auto ours = why_no_object(body);
    const bool ours_alone = ours.find("nested too deep") != std::string::npos ||
                            ours.find("NUL character") != std::string::npos;
    try {
        const auto theirs = Json::parse(body);
        must(ours.empty() == theirs.is_object() || ours_alone, "others read this as JSON", ours);
        if (ours.empty()) check_texts(body, theirs);
    } catch (const Json::parse_error&) {
        must(!ours.empty(), "others do not read this as JSON", body);
    } catch (const Json::out_of_range&) {
        return;
    }
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const auto message = slipway::message_of(slipway::as_text(bytes, size));
    slipway::check_reader<slipway::StateEvent>(message, slipway::read_state_event);
    slipway::check_reader<slipway::StepEvent>(message, slipway::read_step_event);
    slipway::check_reader<slipway::RequestEvent>(message, slipway::read_request);
    slipway::check_reader<slipway::LetterEvent>(message, slipway::read_letter_event);
    slipway::check_json(message.body);
    return 0;
}
