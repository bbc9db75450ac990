// Every endpoint, parameter and type that the sandbox accepts is Proxmox's own.

#include <gtest/gtest.h>

#include <fstream>

#include "ops/sandbox/api.h"
#include "tests/live/reference.h"
#include "tests/live/skipping.h"

namespace slipway::sandbox {
namespace {

std::string without_perl(std::string pattern) {
    for (std::size_t at; (at = pattern.find("(?^")) != std::string::npos;) pattern.erase(at + 2, 1);
    return pattern;
}

// What a schema says, in one order and one spelling, whoever wrote it.
Json facts_of(const Json& schema) {
    Json facts = Json::object();
    for (const char* key : {"type",
                            "enum",
                            "minimum",
                            "maximum",
                            "minLength",
                            "maxLength",
                            "alias",
                            "keyAlias",
                            "requires"})
        if (schema.contains(key)) facts[key] = schema[key];
    if (schema.contains("format") && schema["format"].is_string())
        facts["format"] = schema["format"];
    if (schema.contains("pattern")) facts["pattern"] = without_perl(schema["pattern"]);
    const Json parts = schema.value("props", Json::object());
    for (const auto& [name, part] : parts.items()) {
        facts["props"][name] = facts_of(part);
        facts["props"][name]["optional"] = part.value("optional", 0);
    }
    return facts;
}

TEST(SandboxApi, IsWhatProxmoxsSchemaSays) {
    if (auto why = cannot_run(missing_reference("pve-api.json"))) GTEST_SKIP() << *why;
    std::ifstream file(reference_file("pve-api.json"));
    std::map<std::string, Json> source;
    for (const Json& endpoint : Json::parse(file))
        source[endpoint["method"].get<std::string>() + " " + endpoint["path"].get<std::string>()] =
            endpoint;
    const Json ours = Json::parse(api_text());

    ASSERT_GT(ours["endpoints"].size(), 150U);
    for (const auto& [name, endpoint] : ours["endpoints"].items()) {
        SCOPED_TRACE(name);
        ASSERT_TRUE(source.contains(name));
        const Json& theirs = source[name];
        EXPECT_EQ(endpoint.value("protected", false), theirs["protected"] == 1);
        EXPECT_EQ(endpoint.value("ticket_only", false), theirs["token"] != 1);
        EXPECT_EQ(endpoint.contains("proxyto"), !theirs["proxyto"].is_null());
        EXPECT_EQ(endpoint.value("perm", Json()), theirs.value("perm", Json()));
        std::set<std::string> params;
        std::istringstream words(endpoint["params"].get<std::string>());
        for (std::string word; words >> word;) {
            const bool optional = word.ends_with('?');
            if (optional) word.pop_back();
            const std::string param = word.substr(0, word.find('#'));
            params.insert(param);
            ASSERT_TRUE(theirs["params"].contains(param)) << param;
            const Json& schema = theirs["params"][param];
            EXPECT_EQ(optional, schema.value("optional", 0) == 1) << param;
            EXPECT_EQ(facts_of(ours["schemas"][word]), facts_of(schema)) << param;
        }
        EXPECT_EQ(params.size(), theirs["params"].size());
    }
}

TEST(SandboxApi, FindsTheEndpointOfAPath) {
    const Api& api = the_api();
    const auto name = [&](const std::string& method, const std::string& path) {
        const auto found = api.find(method, path);
        return found ? found->endpoint->name : "none";
    };

    EXPECT_EQ(name("GET", "/nodes/pve1/qemu/100/config"), "GET /nodes/{node}/qemu/{vmid}/config");
    EXPECT_EQ(name("DELETE", "/nodes/a/storage/b/content/b:1/vm-1-disk-0.raw"),
              "DELETE /nodes/{node}/storage/{storage}/content/{volume}");
    EXPECT_EQ(name("GET", "/nodes/pve1/qemu/100/config/more"), "none");
    EXPECT_EQ(name("PUT", "/version"), "none");
    EXPECT_EQ(api.find("GET", "/nodes/n/qemu/1/firewall/ipset/s/10.0.0.0/8")->params.at("cidr"),
              "10.0.0.0/8");
    EXPECT_EQ(numbered_name("net31"), "net");
    EXPECT_EQ(numbered_name("net32"), std::nullopt);
}

}  // namespace
}  // namespace slipway::sandbox
