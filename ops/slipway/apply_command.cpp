// slipway apply: makes the inventory what a file says, all of it or nothing.

#include <fmt/format.h>

#include "ops/slipway/apply.h"
#include "ops/slipway/command.h"
#include "ops/slipway/open.h"
#include "schema/sql_store.h"

namespace slipway {

void add_apply_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "apply",
        "Declare clusters, templates, packages, IP pools, DNS and letters, as a file says.");
    command->footer(
        "The whole is checked before anything changes, and then all of it changes at once.\n"
        "Running processes follow within a second, and VMs whose step fails then try again.\n"
        "What is printed: + new, ~ changed, - removed. What the file does not name is kept,\n"
        "unless --remove is given; a secret that it does not name is kept, too.\n"
        "ops/config/inventory.example.yaml explains every key.\n"
        "Examples:\n"
        "  slipway apply -f inventory.yaml --dry-run   show what would change\n"
        "  slipway apply -f inventory.yaml\n"
        "  slipway get all -o yaml > inventory.yaml    begin with what is declared already");
    struct Arguments {
        std::string file;
        bool dry = false;
        bool remove = false;
    };
    const auto a = std::make_shared<Arguments>();
    command->add_option("-f,--file", a->file, "What is to be declared.")
        ->type_name("FILE.yaml")
        ->required();
    command->add_flag("--dry-run", a->dry, "Check and show the differences; change nothing.");
    command->add_flag("--remove", a->remove, "Take out what the file does not name.");
    command->callback([&context, a] {
        context.action = [&context, a] {
            const Config config = load_config(context).config;
            const InventoryFile file = load_inventory(a->file);
            for (const std::string& warning : file.warnings) log(Level::Warning, warning);
            const auto store = open_store(database_settings(config));
            const SecretBox box = open_secret_box(config);
            const SystemClock clock;
            fmt::print("{}",
                       apply_inventory({*store, box, clock},
                                       file,
                                       {.run = a->dry ? ApplyRun::Dry : ApplyRun::Real,
                                        .absent = a->remove ? Absent::Removed : Absent::Kept}));
            return Succeeded;
        };
    });
}

}  // namespace slipway
