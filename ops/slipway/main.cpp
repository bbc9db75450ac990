// The command `slipway`: one sub-command per file, listed here in the order people should see them.
// What is said about wrong use stands in wrong_use.cpp.

#include <fmt/format.h>

#include <cstdio>

#include "consumers/runtime/check.h"
#include "ops/slipway/command.h"

namespace slipway {
namespace {

constexpr const char* what_it_is =
    "Slipway walks virtual machines through their lifecycle on Proxmox VE: it takes what a "
    "billing\n"
    "system orders, does the thirty small things that make it true, and shows every step live.";

constexpr const char* what_next = "Every command explains itself: slipway COMMAND --help";
constexpr const char* exit_codes =
    "\n\nExit codes: 0 done, 1 failed, 2 wrong use or configuration.";

void say(std::string_view text) {
    fmt::print(stderr, "slipway: {}\n", text);
}

// Ends every help text with what the exit codes mean.
void explain_exit_codes(CLI::App& command) {
    command.footer(command.get_footer() + exit_codes);
    for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; }))
        explain_exit_codes(*sub);
}

// Everything that can go wrong arrives here, as one sentence per thing that is wrong.
int act(const Context& context) {
    try {
        return context.action();
    } catch (const ConfigError& error) {
        for (const std::string& problem : error.problems) fmt::print(stderr, "{}\n", problem);
        return WrongUse;
    } catch (const UsageError& error) {
        say(error.what());
        return WrongUse;
    } catch (const CheckFailed& bug) {
        say(fmt::format("{}; this is a bug of ours, please report it", bug.what()));
        return CouldNot;
    } catch (const std::exception& error) {
        say(error.what());
        return CouldNot;
    }
}

}  // namespace

LoadedConfig load_config(const Context& context) {
    const Environment environment = process_environment();
    const auto chosen =
        context.config_file.empty() ? std::nullopt : std::optional(context.config_file);
    LoadedConfig loaded = load_config(find_config_file(chosen, environment), environment);
    set_log(loaded.config.log.level, loaded.config.log.format);
    for (const std::string& warning : loaded.warnings) log(Level::Warning, warning);
    return loaded;
}

}  // namespace slipway

int main(int argc, char** argv) {
    slipway::Context context;
    CLI::App app{slipway::what_it_is, "slipway"};
    app.footer(slipway::what_next);
    app.require_subcommand(1);
    app.fallthrough();  // --config may stand behind the sub-command as well
    app.add_option("--config",
                   context.config_file,
                   "The configuration file; else $SLIPWAY_CONFIG, ./slipway.yaml, "
                   "/etc/slipway/slipway.yaml")
        ->type_name("FILE");

    slipway::add_up_command(app, context);
    slipway::add_run_command(app, context);
    slipway::add_apply_command(app, context);
    slipway::add_get_command(app, context);
    slipway::add_vm_command(app, context);
    slipway::add_dns_command(app, context);
    slipway::add_rehearse_command(app, context);
    slipway::add_status_command(app, context);
    slipway::add_pipelines_command(app, context);
    slipway::add_migrate_command(app, context);
    slipway::add_topics_command(app, context);
    slipway::add_watch_command(app, context);
    slipway::add_pve_command(app, context);
    slipway::add_config_command(app, context);
    slipway::add_sandbox_command(app, context);
    slipway::add_version_command(app, context);
    slipway::add_embedded_broker_command(app, context);
    slipway::explain_exit_codes(app);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // of --help
        slipway::say(slipway::what_is_wrong(app, error));
        return slipway::WrongUse;
    }
    return slipway::act(context);
}
