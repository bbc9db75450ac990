// slipway config: what is wrong with the configuration, what is in force, and all there is.

#include <fmt/format.h>

#include <algorithm>

#include "consumers/runtime/config_keys.h"
#include "ops/slipway/command.h"

namespace slipway {
namespace {

int check_config(const Context& context) {
    const LoadedConfig loaded = load_config(context);
    const auto chosen =
        std::count_if(loaded.values.begin(), loaded.values.end(), [](const ConfigValue& value) {
            return value.source != "default";
        });
    fmt::print("{}: nothing is wrong; {} of {} keys are set, the others have their defaults\n",
               loaded.file.empty() ? "no configuration file" : loaded.file,
               chosen,
               loaded.values.size());
    return Succeeded;
}

int show_config(const Context& context) {
    const LoadedConfig loaded = load_config(context);
    fmt::print("# {}\n", loaded.file.empty() ? "no configuration file" : loaded.file);
    for (const ConfigValue& value : loaded.values)
        fmt::print("{:<26} {:<40} # {}\n",
                   fmt::format("{}:", value.path),
                   value.value.empty() ? "\"\"" : value.value,
                   value.source);
    return Succeeded;
}

}  // namespace

void add_config_command(CLI::App& app, Context& context) {
    CLI::App* config = app.add_subcommand("config", "Check, show and explain the configuration.");
    config->require_subcommand(1);
    config->footer(
        "Example:\n"
        "  slipway config example > slipway.yaml   begin with a file that explains every key\n"
        "  slipway config check                    after every change");

    CLI::App* check = config->add_subcommand(
        "check", "Say everything that is wrong with the configuration, with file, line and key.");
    check->footer("Example:\n  slipway config check --config /etc/slipway/slipway.yaml");
    check->callback([&context] { context.action = [&context] { return check_config(context); }; });

    CLI::App* show = config->add_subcommand(
        "show", "Print every value in force and where it came from; secrets are masked.");
    show->footer("Example:\n  slipway config show | grep database");
    show->callback([&context] { context.action = [&context] { return show_config(context); }; });

    CLI::App* example = config->add_subcommand(
        "example", "Print a file with every key, what it means, its limits and its default.");
    example->footer("Example:\n  slipway config example > slipway.yaml");
    example->callback([&context] {
        context.action = [] {
            fmt::print("{}", example_config());
            return Succeeded;
        };
    });
}

}  // namespace slipway
