#pragma once
// What the sub-commands of `slipway` share. Each has a file of its own, which declares its options
// and says what is to be done; main() parses, does it, and turns what went wrong into an exit code:
// 0 done, 1 failed, 2 wrong use or configuration.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "consumers/runtime/config.h"

namespace slipway {

enum ExitCode : int { Succeeded = 0, CouldNot = 1, WrongUse = 2 };

struct Context {
    std::string config_file;      // from --config; empty if it was not given
    std::function<int()> action;  // of the sub-command that was chosen; answers an exit code
};

// Wrong arguments that only show once the configuration is known. Ends with exit code 2.
struct UsageError : Error {
    using Error::Error;
};

// What is wrong with the arguments that `app` could not take, which word may have been meant, and
// whose help says more.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error);

// Finds and reads the configuration, sets the log up as it says, and logs what is odd in it.
LoadedConfig load_config(const Context& context);

void add_apply_command(CLI::App& app, Context& context);
void add_config_command(CLI::App& app, Context& context);
void add_dns_command(CLI::App& app, Context& context);
void add_embedded_broker_command(CLI::App& app, Context& context);
void add_get_command(CLI::App& app, Context& context);
void add_migrate_command(CLI::App& app, Context& context);
void add_pipelines_command(CLI::App& app, Context& context);
void add_pve_command(CLI::App& app, Context& context);
void add_rehearse_command(CLI::App& app, Context& context);
void add_run_command(CLI::App& app, Context& context);
void add_sandbox_command(CLI::App& app, Context& context);
void add_status_command(CLI::App& app, Context& context);
void add_topics_command(CLI::App& app, Context& context);
void add_up_command(CLI::App& app, Context& context);
void add_version_command(CLI::App& app, Context& context);
void add_vm_command(CLI::App& app, Context& context);
void add_watch_command(CLI::App& app, Context& context);

}  // namespace slipway
