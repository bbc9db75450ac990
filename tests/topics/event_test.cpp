// Events as messages: what is written, that it is read back the same, and what a person is told
// about a message that cannot be read.

#include "topics/event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway {
namespace {

constexpr std::string_view trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string as_text(const Message& message) {
    std::string text = message.topic + " " + message.key + "\n";
    for (const auto& [name, value] : message.headers)
        text.append(name).append(": ").append(value).append("\n");
    return text + message.body + "\n";
}

StateEvent a_state_event() {
    return {.service_id = "5546", .pipeline = "deploy", .state = "set_ip", .run = 3, .version = 17};
}

StepEvent a_step_event() {
    return {.id = "5546/3/4",
            .service_id = "5546",
            .pipeline = "deploy",
            .run = 3,
            .row = 4,
            .number = 2,
            .label = "Clone VM",
            .result = "success",
            .text = "said \"fine\"\n\x01 \\ \xC3\xA9",
            .from = "set_ip",
            .to = "clone",
            .attempts = 2,
            .duration_us = 370'000,
            .time = EventTime(std::chrono::microseconds(1'776'530'318'000'042))};
}

Message binary(std::string type, std::string body) {
    return {.topic = "t",
            .key = "5546",
            .body = std::move(body),
            .headers = {{"ce_specversion", "1.0"},
                        {"ce_type", std::move(type)},
                        {"ce_source", "billing"},
                        {"ce_id", "order-1"},
                        {"content-type", "application/json"}}};
}

Message structured(std::string body) {
    return {.topic = "t",
            .key = "5546",
            .body = std::move(body),
            .headers = {{"content-type", "application/cloudevents+json; charset=UTF-8"}}};
}

Message without(Message message, std::string_view header) {
    std::erase_if(message.headers, [&](const Header& each) { return each.name == header; });
    return message;
}

Message with(Message message, std::string header, std::string value) {
    message = without(std::move(message), header);
    message.headers.push_back({std::move(header), std::move(value)});
    return message;
}

constexpr const char* good_state =
    R"({"service_id":"5546","pipeline":"deploy","run":3,"state":"set_ip","version":17})";

Message state(std::string body) {
    return binary("slipway.state", std::move(body));
}

std::string why_unreadable(const Message& message) {
    try {
        read_state_event(message);
    } catch (const Unreadable& unreadable) {
        return unreadable.what();
    }
    return "was read";
}

TEST(Event, AStateEventIsABinaryCloudEventWithAStableId) {
    auto event = a_state_event();
    event.traceparent = trace;

    EXPECT_EQ(as_text(to_message(event, "slipway.deploy")),
              "slipway.deploy 5546\n"
              "ce_specversion: 1.0\n"
              "ce_type: slipway.state\n"
              "ce_source: slipway\n"
              "ce_id: 5546/3/17\n"
              "content-type: application/json\n"
              "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
              R"({"service_id":"5546","pipeline":"deploy","run":3,"state":"set_ip","version":17})"
              "\n");
}

TEST(Event, AStateEventIsReadBackAsItWasWritten) {
    auto event = a_state_event();
    event.traceparent = trace;
    event.version = 1'776'530'318'000'042;

    const auto read = read_state_event(to_message(event, "slipway.deploy"));

    EXPECT_EQ(as_text(to_message(read, "t")), as_text(to_message(event, "t")));
}

TEST(Event, AStepEventIsReadBackAsItWasWritten) {
    const auto message = to_message(a_step_event(), "slipway.step-events");

    EXPECT_EQ(as_text(message),
              "slipway.step-events 5546\n"
              "ce_specversion: 1.0\n"
              "ce_type: slipway.step\n"
              "ce_source: slipway\n"
              "ce_id: 5546/3/4\n"
              "ce_time: 2026-04-18T16:38:38.000042Z\n"
              "content-type: application/json\n"
              R"({"service_id":"5546","pipeline":"deploy","run":3,"row":4,"number":2,)"
              R"("label":"Clone VM","result":"success","text":"said \"fine\"\n\u0001 \\ é",)"
              R"("from":"set_ip","to":"clone","attempts":2,"duration_us":370000})"
              "\n");
    EXPECT_EQ(as_text(to_message(read_step_event(message), "slipway.step-events")),
              as_text(message));
}

TEST(Event, ALiveLineHasATypeOfItsOwn) {
    auto event = a_step_event();
    event.line = "· fwd OK [hestiacp] puqcloud.com";

    const auto message = to_message(event, "slipway.step-events");

    EXPECT_EQ(message.headers[1].value, "slipway.line");
    EXPECT_EQ(read_step_event(message).line, event.line);
}

TEST(Event, ARequestKeepsItsPayloadToTheByte) {
    const RequestEvent request{.id = "order-1",
                               .source = "billing",
                               .type = "deploy",
                               .service_id = "5546",
                               .payload = R"({ "service_id": "5546", "package": {"cores": 2} })",
                               .traceparent = std::string(trace),
                               .time = EventTime(std::chrono::seconds(1'776'530'318))};

    const auto read = read_request(to_message(request, "slipway.requests"));

    EXPECT_EQ(read.id, "order-1");
    EXPECT_EQ(read.source, "billing");
    EXPECT_EQ(read.type, "deploy");
    EXPECT_EQ(read.service_id, "5546");
    EXPECT_EQ(read.payload, request.payload);
    EXPECT_EQ(read.traceparent, trace);
    EXPECT_EQ(read.time, request.time);
}

TEST(Event, APayloadEndsWithItsObjectInEitherMode) {
    const std::string data = "\r\n {\"service_id\":\"5546\"}\t\n";

    const auto binary_mode = read_request(binary("slipway.request.deploy", data));
    const auto structured_mode = read_request(
        structured(R"({"specversion":"1.0","type":"slipway.request.deploy","source":"billing",)"
                   R"("id":"order-1","data":)" +
                   data + "}"));

    EXPECT_EQ(binary_mode.payload, R"({"service_id":"5546"})");
    EXPECT_EQ(structured_mode.payload, binary_mode.payload);
}

TEST(Event, ARequestWithoutAPayloadStillNamesItsService) {
    const auto message =
        to_message(RequestEvent{.id = "r", .type = "terminate", .service_id = "5546"}, "t");

    EXPECT_EQ(message.body, R"({"service_id":"5546"})");
    EXPECT_EQ(read_request(message).service_id, "5546");
}

TEST(Event, ARequestMayNumberItsService) {
    EXPECT_EQ(read_request(binary("slipway.request.deploy", R"({"service_id":5546})")).service_id,
              "5546");
}

TEST(Event, StructuredModeIsReadToo) {
    const auto read = read_request(structured(
        R"({"specversion":"1.0","type":"slipway.request.deploy","source":"billing","id":"order-1",)"
        R"("time":"2026-04-18T18:38:38.5+02:00","datacontenttype":"application/json",)"
        R"("unknown":[1,{"deep":null}],"data":{"service_id":"5546","name":"\u00e9\ud83d\ude00"}})"));

    EXPECT_EQ(read.id, "order-1");
    EXPECT_EQ(read.source, "billing");
    EXPECT_EQ(read.type, "deploy");
    EXPECT_EQ(read.service_id, "5546");
    EXPECT_EQ(read.payload, R"({"service_id":"5546","name":"\u00e9\ud83d\ude00"})");
    EXPECT_EQ(read.time, EventTime(std::chrono::milliseconds(1'776'530'318'500)));
}

TEST(Event, ActivityAndDeadLettersAreWellFormed) {
    const auto activity = to_message(ActivityEvent{.service_id = "5546",
                                                   .run = 3,
                                                   .kind = "terminated",
                                                   .text = "Service terminated successfully",
                                                   .time = EventTime(std::chrono::seconds(1))},
                                     "slipway.activity");
    const std::string raw("\x00\xFF{", 3);
    const auto letter = to_message(DeadLetterEvent{.key = "k",
                                                   .kind = "unreadable",
                                                   .reason = "data: is empty",
                                                   .origin_topic = "slipway.requests",
                                                   .origin_partition = 2,
                                                   .origin_offset = 9,
                                                   .raw = raw,
                                                   .raw_length = 3,
                                                   .raw_sha256 = sha256_hex(raw)},
                                   "slipway.dead-letter");

    EXPECT_EQ(as_text(activity),
              "slipway.activity 5546\n"
              "ce_specversion: 1.0\n"
              "ce_type: slipway.activity\n"
              "ce_source: slipway\n"
              "ce_id: 5546/3/terminated\n"
              "ce_time: 1970-01-01T00:00:01.000000Z\n"
              "content-type: application/json\n"
              R"({"service_id":"5546","run":3,"kind":"terminated",)"
              R"("text":"Service terminated successfully"})"
              "\n");
    EXPECT_EQ(nlohmann::json::parse(letter.body)["raw_base64"], "AP97");
    EXPECT_EQ(nlohmann::json::parse(letter.body)["origin_offset"], 9);
}

TEST(Event, WhatIsWrittenIsJsonWhateverTheTextHolds) {
    auto event = a_step_event();
    for (int byte = 0; byte < 256; ++byte) {
        event.text = std::string("a") + static_cast<char>(byte) + "b";
        const auto message = to_message(event, "t");

        const auto text = nlohmann::json::parse(message.body)["text"].get<std::string>();

        EXPECT_EQ(text, clean_text(event.text)) << byte;
        EXPECT_EQ(read_step_event(message).text, text) << byte;
    }
}

TEST(Event, ALongTextIsCutSoThatTheEventCanBeSent) {
    auto event = a_step_event();
    event.text = std::string(3'000'000, 'x');

    EXPECT_EQ(read_step_event(to_message(event, "t")).text.size(), most_event_text_bytes);
}

TEST(Event, UnknownFieldsAndForeignTracesAreIgnored) {
    const auto message = with(
        state(
            R"( {"more":[[],{"a":-1.5e+3}],"service_id":"a.b_c:d-9","pipeline":"deploy",)"
            R"("run":0,"state":"\u0072eady","version":9223372036854775807,"x":"\u00e9\ud83d\ude00"} )"),
        "traceparent",
        "mine");

    const auto read = read_state_event(message);

    EXPECT_EQ(read.service_id, "a.b_c:d-9");
    EXPECT_EQ(read.state, "ready");
    EXPECT_EQ(read.version, INT64_MAX);
    EXPECT_EQ(read.traceparent, "");
}

TEST(Event, WhatCannotBeReadSaysWhichFieldWhatIsWrongAndWhatWouldBeRight) {
    const std::string service_cure =
        "must be a string of 1 to 128 letters, digits, '.', '_', ':' or '-'";
    const std::string s = good_state;
    const auto replaced = [&](std::string_view from, std::string_view to) {
        auto body = s;
        body.replace(body.find(from), from.size(), to);
        return state(body);
    };
    struct Row {
        Message message;
        std::string why;
    };
    const Row rows[] = {
        {state(s), "was read"},
        {state(""), "data: is empty, must be a JSON object"},
        {state("deploy 5546"),
         "data: is not JSON at byte 0 (a value is missing), must be a JSON object"},
        {state(s.substr(0, 40)), "data: ends too early, at byte 40, must be a whole JSON object"},
        {state("[1,2]"), "data: is not an object, must be a JSON object"},
        {state(s + "x"),
         "data: is not JSON at byte 79 (something follows the object), must be a JSON object"},
        {replaced("17", "017"),
         "data: is not JSON at byte 77 (a comma or } is missing), must be a JSON object"},
        {replaced("17", "+17"),
         "data: is not JSON at byte 76 (a value is missing), must be a JSON object"},
        {replaced("\"version\"", "version"),
         "data: is not JSON at byte 66 (a field's name in quotes is missing), must be a JSON "
         "object"},
        {state(std::string(5000, '[')),
         "data: is nested too deep at byte 32, must be at most 32 levels"},
        {replaced("set_ip", std::string_view("a\0b", 3)),
         "data: has a NUL character at byte 59, must be text without one"},
        {replaced("set_ip", "a\\u0000b"),
         "data: has a NUL character at byte 65, must be text without one"},
        {replaced("set_ip", "a\nb"),
         "data: is not JSON at byte 59 (a control character stands in a text), must be a JSON "
         "object"},
        {replaced("set_ip", "\xC0\xAF"), "data: is not UTF-8 at byte 58, must be valid UTF-8"},
        {replaced("set_ip", "\\ud800x"),
         "data: is not JSON at byte 64 (half a surrogate pair), must be a JSON object"},
        {replaced("set_ip", "\\x"),
         "data: is not JSON at byte 59 (an escape is wrong), must be a JSON object"},
        {replaced("17", "\"17\""), "data.version: is a string, must be a whole number above 0"},
        {replaced("17", "0"), "data.version: is too small, must be a whole number above 0"},
        {replaced("17", "1.5"),
         "data.version: has a fraction or an exponent, must be a whole number above 0"},
        {replaced("17", "9223372036854775808"),
         "data.version: is beyond 64 bits, must be a whole number above 0"},
        {replaced("17", "null"), "data.version: is null, must be a whole number above 0"},
        {replaced(",\"version\":17", ""),
         "data.version: is missing, must be a whole number above 0"},
        {replaced("17", "17,\"version\":18"), "data.version: appears twice, must appear once"},
        {replaced("3", "-1"), "data.run: is too small, must be a whole number, 0 or above"},
        {replaced("\"5546\"", "5546"), "data.service_id: is a number, " + service_cure},
        {replaced("5546", ""), "data.service_id: is empty, " + service_cure},
        {replaced("5546", "55 46"), "data.service_id: has another character, " + service_cure},
        {replaced("5546", std::string(129, '5')),
         "data.service_id: is 129 bytes long, " + service_cure},
        {replaced("\"deploy\"", "{\"a\":1}"),
         "data.pipeline: is an object, must be a name of 1 to 64 letters, digits, '_' or '-'"},
        {replaced("set_ip", "set ip"),
         "data.state: is not a name, must be a name of 1 to 64 letters, digits, '_' or '-'"},
        {state(std::string(most_body_bytes + 1, ' ')),
         "message: is 262145 bytes, must be at most 262144 bytes"},
        {without(state(s), "ce_specversion"),
         "ce_specversion: is missing, must be 1.0 (or the content-type "
         "application/cloudevents+json)"},
        {with(state(s), "ce_specversion", "0.3"),
         "ce_specversion: is another version, must be 1.0"},
        {without(state(s), "ce_id"),
         "ce_id: is missing or empty, must be a text of 1 to 256 bytes"},
        {with(state(s), "ce_id", std::string(257, 'i')),
         "ce_id: is 257 bytes long, must be a text of 1 to 256 bytes"},
        {with(state(s), "ce_id", "\xFF"), "ce_id: is not UTF-8, must be a text of 1 to 256 bytes"},
        {with(state(s), "ce_id", "a\nb"),
         "ce_id: has a control character, must be a text of 1 to 256 bytes"},
        {without(state(s), "ce_source"),
         "ce_source: is missing or empty, must be a text of 1 to 256 bytes"},
        {binary("com.example.paid", s),
         "ce_type: is not known on this topic, must be slipway.state"},
        {with(state(s), "content-type", "text/plain"),
         "content-type: is another type, must be application/json"},
        {with(state(s), "content-type", "application/cloudevents-batch+json"),
         "content-type: is a batch of events, must be one event in each message"},
        {with(state(s), "content-type", "application/cloudevents+avro"),
         "content-type: is another event format, must be application/cloudevents+json"},
        {structured("{"), "event: ends too early, at byte 1, must be a whole JSON object"},
        {structured("{}"), "event.specversion: is missing or another version, must be 1.0"},
        {structured(R"({"specversion":1.0})"), "event.specversion: is a number, must be a string"},
        {structured(R"({"specversion":"1.0"})"), "event.data: is missing, must be a JSON object"},
        {structured(R"({"specversion":"1.0","data_base64":"e30="})"),
         "event.data: came as data_base64, must be a JSON object"},
        {structured(R"({"specversion":"1.0","type":"slipway.state","source":"b","data":{}})"),
         "event.id: is missing or empty, must be a text of 1 to 256 bytes"},
        {structured(R"({"specversion":"1.0","type":"x","source":"b","id":"1","data":{}})"),
         "event.type: is not known on this topic, must be slipway.state"},
    };

    for (const auto& row : rows) {
        EXPECT_EQ(why_unreadable(row.message), row.why) << row.message.body.substr(0, 200);
    }
}

TEST(Event, ARequestMustSayWhichKindItIs) {
    for (const auto* type : {"slipway.request.", "slipway.request.a b", "deploy"}) {
        try {
            read_request(binary(type, R"({"service_id":"1"})"));
            ADD_FAILURE() << type << " was read";
        } catch (const Unreadable& unreadable) {
            EXPECT_STREQ(unreadable.what(),
                         "ce_type: is not known on this topic, must be slipway.request.NAME, such "
                         "as slipway.request.deploy");
        }
    }
}

TEST(Event, ATimeThatIsNoneIsRefused) {
    for (const auto* time : {"yesterday",
                             "2026-02-30T00:00:00Z",
                             "2026-01-01T24:00:00Z",
                             "2026",
                             "2026-01-01T00:00:00",
                             "2026-01-01T00:00:00.Z",
                             "2026-01-01T00:00:00Z "}) {
        try {
            read_request(
                with(binary("slipway.request.deploy", R"({"service_id":"1"})"), "ce_time", time));
            ADD_FAILURE() << time << " was read";
        } catch (const Unreadable& unreadable) {
            EXPECT_STREQ(unreadable.what(),
                         "ce_time: is not a time, must be like 2026-01-31T12:00:00Z");
        }
    }
}

TEST(Event, TextIsCleanedOfWhatDatabasesRefuse) {
    // NOLINTNEXTLINE(bugprone-string-constructor): the literal goes on behind its NUL
    const std::string_view dirty("a\0b\xFF\xC3\xA9\xED\xA0\x80\xF0\x9F\x98", 13);
    EXPECT_EQ(clean_text(dirty), "ab\uFFFDé\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(clean_text("plain"), "plain");
}

TEST(Event, TheKeyOfAnUnreadableMessageTellsWhereWhenAndWhatItWas) {
    const Received received{.message = {.topic = "t", .key = "k", .body = "b"}, .offset = 7};
    auto later = received;
    later.timestamp_ms = 1;
    auto other = received;
    other.message.key = "kb";
    other.message.body = "";

    EXPECT_EQ(unreadable_key(received).size(), 64U);
    EXPECT_EQ(unreadable_key(received), unreadable_key(received));
    EXPECT_NE(unreadable_key(received), unreadable_key(later));
    EXPECT_NE(unreadable_key(received), unreadable_key(other));
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace slipway
