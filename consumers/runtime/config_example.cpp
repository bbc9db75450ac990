// The example file, printed from the table: every key with its sentence, type, variable, default.

#include <fmt/format.h>

#include "consumers/runtime/config_keys.h"

namespace slipway {
namespace {

constexpr std::string_view opening =
    R"(# Slipway's configuration: every key there is, with its default. All of them may be left out;
# without any file Slipway runs on the embedded broker and SQLite in ./slipway-state.
#
# Looked for in: --config FILE, $SLIPWAY_CONFIG, ./slipway.yaml, /etc/slipway/slipway.yaml.
# The variable named with each key overrides the file. A secret may stand in a file of its own:
# name that file with the key or variable that is named beside it.
# `slipway config check` says what is wrong, `slipway config show` what is in force and why.
)";

std::string entry(const ConfigKey& key, std::string_view indent) {
    const std::size_t dot = key.path.find('.');
    const std::string_view name =
        dot == std::string_view::npos ? key.path : key.path.substr(dot + 1);
    const std::string variable = environment_name(key.path);
    const Config defaults;
    std::string value = value_text(defaults, key, Show::Plain);
    if (value.empty()) value = "\"\"";
    std::string out =
        fmt::format("{0}# {1}\n{0}# {2}; {3}", indent, key.sentence, type_text(key), variable);
    if (key.secret != Secret::No) out += fmt::format("; {}_file, {}_FILE", name, variable);
    return out + fmt::format("\n{}{}: {}\n", indent, name, value);
}

}  // namespace

std::string example_config() {
    std::string out(opening);
    std::string_view section;
    for (const ConfigKey& key : config_keys()) {
        const std::size_t dot = key.path.find('.');
        const std::string_view its_section =
            dot == std::string_view::npos ? std::string_view() : key.path.substr(0, dot);
        out += '\n';
        if (its_section != section) out += fmt::format("{}:\n", its_section);
        section = its_section;
        out += entry(key, section.empty() ? "" : "  ");
    }
    return out;
}

}  // namespace slipway
