// The AsyncAPI document: it obeys the rules of the format, and it tells the truth about what we
// write.

#include "topics/asyncapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "topics/event.h"

namespace slipway {
namespace {

using Json = nlohmann::json;

Json document() {
    return Json::parse(asyncapi_document(load_catalogue(), "1.2.3"));
}

// What the format allows a key to be made of.
bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char letter) {
        return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' ||
               letter == '.' || letter == '-';
    });
}

// Calls `visit` for every reference in the document.
template <typename Visit>
void each_reference(const Json& node, const Visit& visit) {
    if (node.is_object() && node.contains("$ref")) visit(node["$ref"].get<std::string>());
    if (!node.is_structured()) return;
    for (const auto& child : node) each_reference(child, visit);
}

TEST(AsyncApi, HasWhatTheFormatRequires) {
    const auto api = document();

    EXPECT_EQ(api["asyncapi"], "3.0.0");
    EXPECT_EQ(api["info"]["title"], "Slipway");
    EXPECT_EQ(api["info"]["version"], "1.2.3");
    const std::set<std::string> allowed = {"asyncapi",
                                           "id",
                                           "info",
                                           "servers",
                                           "channels",
                                           "operations",
                                           "components",
                                           "defaultContentType"};
    for (const auto& [key, value] : api.items()) EXPECT_TRUE(allowed.contains(key)) << key;
    for (const auto& [key, channel] : api["channels"].items()) {
        EXPECT_TRUE(is_name(key)) << key;
        EXPECT_TRUE(channel["address"].is_string());
        EXPECT_TRUE(channel["messages"].is_object());
    }
    for (const auto& [key, operation] : api["operations"].items()) {
        EXPECT_TRUE(is_name(key)) << key;
        EXPECT_TRUE(operation["action"] == "send" || operation["action"] == "receive") << key;
        EXPECT_TRUE(operation["channel"].contains("$ref")) << key;
    }
    for (const auto& [key, message] : api["components"]["messages"].items()) {
        EXPECT_TRUE(is_name(key)) << key;
        EXPECT_EQ(message["headers"]["type"], "object") << key;
        EXPECT_TRUE(message["payload"].is_object()) << key;
    }
}

TEST(AsyncApi, EveryReferenceLeadsSomewhere) {
    const auto api = document();
    int references = 0;
    each_reference(api, [&](const std::string& to) {
        ++references;
        ASSERT_EQ(to.substr(0, 2), "#/") << to;
        EXPECT_TRUE(api.contains(Json::json_pointer(to.substr(1)))) << to;
    });
    EXPECT_GT(references, 30);
}

// The format wants an operation's messages to be among those of its own channel.
TEST(AsyncApi, AnOperationSpeaksOfTheMessagesOfItsChannel) {
    const auto api = document();
    for (const auto& [key, operation] : api["operations"].items()) {
        const auto channel = operation["channel"]["$ref"].get<std::string>();
        for (const auto& message : operation["messages"]) {
            const auto to = message["$ref"].get<std::string>();
            EXPECT_TRUE(to.starts_with(channel + "/messages/")) << key << " " << to;
        }
    }
}

TEST(AsyncApi, EveryTopicIsAChannelWithItsKafkaBinding) {
    const auto catalogue = load_catalogue({}, "other.");
    const auto api = Json::parse(asyncapi_document(catalogue, "1"));

    ASSERT_EQ(api["channels"].size(), catalogue.topics.size());
    for (const auto& topic : catalogue.topics) {
        const auto& channel = api["channels"][topic.name];
        EXPECT_EQ(channel["address"], "other." + topic.name);
        const auto& kafka = channel["bindings"]["kafka"];
        EXPECT_EQ(kafka["bindingVersion"], "0.5.0");
        EXPECT_EQ(kafka["topic"], "other." + topic.name);
        EXPECT_EQ(kafka["partitions"], topic.partitions);
        EXPECT_EQ(kafka["replicas"], topic.replication);
        EXPECT_EQ(kafka["topicConfiguration"]["cleanup.policy"], Json::array({"delete"}));
        EXPECT_EQ(kafka["topicConfiguration"]["retention.ms"], topic.retention.count());
        EXPECT_EQ(channel["messages"].size(), topic.events.size());
        EXPECT_EQ(api["operations"].contains("receive-" + topic.name), !topic.group.empty());
    }
}

// `full` has every field set, `bare` only what it must have.
void expect_truth(const Message& full, const Message& bare) {
    const auto api = document();
    std::string type;
    for (const auto& header : full.headers) {
        if (header.name == "ce_type") type = header.value;
    }
    auto name = type.substr(type.find('.') + 1);
    if (name.starts_with("request.")) name = "request";
    SCOPED_TRACE(name);
    ASSERT_TRUE(api["components"]["schemas"].contains(name));
    const auto& schema = api["components"]["schemas"][name];

    std::set<std::string> described;
    for (const auto& [field, value] : schema["properties"].items()) described.insert(field);
    std::set<std::string> written;
    const auto full_body = Json::parse(full.body);
    for (const auto& [field, value] : full_body.items()) {
        written.insert(field);
        EXPECT_EQ(schema["properties"][field]["type"], value.is_number() ? "integer" : "string");
    }
    EXPECT_EQ(written, described);

    std::set<std::string> required;
    for (const auto& field : schema["required"]) required.insert(field.get<std::string>());
    std::set<std::string> always;
    const auto bare_body = Json::parse(bare.body);
    for (const auto& [field, value] : bare_body.items()) always.insert(field);
    EXPECT_EQ(always, required);

    const auto& headers = api["components"]["messages"][name]["headers"];
    for (const auto& header : full.headers) {
        EXPECT_TRUE(headers["properties"].contains(header.name)) << header.name;
    }
    const auto& type_schema = headers["properties"]["ce_type"];
    if (type_schema.contains("const")) {
        EXPECT_EQ(type_schema["const"], type);
    } else {
        EXPECT_EQ(type_schema["pattern"], "^slipway\\.request\\.[A-Za-z0-9_-]{1,64}$");
    }
}

TEST(AsyncApi, DescribesEveryEventAsItIsWritten) {
    const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const EventTime time(std::chrono::seconds(1));
    const StateEvent state{.service_id = "1", .traceparent = trace};
    StepEvent step{.id = "i",
                   .service_id = "1",
                   .vmid = 2005,
                   .label = "l",
                   .result = "r",
                   .text = "t",
                   .from = "f",
                   .to = "t",
                   .time = time,
                   .line = "l",
                   .traceparent = trace};
    const DeadLetterEvent unreadable{.key = "k",
                                     .kind = "unreadable",
                                     .service_id = "1",
                                     .reason = "r",
                                     .time = time,
                                     .origin_topic = "t",
                                     .raw = "x"};
    const ActivityEvent activity{.service_id = "1", .kind = "k", .text = "t", .time = time};
    const LetterEvent letter{.service_id = "1", .kind = "k", .time = time};
    const RequestEvent request{.id = "i", .type = "deploy", .service_id = "1", .time = time};

    expect_truth(to_message(state, "t"), to_message(StateEvent{}, "t"));
    expect_truth(to_message(step, "t"), to_message(StepEvent{}, "t"));
    // A live line and a step are written by the same hand: only the type tells them apart.
    auto as_step = to_message(step, "t");
    as_step.headers[1].value = "slipway.step";
    expect_truth(as_step, to_message(StepEvent{}, "t"));
    expect_truth(to_message(activity, "t"), to_message(ActivityEvent{}, "t"));
    expect_truth(to_message(letter, "t"), to_message(LetterEvent{}, "t"));
    expect_truth(to_message(unreadable, "t"), to_message(DeadLetterEvent{}, "t"));
    expect_truth(to_message(request, "t"), to_message(request, "t"));
}

}  // namespace
}  // namespace slipway
