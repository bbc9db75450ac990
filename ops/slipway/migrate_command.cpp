// slipway migrate: brings the database to the schema this binary knows.

#include <fmt/format.h>

#include "ops/slipway/command.h"
#include "ops/slipway/open.h"
#include "schema/migrate.h"

namespace slipway {
namespace {

int check_schema(const DatabaseSettings& database) {
    const int version = schema_version(database);
    const int newest = newest_schema_version();
    if (version == newest) {
        fmt::print("{}: schema {}, nothing to do\n", without_password(database), version);
        return Succeeded;
    }
    fmt::print(
        "{}: schema {}, this Slipway needs {}\n", without_password(database), version, newest);
    return CouldNot;
}

int bring_up_to_date(const DatabaseSettings& database) {
    const std::vector<std::string> applied = migrate(database);
    for (const std::string& name : applied) fmt::print("applied {}\n", name);
    fmt::print("{}: schema {}{}\n",
               without_password(database),
               newest_schema_version(),
               applied.empty() ? ", nothing to do" : "");
    return Succeeded;
}

}  // namespace

void add_migrate_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "migrate", "Bring the database to the schema this Slipway needs: all of it or nothing.");
    command->footer(
        "Run it once before a new version is started; several at once take turns. `slipway up`\n"
        "does it by itself.\n"
        "Example:\n"
        "  slipway migrate --check   exit code 1 if something is missing; changes nothing");
    const auto only_check = std::make_shared<bool>(false);
    command->add_flag("--check", *only_check, "Say what is missing and change nothing.");
    command->callback([&context, only_check] {
        context.action = [&context, only_check] {
            const DatabaseSettings database = database_settings(load_config(context).config);
            return *only_check ? check_schema(database) : bring_up_to_date(database);
        };
    });
}

}  // namespace slipway
