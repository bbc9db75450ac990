// slipway status: where the VMs stand, in one line. Asks the database alone.

#include <fmt/format.h>

#include <map>

#include "ops/slipway/command.h"
#include "ops/slipway/open.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

int print_status(const Config& config) {
    const auto store = open_store(database_settings(config));
    std::map<std::string, std::int64_t> states;
    for (const StateCount& count : store->count_states("")) states[count.state] += count.vms;
    std::string line;
    for (const auto& [state, vms] : states)
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", state, vms);
    for (const char* kind : {"parked", "unreadable", "rejected", "letter"})
        if (const auto letters = store->count_dead_letters(kind); letters > 0)
            line += fmt::format("; dead letters, {}: {}", kind, letters);
    fmt::print("{}\n", line.empty() ? "no VMs" : line);
    return Succeeded;
}

}  // namespace

void add_status_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("status", "Say where the VMs stand: how many in which state.");
    command->footer("Example:\n  watch -n 2 slipway status");
    command->callback([&context] {
        context.action = [&context] { return print_status(load_config(context).config); };
    });
}

}  // namespace slipway
