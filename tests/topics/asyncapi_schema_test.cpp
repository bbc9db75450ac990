// The AsyncAPI document against the format's official JSON schema, which is fetched once.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/live/child_process.h"
#include "tests/live/skipping.h"
#include "tests/live/temp_folder.h"
#include "topics/asyncapi.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

const std::filesystem::path here = SLIPWAY_TESTS_TOPICS;

// Its path, or why it cannot be had here.
struct Schema {
    std::string path = {};
    std::optional<std::string> missing = {};
};

std::string last_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

Schema fetch_schema() {
    const TempFolder folder;
    const auto path = folder.path() / "path";
    ChildProcess fetching({.program = here / "fetch_asyncapi_schema",
                           .output = path,
                           .errors = folder.path() / "errors"});
    const auto code = fetching.wait(150s);
    if (code != 0) return {.missing = last_line(fetching.tail())};
    return {.path = last_line(read_from(path, 0))};
}

// What the schema says against a document; empty if nothing.
std::string breaches(const Schema& schema, const Json& document) {
    const TempFolder folder;
    const auto file = folder.path() / "document.json";
    std::ofstream(file) << document.dump();
    ChildProcess validating({.program = here / "validate_json",
                             .arguments = {schema.path, file.string()},
                             .output = folder.path() / "output"});
    const auto code = validating.wait(60s);
    std::string said = validating.tail();
    EXPECT_EQ(code, said.empty() ? 0 : 1) << said;
    return said;
}

std::optional<std::string> no_validator() {
    const TempFolder folder;
    ChildProcess asking({.program = "/usr/bin/python3",
                         .arguments = {"-c", "import jsonschema"},
                         .output = folder.path() / "output"});
    if (asking.wait(60s) == 0) return std::nullopt;
    return "no python3-jsonschema (ops/install test brings it)";
}

TEST(AsyncApiSchema, TheDocumentObeysIt) {
    if (auto why = cannot_run(no_validator())) GTEST_SKIP() << *why;
    const Schema schema = fetch_schema();
    if (auto why = cannot_run(schema.missing)) GTEST_SKIP() << *why;

    EXPECT_EQ(breaches(schema, Json::parse(asyncapi_document(load_catalogue(), "1.2.3"))), "");
}

TEST(AsyncApiSchema, WouldSayWhatIsWrongWithADocument) {
    if (auto why = cannot_run(no_validator())) GTEST_SKIP() << *why;
    const Schema schema = fetch_schema();
    if (auto why = cannot_run(schema.missing)) GTEST_SKIP() << *why;
    const auto good = Json::parse(asyncapi_document(load_catalogue(), "1.2.3"));
    const struct {
        std::string place;
        Json value;
    } rows[] = {
        {"/info/version", 1},
        {"/channels/requests/adress", "slipway.requests"},
        {"/channels/requests/bindings/kafka/partitions", 0},
        {"/components/messages/state/payload/type", "objekt"},
        {"/operations/x", {{"action", "publish"}, {"channel", {{"$ref", "#/channels/requests"}}}}},
    };

    for (const auto& row : rows) {
        auto wrong = good;
        wrong[Json::json_pointer(row.place)] = row.value;
        EXPECT_NE(breaches(schema, wrong), "") << row.place;
    }
}

}  // namespace
}  // namespace slipway
