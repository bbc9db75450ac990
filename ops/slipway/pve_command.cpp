// slipway pve: Proxmox's tasks and machines by hand and in scripts, without writing a client.

#include <fmt/format.h>

#include "consumers/proxmox/json.h"
#include "consumers/runtime/check.h"
#include "ops/slipway/pve.h"
#include "ops/slipway/pve_report.h"
#include "ops/slipway/stop_signals.h"
#include "topics/event.h"
#include "topics/rfc3339.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        std::string part = text.substr(begin, end - begin);
        part.erase(0, part.find_first_not_of(' '));
        part.erase(part.find_last_not_of(' ') + 1);
        if (!part.empty()) parts.push_back(std::move(part));
        begin = end + 1;
    }
    return parts;
}

ClusterSettings checked_settings(const ProxmoxConfig& config) {
    ClusterSettings settings = cluster_settings(config);
    try {
        check_settings(settings);
    } catch (const Error& error) {
        throw UsageError(fmt::format(
            "{} (section proxmox of the configuration; `slipway config example` explains it)",
            error.what()));
    }
    return settings;
}

// Longer than there has been a Proxmox; and a time stays one.
constexpr std::chrono::hours since_most{24 * 36'500};

// What a look is given however late it is.
constexpr milliseconds look_least{1'000};

struct TypeLimit {
    std::string_view type;
    milliseconds TaskLimitsConfig::*limit;
};
constexpr TypeLimit type_limits[] = {
    {"qmstart", &TaskLimitsConfig::start_stop},
    {"qmstop", &TaskLimitsConfig::start_stop},
    {"qmshutdown", &TaskLimitsConfig::start_stop},
    {"qmreboot", &TaskLimitsConfig::start_stop},
    {"qmreset", &TaskLimitsConfig::start_stop},
    {"qmsuspend", &TaskLimitsConfig::start_stop},
    {"qmresume", &TaskLimitsConfig::start_stop},
    {"vzstart", &TaskLimitsConfig::start_stop},
    {"vzstop", &TaskLimitsConfig::start_stop},
    {"vzshutdown", &TaskLimitsConfig::start_stop},
    {"vzreboot", &TaskLimitsConfig::start_stop},
    {"hastart", &TaskLimitsConfig::start_stop},
    {"hastop", &TaskLimitsConfig::start_stop},
    {"qmcreate", &TaskLimitsConfig::create},
    {"vzcreate", &TaskLimitsConfig::create},
    {"qmsnapshot", &TaskLimitsConfig::snapshot},
    {"qmdelsnapshot", &TaskLimitsConfig::snapshot},
    {"qmrollback", &TaskLimitsConfig::snapshot},
    {"vzsnapshot", &TaskLimitsConfig::snapshot},
    {"vzdelsnapshot", &TaskLimitsConfig::snapshot},
    {"vzrollback", &TaskLimitsConfig::snapshot},
    {"vzdump", &TaskLimitsConfig::backup},
    {"qmrestore", &TaskLimitsConfig::backup},
    {"vzrestore", &TaskLimitsConfig::backup},
    {"qmigrate", &TaskLimitsConfig::migration},
    {"vzmigrate", &TaskLimitsConfig::migration},
    {"hamigrate", &TaskLimitsConfig::migration},
    {"qmtemplate", &TaskLimitsConfig::make_template},
    {"vztemplate", &TaskLimitsConfig::make_template},
    {"qmclone", &TaskLimitsConfig::clone},
    {"vzclone", &TaskLimitsConfig::clone},
};

}  // namespace

ClusterSettings cluster_settings(const ProxmoxConfig& config) {
    return {.name = "proxmox",
            .endpoints = split_list(config.endpoints),
            .token = config.token,
            .user = config.user,
            .password = config.password,
            .trust = {.ca_file = config.ca_file,
                      .sha256 = config.fingerprint,
                      .anybody = !config.verify},
            .timeout = config.timeout};
}

std::string acts_as(const ProxmoxConfig& config) {
    return config.token.empty() ? config.user : config.token.substr(0, config.token.rfind('='));
}

HttpAnswer PatientHttp::send(const HttpRequest& request) {
    if (!until_ || request.method != "GET") return http_.send(request);
    HttpRequest bounded = request;
    const auto left = std::chrono::duration_cast<milliseconds>(*until_ - clock_.since_boot());
    bounded.timeout = std::min(request.timeout, std::max(left, look_least));
    return http_.send(bounded);
}

PveSession::PveSession(const Config& configured)
    : config(configured),
      net_http(clock),
      http(net_http, clock),
      cluster(http, clock, checked_settings(configured.proxmox)),
      pve{cluster} {}

void check_node(std::string_view option, const std::string& name) {
    if (!is_node(name))
        throw UsageError(
            fmt::format("{}: \"{}\" is no name of a node, such as pve1", option, clean_text(name)));
}

VmPlace parse_place(const std::string& text) {
    const std::size_t colon = text.find(':');
    const auto vmid = colon == std::string::npos ? std::nullopt : whole_in(text.substr(colon + 1));
    if (!vmid || !is_node(text.substr(0, colon)) || *vmid < 100 || *vmid > 999'999'999)
        throw UsageError(fmt::format("\"{}\" is not NODE:VMID, such as pve1:100 (numbers from 100)",
                                     clean_text(text)));
    return {.node = text.substr(0, colon), .vmid = *vmid};
}

std::vector<VmPlace> parse_places(const std::vector<std::string>& texts) {
    std::vector<VmPlace> places;
    for (const std::string& text : texts) places.push_back(parse_place(text));
    return places;
}

Time parse_since(const std::string& text, Time now) {
    if (const auto ago = parse_duration(text); ago && *ago <= since_most) return now - *ago;
    if (const auto time = from_rfc3339(text)) return *time;
    if (const auto midnight = from_rfc3339(text + "T00:00:00Z")) return *midnight;
    throw UsageError(fmt::format(
        "\"{}\" is neither a duration (2h, 7d) nor a time (2026-04-18, 2026-04-18T18:30:00Z)",
        clean_text(text)));
}

milliseconds parse_time(std::string_view option, const std::string& text, const Limits& limits) {
    const auto time = parse_duration(text);
    if (time && time->count() >= limits.least && time->count() <= limits.most) return *time;
    throw UsageError(fmt::format("{}: \"{}\" is no duration from {} to {}, such as 500ms, 30s, 2h",
                                 option,
                                 clean_text(text),
                                 duration_text(milliseconds(limits.least)),
                                 duration_text(milliseconds(limits.most))));
}

Limits limits_of(std::string_view key) {
    const ConfigKey* found = find_config_key(key);
    check(found != nullptr, "only keys that exist are asked for");
    return found->limits;
}

milliseconds limit_for(const TaskLimitsConfig& limits, std::string_view task_type) {
    for (const TypeLimit& row : type_limits)
        if (row.type == task_type) return limits.*row.limit;
    return limits.other;
}

RunSettings run_settings(const PveConfig& config) {
    return {.interval = config.interval,
            .at_once = config.at_once,
            .retries = config.retries,
            .retry_pause = config.retry_pause};
}

void add_run_options(CLI::App* command, RunOptions& options) {
    command->add_option("--interval", options.interval, "Time between two looks; 500ms.")
        ->type_name("TIME");
    command
        ->add_option("--timeout",
                     options.timeout,
                     "Watch no longer than this; by kind of task if not given (task_limits).")
        ->type_name("TIME");
    command->add_flag("--json", options.json, "For programs: one JSON object at the end.");
}

int run_actions(PveSession& session, std::vector<PveAction> actions, const RunOptions& options) {
    RunSettings settings = run_settings(session.config.pve);
    if (!options.interval.empty())
        settings.interval = parse_time("--interval", options.interval, limits_of("pve.interval"));
    if (options.at_once > 0) settings.at_once = options.at_once;
    if (!options.timeout.empty()) {
        const auto limit = parse_time("--timeout", options.timeout, limits_of("task_limits.other"));
        for (PveAction& action : actions) action.limit = limit;
    }
    LiveTable table(session.clock, stdout);
    StopSignals stop;
    PveRun run(
        session.pve,
        settings,
        {.pause = [&](milliseconds longest) { return !stop.came_within(longest); },
         .show =
             [&](const std::vector<ActionState>& states) {
                 if (!options.json) table.show(states);
             },
         .look_until = [&](std::chrono::nanoseconds until) { session.http.look_until(until); }});
    const std::vector<ActionState> states = run.run(std::move(actions));
    if (!options.json) table.end(states);
    fmt::print("{}", options.json ? states_as_json(states) : summary(states));
    return exit_code(states);
}

void add_pve_command(CLI::App& app, Context& context) {
    CLI::App* pve = app.add_subcommand(
        "pve", "Proxmox's tasks and machines: start, watch, wait, with exit codes and JSON.");
    pve->require_subcommand(1);
    pve->footer(
        "Speaks with the cluster in section proxmox of the configuration, and needs no database.\n"
        "Ctrl-C and time limits end the watching, never a task, and it is said how to go on.\n"
        "Done means that all of it succeeded.\n"
        "Example:\n"
        "  slipway pve task list --running\n"
        "  slipway pve vm snapshot pve1:100 pve1:101 --name before-update");
    add_pve_task_commands(pve, context);
    add_pve_machine_commands(pve, context);
}

}  // namespace slipway
