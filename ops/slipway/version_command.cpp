// slipway version: what this binary is, as a bug report wants it.

#include <fmt/format.h>

#include "ops/slipway/command.h"
#include "schema/migrate.h"

namespace slipway {

void add_version_command(CLI::App& app, Context& context) {
    CLI::App* version = app.add_subcommand("version", "Say which Slipway this is.");
    version->footer("Example:\n  slipway version   begin every bug report with it");
    version->callback([&context] {
        context.action = [] {
            fmt::print("slipway {} (schema {})\n", SLIPWAY_VERSION, newest_schema_version());
            return Succeeded;
        };
    });
}

}  // namespace slipway
