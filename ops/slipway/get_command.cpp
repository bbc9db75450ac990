// slipway get: what is declared, as a table for people or as YAML and JSON for files and programs.

#include <fmt/format.h>

#include "consumers/inventory/inventory_json.h"
#include "consumers/runtime/clock.h"
#include "ops/slipway/command.h"
#include "ops/slipway/get.h"
#include "ops/slipway/open.h"
#include "schema/sql_store.h"

namespace slipway {

void add_get_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("get", "Print what is declared; pools with their usage.");
    command->footer(
        "WHAT is one of clusters, templates, packages, pools, dns, letters, all.\n"
        "yaml is what `slipway apply` takes, without what has its default; json has everything.\n"
        "Secrets are never printed; a file without them keeps those that are there.\n"
        "Examples:\n"
        "  slipway get pools                        how full they are\n"
        "  slipway get packages vps-start -o json   one package, whole\n"
        "  slipway get all -o yaml > inventory.yaml");
    struct Arguments {
        GetWanted wanted;
        std::string form = "table";
    };
    const auto a = std::make_shared<Arguments>();
    command->add_option("WHAT", a->wanted.what, "What to print.")->required();
    command->add_option("NAME", a->wanted.name, "That one alone.");
    command->add_option("-o,--output", a->form, "How: table, yaml or json.")
        ->type_name("FORM")
        ->check(CLI::IsMember({"table", "yaml", "json"}))
        ->capture_default_str();
    command->callback([&context, a] {
        context.action = [&context, a] {
            GetWanted wanted = a->wanted;
            check_wanted(wanted);  // wrong use is said before anything is opened
            if (a->form != "table") wanted.form = a->form == "yaml" ? GetForm::Yaml : GetForm::Json;
            const auto store = open_store(database_settings(load_config(context).config));
            const Inventory inventory = inventory_without_secrets(store->inventory());
            const bool has_pools = wanted.form == GetForm::Table && !inventory.pools.empty();
            std::vector<PoolUse> uses;
            if (has_pools)
                for (const DeclaredPool& pool : inventory.pools)
                    uses.push_back(store->pool_use(ranges_of(pool), SystemClock().now()));
            fmt::print("{}", print_inventory(inventory, uses, wanted));
            return Succeeded;
        };
    });
}

}  // namespace slipway
