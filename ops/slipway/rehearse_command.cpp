// slipway rehearse: proves an installation end to end, without touching Proxmox.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "consumers/pipelines/pipelines.h"
#include "ops/slipway/command.h"
#include "ops/slipway/open.h"
#include "ops/slipway/progress_bar.h"
#include "ops/slipway/rehearsal.h"
#include "ops/slipway/serve.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

struct RehearseOptions {
    std::int64_t vms = 100;
    std::int64_t in_flight = 64;
    double seconds = 0;
    std::vector<std::string> fail, wait, busy, skip;  // STATE=VALUE each
    double give_up = 60;
    bool keep = false;
    bool no_wait = false;
    bool alone = false;
    bool json = false;
};

void add_plan(nlohmann::json& plan,
              const char* what,
              const char* option,
              const std::vector<std::string>& pairs) {
    for (const std::string& pair : pairs) {
        const auto equals = pair.find('=');
        char* end = nullptr;
        const double value =
            equals == std::string::npos ? -1 : std::strtod(pair.c_str() + equals + 1, &end);
        if (equals == 0 || value < 0 || !end || *end != '\0')
            throw UsageError(fmt::format(
                "{}: \"{}\" must be STATE=NUMBER, for example {} clone=0.5 (* for all states)",
                option,
                pair,
                option));
        const std::string state = pair.substr(0, equals);
        const Pipeline* known[] = {&rehearse, &rehearse_end};
        const bool exists =
            state == "*" || std::any_of(std::begin(known), std::end(known), [&](auto p) {
                return std::any_of(p->steps.begin(), p->steps.end(), [&](const Step& step) {
                    return step.state == state;
                });
            });
        if (!exists)
            throw UsageError(fmt::format(
                "{}: no rehearsed step leads to \"{}\"; see `slipway pipelines`", option, state));
        plan[what][state] = value;
    }
}

RehearsalPlan plan_of(const RehearseOptions& options) {
    auto plan = nlohmann::json::object();
    add_plan(plan, "fail", "--fail", options.fail);
    add_plan(plan, "wait_ms", "--wait", options.wait);
    add_plan(plan, "busy_us", "--busy", options.busy);
    add_plan(plan, "skip", "--skip", options.skip);
    const auto milliseconds = [](double seconds) {
        return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    };
    return {.vms = options.vms,
            .in_flight = options.in_flight,
            .issue_for = milliseconds(options.seconds),
            .payload = plan.dump(),
            .give_up = milliseconds(options.give_up),
            .end_them = !options.keep,
            .wait = !options.no_wait};
}

void print_json(const RehearsalResult& result) {
    const nlohmann::json out{{"asked", result.asked},
                             {"ready", result.ready},
                             {"removed", result.removed},
                             {"steps", result.steps},
                             {"seconds", result.seconds},
                             {"steps_per_s", result.steps_per_s},
                             {"step_p50_ms", result.step_p50_ms},
                             {"step_p99_ms", result.step_p99_ms},
                             {"problems", result.problems}};
    fmt::print("{}\n", out.dump());
}

void print_result(const RehearsalResult& result) {
    fmt::print("{} VMs asked for, {} ready, {} removed again, {} steps in {:.1f} s",
               result.asked,
               result.ready,
               result.removed,
               result.steps,
               result.seconds);
    if (result.steps_per_s > 0) fmt::print(" ({:.0f} steps/s)", result.steps_per_s);
    if (result.step_p50_ms > 0)
        fmt::print(", a step took {:.2f} ms (p99 {:.2f})", result.step_p50_ms, result.step_p99_ms);
    fmt::print("\n");
    for (const std::string& problem : result.problems) fmt::print("  problem: {}\n", problem);
    fmt::print("This installation {}.\n",
               result.problems.empty() ? "works end to end" : "does not work as it should");
}

// With nobody else at work the engine runs in this process, for as long as the rehearsal takes.
int rehearse_here(const Config& config, const RehearseOptions& options, RehearsalPlan plan) {
    SystemClock clock;
    const StateFolder state(config.state_folder);
    const DatabaseSettings database = database_settings(config);
    migrate(database);
    const auto store = open_store(database);
    std::unique_ptr<EmbeddedBroker> broker;
    if (config.broker.kind == BrokerKind::Embedded)
        broker = start_embedded_broker(config, [&] { remind_broker(*store, clock); });
    const auto bus = open_bus(config);
    const TopicNames topics{config.broker.topic_prefix};
    bus->warm_up({topics.of("requests"), topics.of("service"), topics.of("step-events")},
                 std::chrono::seconds(10));
    ProgressBar bar(clock, "rehearsing", options.json ? stderr : stdout);
    Rehearsal rehearsal({.clock = clock,
                         .store = *store,
                         .bus = *bus,
                         .topics = topics,
                         .on_progress = [&](auto done, auto all) { bar.at(done, all); }},
                        std::move(plan),
                        Rehearsal::Watching::Steps);
    const SecretBox secrets = open_secret_box(config);
    Engine engine(config, all_roles(), {clock, *store, *bus, secrets, &rehearsal});
    engine.start();
    const RehearsalResult result = rehearsal.run();
    engine.stop(config.runtime.shutdown_timeout);
    options.json ? print_json(result) : print_result(result);
    return result.problems.empty() ? Succeeded : CouldNot;
}

int rehearse_there(const Config& config, const RehearseOptions& options, RehearsalPlan plan) {
    SystemClock clock;
    const auto store = open_store(database_settings(config));
    const auto bus = open_bus(config);
    const TopicNames topics{config.broker.topic_prefix};
    bus->warm_up({topics.of("requests")}, std::chrono::seconds(10));
    ProgressBar bar(clock, "rehearsing", options.json ? stderr : stdout);
    Rehearsal rehearsal({.clock = clock,
                         .store = *store,
                         .bus = *bus,
                         .topics = topics,
                         .on_progress = [&](auto done, auto all) { bar.at(done, all); }},
                        std::move(plan),
                        Rehearsal::Watching::Rows);
    const RehearsalResult result = rehearsal.run();
    options.json ? print_json(result) : print_result(result);
    return result.problems.empty() ? Succeeded : CouldNot;
}

int act(const Config& config, const RehearseOptions& options) {
    RehearsalPlan plan =
        plan_of(options);  // before anything is made for a rehearsal that cannot be
    const bool embedded = config.broker.kind == BrokerKind::Embedded;
    const bool nobody = embedded && !StateFolder::is_held(config.state_folder);
    return options.alone || nobody ? rehearse_here(config, options, std::move(plan))
                                   : rehearse_there(config, options, std::move(plan));
}

}  // namespace

void add_rehearse_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "rehearse", "Prove an installation end to end with VMs that exist on paper only.");
    command->footer(
        "Asks for VMs as billing would, follows each through the fifteen steps of deploy without\n"
        "touching Proxmox, reads every log back and removes them again. Uses the processes that\n"
        "run; where none does (embedded broker, no `slipway up`), it is one itself.\n"
        "Examples:\n"
        "  slipway rehearse --vms 1000 --in-flight 200\n"
        "  slipway rehearse --fail clone=0.2 --wait starting=1500   failures and waiting, too");
    const auto o = std::make_shared<RehearseOptions>();
    command->add_option("--vms", o->vms, "How many VMs.")->check(CLI::Range(1, 100'000'000));
    command->add_option("--in-flight", o->in_flight, "How many of them at once.")
        ->check(CLI::Range(1, 100'000'000));
    command->add_option(
        "--seconds", o->seconds, "New VMs for so long from the first step on, instead of --vms.");
    command->add_option("--fail", o->fail, "STATE=SHARE of attempts that fail.");
    command->add_option("--wait", o->wait, "STATE=MS that the step has to wait.");
    command->add_option("--busy", o->busy, "STATE=US of processor time the step takes.");
    command->add_option("--skip", o->skip, "STATE=SHARE of VMs with nothing to do there.");
    command->add_option("--give-up", o->give_up, "Seconds without any progress.");
    command->add_flag("--keep", o->keep, "Do not remove the VMs afterwards.");
    command->add_flag(
        "--no-wait", o->no_wait, "Ask for all of them, and leave the rest to the installation.");
    command->add_flag("--alone", o->alone, "Run the engine in this process, with Kafka, too.");
    command->add_flag("--json", o->json, "Print the result as one JSON object.");
    command->callback([&context, o] {
        context.action = [&context, o] { return act(load_config(context).config, *o); };
    });
}

}  // namespace slipway
