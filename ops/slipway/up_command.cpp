// slipway up: every role in one process, with an embedded broker and SQLite unless told otherwise.
// slipway run: chosen roles, against Kafka and PostgreSQL, in as many processes as one likes.
// slipway embedded-broker: what `up` starts as its child.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/slipway/command.h"
#include "ops/slipway/live_lines.h"
#include "ops/slipway/open.h"
#include "ops/slipway/serve.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "topics/catalogue.h"

namespace slipway {
namespace {

constexpr std::chrono::seconds warm_up_longest{10};

struct ServeOptions {
    std::vector<std::string> roles;
    bool verbose = false;
};

void warm_up(KafkaBus& bus, const Config& config) {
    if (bus.warm_up(load_catalogue({}, config.broker.topic_prefix).full_names(), warm_up_longest))
        return;
    log(Level::Warning,
        "the broker does not answer or lacks topics; `slipway topics check` says which");
}

int run_roles(const Config& config, const Roles& roles, bool verbose, SystemClock& clock) {
    const auto store = open_store(database_settings(config));
    const auto bus = open_bus(config);
    warm_up(*bus, config);
    LivePrinter printer(clock, stdout);
    Spectator* spectator = verbose || config.log.verbose ? &printer : nullptr;
    const SecretBox secrets = open_secret_box(config);
    return serve(config, roles, {clock, *store, *bus, secrets, spectator});
}

void say_where(const Config& config, const std::string& broker) {
    fmt::print("slipway up: every role in this process\n");
    fmt::print("  broker    {}   kcat -b {} -L\n", broker, broker);
    fmt::print("  database  {}\n", without_password(database_settings(config)));
    fmt::print("  roles     {}\n", fmt::join(role_names(), ", "));
    fmt::print("  next      slipway apply -f inventory.yaml, or slipway rehearse --vms 100\n");
    std::fflush(stdout);
}

int up(const Config& config, const ServeOptions& options) {
    block_stop_signals();
    SystemClock clock;
    const StateFolder state(config.state_folder);
    open_or_make_secret_box(config);
    const DatabaseSettings database = database_settings(config);
    for (const std::string& name : migrate(database)) fmt::print("applied {}\n", name);
    std::unique_ptr<EmbeddedBroker> broker;
    if (config.broker.kind == BrokerKind::Embedded) {
        const auto store = open_store(database);
        remind_broker(*store, clock);
        broker = start_embedded_broker(config, [&database, &clock] {
            const auto again = open_store(database);
            remind_broker(*again, clock);
        });
    }
    say_where(config, broker ? broker->address() : config.broker.addresses);
    return run_roles(config, all_roles(), options.verbose, clock);
}

int run(const Config& config, const ServeOptions& options) {
    Roles roles;
    try {
        roles = roles_of(options.roles);
    } catch (const Error& error) {
        throw UsageError(error.what());
    }
    block_stop_signals();
    SystemClock clock;
    const DatabaseSettings database = database_settings(config);
    if (schema_version(database) != newest_schema_version())
        throw Error(fmt::format("{}: schema {}, this Slipway needs {}; run `slipway migrate` first",
                                without_password(database),
                                schema_version(database),
                                newest_schema_version()));
    fmt::print("slipway run: {}\n", fmt::join(options.roles, ", "));
    std::fflush(stdout);
    return run_roles(config, roles, options.verbose, clock);
}

}  // namespace

void add_up_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("up", "Run every role in one process; one machine needs nothing else.");
    command->footer(
        "Brings the database up to date, starts an embedded broker (unless broker.kind is kafka)\n"
        "and works until Ctrl-C. Whatever was in flight goes on where it was.\n"
        "Example:\n"
        "  slipway up --verbose      and, in another terminal: slipway rehearse --vms 100");
    const auto options = std::make_shared<ServeOptions>();
    command->add_flag("--verbose", options->verbose, "Print every step as it happens.");
    command->callback([&context, options] {
        context.action = [&context, options] { return up(load_config(context).config, *options); };
    });
}

void add_run_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("run", "Run chosen roles; start as many processes as you like.");
    command->footer(fmt::format(
        "Roles: {}.\n"
        "Each pipeline's role is one member of its consumer group; `due` and `intake` may run\n"
        "any number of times, too. The topics (`slipway topics create`) and the schema\n"
        "(`slipway migrate`) must be there.\n"
        "Example:\n"
        "  slipway run intake due service --config /etc/slipway/slipway.yaml",
        fmt::join(role_names(), ", ")));
    const auto options = std::make_shared<ServeOptions>();
    command->add_option("ROLE", options->roles, "What this process does.")->required();
    command->add_flag("--verbose", options->verbose, "Print every step as it happens.");
    command->callback([&context, options] {
        context.action = [&context, options] { return run(load_config(context).config, *options); };
    });
}

void add_embedded_broker_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("embedded-broker",
                                           "The broker that `slipway up` starts; not for people.");
    command->group("");
    command->callback([&context] { context.action = [] { return serve_embedded_broker(); }; });
}

}  // namespace slipway
