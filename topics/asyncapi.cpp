#include "topics/asyncapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slipway {

namespace {

using Json = nlohmann::ordered_json;

constexpr auto binding_version = "0.5.0";

// A name that may stand in a reference: slipway.dead_letter becomes dead_letter.
std::string short_name(std::string_view type) {
    return std::string(type.substr(type.find('.') + 1));
}

Json reference(const std::string& path) {
    return {{"$ref", "#/" + path}};
}

std::string words(const std::vector<std::string>& all) {
    return fmt::format("{}", fmt::join(all, ", "));
}

std::string_view json_type(FieldKind kind) {
    switch (kind) {
        case FieldKind::Text:
            return "string";
        case FieldKind::WholeNumber:
            return "integer";
    }
    return "string";
}

Json payload_schema(const EventDescription& event) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const auto& field : event.fields) {
        properties[std::string(field.name)] = {{"type", json_type(field.kind)},
                                               {"description", field.meaning}};
        if (field.always) required.push_back(field.name);
    }
    return {{"type", "object"}, {"required", required}, {"properties", properties}};
}

Json headers_schema(const EventDescription& event) {
    const auto text = [](std::string_view meaning) {
        return Json{{"type", "string"}, {"description", meaning}};
    };
    auto type = text("The CloudEvents type.");
    if (event.type == "slipway.request") {
        type["pattern"] = "^slipway\\.request\\.[A-Za-z0-9_-]{1,64}$";
    } else {
        type["const"] = event.type;
    }
    return {{"type", "object"},
            {"required", {"ce_specversion", "ce_type", "ce_source", "ce_id"}},
            {"properties",
             {{"ce_specversion", {{"type", "string"}, {"const", "1.0"}}},
              {"ce_type", type},
              {"ce_source", text("Who wrote it.")},
              {"ce_id", text(event.id)},
              {"ce_time", text("When it happened, as RFC 3339.")},
              {"content-type",
               text("application/json; a message that says "
                    "application/cloudevents+json holds the whole event.")},
              {"traceparent", text("The W3C trace it belongs to; passed on.")}}}};
}

Json message(const EventDescription& event) {
    return {{"name", event.type},
            {"title", event.title},
            {"summary", event.meaning},
            {"contentType", "application/json"},
            {"headers", headers_schema(event)},
            {"payload", reference("components/schemas/" + short_name(event.type))},
            {"bindings",
             {{"kafka", {{"key", {{"type", "string"}}}, {"bindingVersion", binding_version}}}}}};
}

Json channel(const Catalogue& catalogue, const CatalogueTopic& topic) {
    Json messages = Json::object();
    for (const auto& event : topic.events) {
        messages[short_name(event)] = reference("components/messages/" + short_name(event));
    }
    const auto name = catalogue.full_name(topic);
    return {{"address", name},
            {"title", topic.name},
            {"description",
             fmt::format("{} The key is the {}. Written by: {}. Read by: {}.",
                         topic.why,
                         topic.key,
                         words(topic.writers),
                         words(topic.readers))},
            {"messages", messages},
            {"bindings",
             {{"kafka",
               {{"topic", name},
                {"partitions", topic.partitions},
                {"replicas", topic.replication},
                {"topicConfiguration",
                 {{"cleanup.policy", Json::array({"delete"})},
                  {"retention.ms", topic.retention.count()}}},
                {"bindingVersion", binding_version}}}}}};
}

Json operation(const CatalogueTopic& topic, std::string_view action) {
    const bool receives = action == "receive";
    Json messages = Json::array();
    for (const auto& event : topic.events) {
        messages.push_back(
            reference(fmt::format("channels/{}/messages/{}", topic.name, short_name(event))));
    }
    Json operation = {{"action", action},
                      {"channel", reference("channels/" + topic.name)},
                      {"summary",
                       fmt::format("{}: {}",
                                   receives ? "Read by" : "Written by",
                                   words(receives ? topic.readers : topic.writers))},
                      {"messages", messages}};
    if (receives) {
        operation["bindings"] = {
            {"kafka",
             {{"groupId", {{"type", "string"}, {"enum", Json::array({topic.group})}}},
              {"bindingVersion", binding_version}}}};
    }
    return operation;
}

}  // namespace

std::string asyncapi_document(const Catalogue& catalogue, std::string_view version) {
    Json channels = Json::object();
    Json operations = Json::object();
    for (const auto& topic : catalogue.topics) {
        channels[topic.name] = channel(catalogue, topic);
        operations["send-" + topic.name] = operation(topic, "send");
        if (!topic.group.empty()) operations["receive-" + topic.name] = operation(topic, "receive");
    }
    Json messages = Json::object();
    Json schemas = Json::object();
    for (const auto& event : event_descriptions()) {
        messages[short_name(event.type)] = message(event);
        schemas[short_name(event.type)] = payload_schema(event);
    }
    const Json document = {
        {"asyncapi", "3.0.0"},
        {"info",
         {{"title", "Slipway"},
          {"version", version},
          {"description",
           "Walks virtual machines through their lifecycle on Proxmox VE. Every message is a "
           "CloudEvent 1.0: written in binary mode, read in binary and in structured mode. A "
           "message may come twice; its ce_id is then the same."},
          {"license",
           {{"name", "Apache-2.0"}, {"url", "https://www.apache.org/licenses/LICENSE-2.0"}}}}},
        {"defaultContentType", "application/json"},
        {"channels", channels},
        {"operations", operations},
        {"components", {{"messages", messages}, {"schemas", schemas}}}};
    return document.dump(2) + "\n";
}

}  // namespace slipway
