// Any text as topics.yaml: it is taken or refused with file, line and key; what was taken is the
// same after it was written, keeps the limits, and makes an AsyncAPI document.

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <typeinfo>

#include "tests/fuzz/property.h"
#include "topics/asyncapi.h"
#include "topics/catalogue.h"
#include "topics/event.h"

namespace slipway {
namespace {

using Json = nlohmann::json;

std::optional<Catalogue> read_or_refuse(std::string_view yaml) {
    try {
        return read_catalogue(yaml, "topics.yaml", "slipway.");
    } catch (const std::runtime_error& error) {
        const std::string_view why = error.what();
        must(typeid(error) == typeid(std::runtime_error), "no foreign error gets out", why);
        must(clean_text(why) == why, "the reason is a text", why);
        must(why.starts_with("topics.yaml:") && why[12] >= '1' && why[12] <= '9',
             "the reason begins with file and line",
             why);
        return std::nullopt;
    }
}

// JSON is YAML.
std::string written(const Catalogue& catalogue) {
    Json topics = Json::object();
    for (const auto& topic : catalogue.topics) {
        Json& out = topics[topic.name];
        out = {{"key", topic.key},
               {"events", topic.events},
               {"partitions", topic.partitions},
               {"embedded_partitions", topic.embedded_partitions},
               {"replication", topic.replication},
               {"retention", fmt::format("{}m", topic.retention.count() / 60'000)},
               {"writers", topic.writers},
               {"readers", topic.readers},
               {"why", topic.why}};
        if (!topic.group.empty()) out["group"] = topic.group;
    }
    return Json{{"topics", topics}}.dump();
}

void check_limits(const Catalogue& catalogue) {
    int embedded = 0;
    std::set<std::string> names;
    for (const auto& topic : catalogue.topics) {
        embedded += topic.embedded_partitions;
        must(names.insert(topic.name).second, "no topic is there twice", topic.name);
        must(topic.partitions >= 1 && topic.replication >= 1 && topic.retention.count() > 0,
             "numbers are numbers",
             topic.name);
        must(!topic.name.empty() && topic.name.size() < 200, "names are names", topic.name);
    }
    must(embedded <= most_embedded_partitions, "the embedded broker can hold them");
    for (const auto& spec : topic_specs(catalogue, 3))
        must(spec.replication <= 3, "no more copies than brokers", spec.name);
}

void check_catalogue(std::string_view yaml) {
    const auto catalogue = read_or_refuse(yaml);
    if (!catalogue) return;
    check_limits(*catalogue);
    const auto document = Json::parse(asyncapi_document(*catalogue, "1.0.0"));
    must(document["channels"].size() == catalogue->topics.size(), "a channel per topic");
    for (const auto& topic : catalogue->topics)
        if (topic.retention > std::chrono::minutes(10'000)) return;  // more minutes than are taken
    const auto text = written(*catalogue);
    must(written(read_catalogue(text, "again", "slipway.")) == text, "written and read", text);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    slipway::check_catalogue(slipway::as_text(bytes, size));
    return 0;
}
