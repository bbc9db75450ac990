// slipway dns check: what the DNS providers really serve.

#include <fmt/format.h>

#include "consumers/http/net_http.h"
#include "consumers/inventory/inventory_book.h"
#include "ops/slipway/command.h"
#include "ops/slipway/dns_check.h"
#include "ops/slipway/open.h"
#include "ops/slipway/progress_bar.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

std::int64_t all_vms(Store& store) {
    std::int64_t vms = 0;
    for (const StateCount& count : store.count_states("")) vms += count.vms;
    return vms;
}

DnsChecked checked(const DnsCheckPlaces& places, const Clock& clock, const std::string& service) {
    if (!service.empty()) return check_dns_of(places, service);
    ProgressBar bar(clock, "asking the DNS providers");
    const std::int64_t total = all_vms(places.store);
    return check_dns(places, [&](std::int64_t vms) { bar.at(vms, total); });
}

int check(const Config& config, const std::string& service) {
    const SystemClock clock;
    const auto store = open_store(database_settings(config));
    const SecretBox secrets = open_secret_box(config);
    InventoryBook book(*store, secrets, clock);
    const auto inventory = book.newest();
    NetHttp http(clock);
    Dns dns(http, clock);
    const DnsChecked found = checked({*store, dns, *inventory}, clock, service);
    fmt::print("{}", print(found));
    return found.drifts.empty() ? Succeeded : CouldNot;
}

}  // namespace

void add_dns_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("dns", "What the DNS providers really serve.");
    command->footer("Example:\n  slipway dns check --service 5546");
    command->require_subcommand(1);
    CLI::App* check_command = command->add_subcommand(
        "check", "Compare what the providers serve with what the VMs' rows say they must.");
    check_command->footer(
        "Asks the providers by their own APIs and changes nothing. A line says missing, differs,\n"
        "extra, or, for a zone that cannot be asked, unknown and why. A VM that has not come to\n"
        "its DNS step yet is left out. Exit code 1 if anything is not as it should be.\n"
        "Examples:\n"
        "  slipway dns check                   all VMs, all zones\n"
        "  slipway dns check --service 5546    one VM");
    const auto service = std::make_shared<std::string>();
    check_command->add_option("--service", *service, "That VM alone.")->type_name("ID");
    check_command->callback([&context, service] {
        context.action = [&context, service] {
            return check(load_config(context).config, *service);
        };
    });
}

}  // namespace slipway
