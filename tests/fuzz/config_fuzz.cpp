// Any text as slipway.yaml: it is taken, or refused with file and line for each problem; what was
// taken is the same when every value comes from the environment instead, and a secret shows in no
// value and no problem.

#include <optional>
#include <variant>

#include "consumers/runtime/config.h"
#include "consumers/runtime/config_keys.h"
#include "tests/fuzz/property.h"

namespace slipway {
namespace {

constexpr std::string_view secret = "hunter2-is-the-secret";

// A secret that the file says nothing of, beside whatever it does say.
const Environment with_secret = {
    {"SLIPWAY_BROKER_PROPERTIES", "{sasl.password: hunter2-is-the-secret}"}};

bool shows_secret(std::string_view text) {
    return text.find(secret) != std::string_view::npos;
}

std::optional<LoadedConfig> read_or_refuse(const std::string& yaml,
                                           const Environment& environment) {
    try {
        return parse_config(yaml, "slipway.yaml", environment);
    } catch (const ConfigError& error) {
        must(!error.problems.empty(), "a refusal has a reason");
        for (const auto& problem : error.problems) {
            const bool has_place = problem.starts_with("slipway.yaml:") ||
                                   problem.starts_with("SLIPWAY_") ||
                                   problem.starts_with("default: ");
            must(has_place, "a problem begins with its place", problem);
            must(!shows_secret(problem), "no secret in a problem", problem);
        }
        return std::nullopt;
    }
}

// The values themselves: as texts two that differ may look alike.
struct Same {
    Config& left;
    Config& right;

    template <typename Place>
    bool operator()(Place place) const {
        return place(left) == place(right);
    }
    bool operator()(const Choice& choice) const { return choice.get(left) == choice.get(right); }
};

// A map has no form as one text that reads back for all names.
bool is_map(const ConfigKey& key) {
    return key.path == "broker.properties";
}

void check_same(Config& left, Config& right) {
    for (const ConfigKey& key : config_keys())
        must(is_map(key) || std::visit(Same{left, right}, key.place),
             key.path,
             value_text(left, key, Show::Plain));
}

void check_config(const std::string& yaml) {
    auto loaded = read_or_refuse(yaml, {});
    if (const auto secretly = read_or_refuse(yaml, with_secret)) {
        must(secretly->config.broker.properties.at("sasl.password") == secret, "it is in force");
        for (const auto& value : secretly->values)
            must(!shows_secret(value.value), "no secret is shown", value.value);
    }
    if (!loaded) return;
    Environment environment;
    for (const ConfigKey& key : config_keys())
        if (!is_map(key))
            environment[environment_name(key.path)] = value_text(loaded->config, key, Show::Plain);
    auto again = parse_config("", "", environment);
    check_same(loaded->config, again.config);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string yaml(slipway::as_text(bytes, size));
    // A key whose value names a file is read from this machine, and that may be any file.
    // And the fuzzer sees what is compared with what: it may guess the secret.
    if (yaml.find("_file") != std::string::npos || slipway::shows_secret(yaml)) return -1;
    slipway::check_config(yaml);
    return 0;
}
