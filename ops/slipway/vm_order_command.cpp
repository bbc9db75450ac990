// slipway vm create: an order, as billing would send it, written into the database at once.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "consumers/inventory/inventory_book.h"
#include "consumers/inventory/order.h"
#include "ops/slipway/open.h"
#include "ops/slipway/vm.h"
#include "producer/admission.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

struct CreateOptions {
    std::string service;
    std::string package;
    std::string client;
    std::string email;
    std::string domain;
    std::string username;
    std::string node;
    std::string id;
    std::vector<std::string> ssh_key_files;
    std::vector<std::string> options;
};

// Every key of a file as in authorized_keys.
void read_keys(const std::string& file, nlohmann::json& keys) {
    std::ifstream in(file);
    if (!in) throw UsageError(fmt::format("--ssh-key: cannot read {}", file));
    for (std::string line; std::getline(in, line);)
        if (!line.empty() && line.front() != '#') keys.push_back(line);
}

nlohmann::json order_of(const CreateOptions& options) {
    nlohmann::json order{{"service_id", options.service}, {"package", options.package}};
    const auto put = [&](const char* name, const std::string& value) {
        if (!value.empty()) order[name] = value;
    };
    put("client_id", options.client);
    put("email", options.email);
    put("domain", options.domain);
    put("username", options.username);
    put("node", options.node);
    for (const std::string& file : options.ssh_key_files) read_keys(file, order["ssh_keys"]);
    for (const std::string& option : options.options) {
        const auto equals = option.find('=');
        if (equals == std::string::npos)
            throw UsageError(fmt::format("--option {}: must be NAME=VALUE", option));
        order["options"][option.substr(0, equals)] = option.substr(equals + 1);
    }
    return order;
}

std::string new_order_id() {
    std::random_device chance;
    return fmt::format("cli-{:08x}{:08x}", chance(), chance());
}

int create(const Config& config, const CreateOptions& options) {
    const auto store = open_store(database_settings(config));
    const SystemClock clock;
    const SecretBox secrets = open_secret_box(config);
    InventoryBook book(*store, secrets, clock);
    const std::string payload = order_of(options).dump();
    const RequestRow answer = admit_now(*store,
                                        *book.newest(),
                                        {.id = options.id.empty() ? new_order_id() : options.id,
                                         .service_id = options.service,
                                         .type = "deploy",
                                         .payload = payload,
                                         .at = clock.now()});
    if (answer.status == "rejected")
        throw Error(fmt::format("order {} is rejected: {}", answer.id, answer.why));
    if (answer.service_id != options.service || answer.payload != payload)
        throw Error(fmt::format(
            "order {} was here before, and it was another one: for service {}; give this one an id "
            "of its own",
            answer.id,
            answer.service_id));
    fmt::print("order {} is {}: service {}, package {}\n",
               answer.id,
               answer.status,
               options.service,
               options.package);
    fmt::print("  look     slipway vm show {}\n  follow   slipway watch --service {}\n",
               options.service,
               options.service);
    return Succeeded;
}

}  // namespace

void add_vm_create_command(CLI::App& vm, Context& context) {
    CLI::App* command = vm.add_subcommand("create", "Order a VM, as billing would.");
    std::vector<std::string> names;
    for (const OptionName& option : option_names()) names.push_back(option.name);
    command->footer(fmt::format(
        "The order is written into the database and begins at once where a Slipway runs. The same\n"
        "--id twice is one order. A CloudEvent slipway.request.deploy on the topic requests does\n"
        "the same.\n"
        "Options, each instead of what the package says:\n  {}\n"
        "Example:\n"
        "  slipway vm create --service 5546 --package vps-start --domain a.example.com \\\n"
        "      --email jo@example.com --option cpu_cores=4",
        fmt::join(names, "\n  ")));
    const auto options = std::make_shared<CreateOptions>();
    command->add_option("--service", options->service, "The service id, billing's own.")
        ->required();
    command->add_option("--package", options->package, "What was bought: `slipway get packages`.")
        ->required();
    command->add_option("--client", options->client, "The customer's id.");
    command->add_option("--email", options->email, "Where letters go.");
    command->add_option("--domain", options->domain, "The VM's host name, whole.");
    command->add_option("--username", options->username, "Whom cloud-init makes.");
    command->add_option("--node", options->node, "Where it shall live.");
    command->add_option("--ssh-key", options->ssh_key_files, "A file of public keys.")
        ->type_name("FILE");
    command->add_option("--option", options->options, "What differs from the package.")
        ->type_name("NAME=VALUE");
    command->add_option("--id", options->id, "The order's own id; made up if not given.");
    command->callback([&context, options] {
        context.action = [&context, options] {
            return create(load_config(context).config, *options);
        };
    });
}

}  // namespace slipway
