// slipway vm list, show and log.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "consumers/runtime/teller.h"
#include "ops/slipway/live_lines.h"
#include "ops/slipway/open.h"
#include "ops/slipway/vm.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

struct ListOptions {
    std::string state;
    int most = 100;
};

struct LogOptions {
    std::string service;
    int runs = 3;
};

Vm the_vm(Store& store, const std::string& service) {
    const auto rows = store.load({&service, 1});
    if (rows.empty())
        throw Error(
            fmt::format("there is no service {}; `slipway vm list` shows who is here", service));
    return rows.front();
}

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

std::string trouble_of(const Vm& vm) {
    if (vm.failures > 0) return fmt::format("{}: {}", vm.last_error_action, vm.last_error);
    return vm.answer;
}

int list(const Config& config, const ListOptions& options) {
    const auto store = open_store(database_settings(config));
    constexpr const char* row = "{:<14} {:>9} {:<24} {:<10} {:<16} {:<30} {}\n";
    const auto vms = store->list_vms({.state = options.state, .most = options.most});
    fmt::print(row, "SERVICE", "VM", "NAME", "NODE", "PACKAGE", "STATE", "WHY");
    for (const Vm& vm : vms)
        fmt::print(row,
                   vm.service_id,
                   vm.vmid > 0 ? fmt::format("{}", vm.vmid) : "-",
                   or_dash(vm.name),
                   or_dash(vm.node),
                   or_dash(vm.product),
                   vm.state,
                   trouble_of(vm));
    if (static_cast<int>(vms.size()) == options.most)
        fmt::print("… the first {}; --most shows more\n", options.most);
    return Succeeded;
}

int show(const Config& config, const std::string& service) {
    const auto store = open_store(database_settings(config));
    fmt::print("{}", vm_text(*store, the_vm(*store, service), SystemClock().now()));
    return Succeeded;
}

int show_log(const Config& config, const LogOptions& options) {
    const auto store = open_store(database_settings(config));
    the_vm(*store, options.service);
    std::vector<RunRow> runs = store->runs(options.service, options.runs);
    std::reverse(runs.begin(), runs.end());
    for (const RunRow& run : runs) fmt::print("{}", run_text(*store, run));
    return Succeeded;
}

}  // namespace

std::string run_text(Store& store, const RunRow& run) {
    std::string text = fmt::format("run {} of service {}: {}, began {}{}{}\n",
                                   run.run,
                                   run.service_id,
                                   run.pipeline,
                                   time_text(run.began),
                                   run.ended ? ", ended " + time_text(*run.ended) : "",
                                   run.error.empty() ? "" : ", " + run.error);
    LiveLines lines;
    for (const StepRow& row : store.steps(run.service_id, run.run)) {
        std::string_view said = row.lines;
        while (!said.empty()) {
            const std::string_view line = said.substr(0, said.find('\n'));
            text += fmt::format("      · {}\n", line);
            said.remove_prefix(std::min(said.size(), line.size() + 1));
        }
        text += lines.of(step_event(row));
    }
    return text;
}

std::string vm_text(Store& store, const Vm& vm, Time now) {
    std::string text;
    const auto put = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) text += fmt::format("{:<12} {}\n", name, value);
    };
    const Holdings holdings = store.holdings(vm.service_id);
    put("service", vm.service_id);
    put("state", vm.phase.empty() ? vm.state : fmt::format("{} ({})", vm.state, vm.phase));
    put("pipeline", fmt::format("{}, run {}", vm.pipeline, vm.run));
    put("why", trouble_of(vm));
    if (vm.wake_at)
        put("next look",
            fmt::format("in {:.1f}s", std::chrono::duration<double>(*vm.wake_at - now).count()));
    put("queued", vm.queued > 0 ? fmt::format("{} requests", vm.queued) : "");
    put("package", vm.product);
    put("client", vm.client);
    put("name", vm.name);
    put("domain", vm.domain);
    put("username", vm.username);
    put("cluster", vm.cluster);
    put("node", vm.node);
    put("vm", vm.vmid > 0 ? fmt::format("{}", vm.vmid) : "");
    put("mac", vm.mac);
    for (const HeldAddress& held : holdings.addresses)
        put("address", fmt::format("{} (pool {})", print_address(held.address), held.pool));
    for (const std::string& slot : holdings.slots) put("slot", slot);
    for (const DnsRecordRow& record : store.dns_records(vm.service_id))
        put("dns",
            fmt::format("[{}] {} {} {}", record.provider, record.name, record.type, record.value));
    return text;
}

void add_vm_look_commands(CLI::App& vm, Context& context) {
    CLI::App* list_command = vm.add_subcommand("list", "Every VM: where it stands, and why.");
    list_command->footer("Example:\n  slipway vm list --state clone");
    const auto list_options = std::make_shared<ListOptions>();
    list_command->add_option("--state", list_options->state, "Only those in this state.");
    list_command->add_option("--most", list_options->most, "As many at most.")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    list_command->callback([&context, list_options] {
        context.action = [&context, list_options] {
            return list(load_config(context).config, *list_options);
        };
    });
    CLI::App* show_command = vm.add_subcommand("show", "One VM, whole.");
    show_command->footer("Example:\n  slipway vm show 5546");
    const auto service = std::make_shared<std::string>();
    show_command->add_option("SERVICE", *service, "The service id.")->required();
    show_command->callback([&context, service] {
        context.action = [&context, service] {
            return show(load_config(context).config, *service);
        };
    });
    CLI::App* log_command = vm.add_subcommand("log", "What was done to a VM: its newest runs.");
    log_command->footer("Example:\n  slipway vm log 5546 --runs 1");
    const auto log_options = std::make_shared<LogOptions>();
    log_command->add_option("SERVICE", log_options->service, "The service id.")->required();
    log_command->add_option("--runs", log_options->runs, "As many at most.")
        ->check(CLI::Range(1, 50))
        ->capture_default_str();
    log_command->callback([&context, log_options] {
        context.action = [&context, log_options] {
            return show_log(load_config(context).config, *log_options);
        };
    });
}

void add_vm_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("vm", "Order a VM, and look at those there are.");
    command->footer(
        "Example:\n"
        "  slipway vm create --service 5546 --package vps-start --domain a.example.com\n"
        "  slipway vm list --state clone\n"
        "  slipway vm log 5546");
    command->require_subcommand(1);
    add_vm_create_command(*command, context);
    add_vm_look_commands(*command, context);
}

}  // namespace slipway
