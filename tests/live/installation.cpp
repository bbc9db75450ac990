#include "tests/live/installation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <thread>

#include "consumers/pipelines/pipelines.h"
#include "schema/sql_store.h"
#include "topics/event.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto look_every = 50ms;

void pause_for(std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
}

std::string new_name() {
    static int made = 0;
    return fmt::format("survive{}", ++made);
}

std::string new_group(const std::string& topic) {
    static int readers = 0;
    return fmt::format("{}-reader-{}", topic, ++readers);
}

void run_or_throw(SlipwayOptions options) {
    const Ended ended = run_slipway(std::move(options));
    if (ended.exit_code != 0) throw std::runtime_error(ended.output + ended.errors);
}

// What every log must be, whatever happened: rows 1 to n, each going on from where the one before
// it led to, all the way to ready.
void check_log(const Vm& vm, const std::vector<StepRow>& log, std::vector<std::string>& problems) {
    const Pipeline* pipeline = find_pipeline(vm.pipeline);
    if (pipeline == nullptr) {
        problems.push_back(vm.service_id + " is in no pipeline: " + vm.pipeline);
        return;
    }
    std::string at(pipeline->starts_at);
    int number = 0;
    std::size_t steps = 0;
    for (const StepRow& row : log) {
        if (row.row != ++number || row.from != at)
            problems.push_back(fmt::format("{}: row {} ({} -> {}) follows row {}, which led to {}",
                                           vm.service_id,
                                           row.row,
                                           row.from,
                                           row.to,
                                           number - 1,
                                           at));
        number = row.row;
        steps += row.from != row.to ? 1U : 0U;
        at = row.to;
    }
    if (at != vm.state || vm.log_row != number || steps != pipeline->steps.size())
        problems.push_back(fmt::format("{}: {} steps to {} in {} rows, its VM says {} and {}",
                                       vm.service_id,
                                       steps,
                                       at,
                                       number,
                                       vm.state,
                                       vm.log_row));
}

std::string text_of(const std::vector<std::string>& problems) {
    std::string text;
    for (std::size_t i = 0; i < problems.size() && i < 10; ++i) text += problems[i] + "\n";
    if (problems.size() > 10) text += fmt::format("… {} in all\n", problems.size());
    return text;
}

std::string identity(std::string_view service, std::int64_t run, int row, std::string_view result) {
    return fmt::format("{} run {} row {} {}", service, run, row, result);
}

KafkaServer& shared_kafka() {
    static KafkaServer kafka({.advertised_ports = {Installation::network().port()}});
    Installation::network().connect_to(kafka.port());
    return kafka;
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds longest) {
    const auto deadline = Clock::now() + longest;
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        pause_for(look_every);
    }
    return true;
}

void let_pass(std::chrono::milliseconds time) {
    pause_for(time);
}

unsigned seed_of_this_run() {
    const char* wanted = std::getenv("SLIPWAY_SEED");
    return wanted ? static_cast<unsigned>(std::strtoul(wanted, nullptr, 10))
                  : std::random_device{}();
}

TopicReader::TopicReader(Bus& bus, std::string topic)
    : bus_(bus),
      group_(new_group(topic)),
      topic_(std::move(topic)),
      consumer_(bus.subscribe({.group = group_, .topics = {topic_}})) {}

bool TopicReader::read_until(const std::function<bool()>& condition,
                             std::chrono::milliseconds longest) {
    const auto deadline = Clock::now() + longest;
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        for (Received& received : consumer_->poll(look_every, 1'000))
            messages_.push_back(std::move(received));
    }
    return true;
}

bool TopicReader::read_all(std::chrono::milliseconds longest) {
    std::optional<GroupProgress> progress;
    if (!wait_until([&] { return (progress = bus_.progress(group_, topic_)).has_value(); },
                    longest))
        return false;
    const auto all = static_cast<std::size_t>(progress->end);
    return read_until([&] { return messages_.size() >= all; }, longest);
}

Installation::Installation(InstallationOptions options)
    : options_(std::move(options)),
      kafka_(options_.kafka ? *options_.kafka : shared_kafka()),
      prefix_(new_name() + "."),
      database_url_(postgres().create_database()) {
    run_or_throw({.arguments = {"migrate"}, .config = config()});
    create_topics();
    store_ = open_store({.url = database_url_});
    bus_ = std::make_unique<KafkaBus>(KafkaSettings{
        .brokers = kafka_.brokers(), .log = [](BusNews news, const std::string& text) {
            if (news == BusNews::Error) std::cerr << "the test's bus: " << text << '\n';
        }});
}

// A test that failed in the middle of a fault leaves none to the next.
Installation::~Installation() {
    network().heal();
}

TcpProxy& Installation::network() {
    static TcpProxy proxy;
    return proxy;
}

std::optional<std::string> Installation::missing() {
    if (auto why = SlipwayProcess::missing()) return why;
    if (auto why = PostgresServer::missing()) return why;
    return KafkaServer::missing();
}

std::string Installation::config() const {
    return fmt::format(R"(
installation: survive
state_folder: {0}
database:
  url: {1}
broker:
  kind: kafka
  addresses: {2}
  topic_prefix: {3}
  properties:
    session.timeout.ms: "{4}"
    heartbeat.interval.ms: "{7}"
runtime:
  step_deadline: {5}ms
  grace: {6}ms
  retry_first: 100ms
  retry_longest: 1s
  shutdown_timeout: 10s
due:
  interval: {8}ms
rehearsal:
  ledger: {0}/ledger
{9})",
                       folder_.path().string(),
                       database_url_,
                       kafka_.brokers(),
                       prefix_,
                       options_.session_timeout.count(),
                       options_.step_deadline.count(),
                       options_.grace.count(),
                       std::min<std::int64_t>(options_.session_timeout.count() / 4, 3'000),
                       options_.due_interval.count(),
                       options_.more_config);
}

void Installation::create_topics() {
    run_or_throw(
        {.arguments = {"topics", "--replicas", std::to_string(options_.replicas), "create"},
         .config = config()});
}

std::unique_ptr<SlipwayProcess> Installation::run(std::vector<std::string> roles) {
    roles.insert(roles.begin(), "run");
    return std::make_unique<SlipwayProcess>(
        SlipwayOptions{.arguments = std::move(roles), .config = config()});
}

void Installation::ask(int vms, const std::string& plan) {
    const std::size_t from = services_.size();
    for (int i = 0; i < vms; ++i) {
        services_.push_back(fmt::format("{}vm-{}", prefix_, services_.size()));
        plans_.push_back(plan);
    }
    publish(from);
}

void Installation::ask_again() {
    publish(0);
}

void Installation::publish(std::size_t from) {
    for (std::size_t i = from; i < services_.size(); ++i)
        bus_->publish(to_message(
            RequestEvent{.id = services_[i] + "/rehearse",
                         .source = "billing",
                         .type = "rehearse",
                         .service_id = services_[i],
                         .payload = fmt::format(
                             R"({{"service_id":"{}","rehearsal":{}}})", services_[i], plans_[i])},
            topic("requests")));
}

std::vector<Vm> Installation::rows() {
    try {
        return store_->load(services_);
    } catch (const std::runtime_error&) {
        return {};  // the test did something to the database
    }
}

std::string Installation::wait_until_all(std::string_view what,
                                         const std::function<bool(const Vm&)>& condition,
                                         std::chrono::milliseconds longest) {
    std::vector<Vm> vms;
    const bool all = wait_until(
        [&] {
            vms = rows();
            return vms.size() == services_.size() && std::all_of(vms.begin(), vms.end(), condition);
        },
        longest);
    if (all) return {};
    std::vector<std::string> left;
    for (const Vm& vm : vms)
        if (!condition(vm))
            left.push_back(fmt::format(
                "{} at {} after {} rows, {} {}",
                vm.service_id,
                vm.state,
                vm.log_row,
                vm.answer,
                vm.wake_at ? fmt::format("wakes {}", vm.wake_at->time_since_epoch().count())
                           : "sleeps"));
    return fmt::format("{} of {} rows, {} of them not {}:\n{}",
                       vms.size(),
                       services_.size(),
                       left.size(),
                       what,
                       text_of(left));
}

std::string Installation::wait_until_admitted(std::chrono::milliseconds longest) {
    return wait_until_all(
        "admitted", [](const Vm&) { return true; }, longest);
}

std::string Installation::wait_until_begun(std::chrono::milliseconds longest) {
    return wait_until_all(
        "begun", [](const Vm& vm) { return vm.log_row > 0; }, longest);
}

std::string Installation::wait_until_ready(std::chrono::milliseconds longest) {
    return wait_until_all(
        "ready", [](const Vm& vm) { return vm.state == "ready"; }, longest);
}

std::string Installation::problems() {
    std::set<std::string> effects;
    std::ifstream ledger(folder_.path() / "ledger");
    for (std::string line; std::getline(ledger, line);) effects.insert(line);

    std::vector<std::string> problems;
    for (const Vm& vm : rows()) {
        const std::vector<StepRow> log = store_->steps(vm.service_id, vm.run);
        check_log(vm, log, problems);
        if (vm.pipeline != "rehearse") continue;
        for (const StepRow& row : log) {
            const std::string effect = fmt::format("{} {} {}", row.service_id, row.run, row.to);
            if (row.result == "success" && row.text.empty() && !effects.contains(effect))
                problems.push_back(effect + " is recorded and never happened");
        }
    }
    return text_of(problems);
}

std::string Installation::untold(std::chrono::milliseconds longest) {
    std::set<std::string> left;
    for (const Vm& vm : rows())
        for (const StepRow& row : store_->steps(vm.service_id, vm.run))
            left.insert(identity(row.service_id, row.run, row.row, row.result));
    const std::size_t all = left.size();

    TopicReader reader(*bus_, topic("step-events"));
    std::size_t seen = 0;
    reader.read_until(
        [&] {
            for (; seen < reader.messages().size(); ++seen) {
                const StepEvent event = read_step_event(reader.messages()[seen].message);
                left.erase(identity(event.service_id, event.run, event.row, event.result));
            }
            return left.empty();
        },
        longest);
    if (left.empty()) return {};
    return fmt::format("{} of {} rows were never told ({} events):\n{}",
                       left.size(),
                       all,
                       seen,
                       text_of({left.begin(), left.end()}));
}

std::set<std::string> Installation::writers() {
    std::set<std::string> writers;
    for (const Vm& vm : rows())
        for (const StepRow& row : store_->steps(vm.service_id, vm.run)) writers.insert(row.writer);
    return writers;
}

std::string Installation::wait_until_taking_part(std::size_t processes,
                                                 std::chrono::milliseconds longest) {
    const auto deadline = Clock::now() + longest;
    while (writers().size() < processes) {
        if (Clock::now() > deadline)
            return fmt::format("{} of {} processes take part", writers().size(), processes);
        ask(20);
        if (auto why = wait_until_ready(longest); !why.empty()) return why;
    }
    return {};
}

void Installation::age_writers(std::chrono::seconds time) {
    const Time now = std::chrono::floor<Time::duration>(std::chrono::system_clock::now());
    for (const SilentWriter& each : store_->silent_writers(now + time))
        store_->heartbeat(each.writer, each.published_below, now - time);
}

std::map<std::string, std::int64_t> Installation::first_versions() {
    std::map<std::string, std::int64_t> first;
    TopicReader reader(*bus_, topic("service"));
    std::size_t seen = 0;
    reader.read_until(
        [&] {
            for (; seen < reader.messages().size(); ++seen) {
                const StateEvent event = read_state_event(reader.messages()[seen].message);
                if (event.state == "rehearsal") first.emplace(event.service_id, event.version);
            }
            return first.size() == services_.size();
        },
        20s);
    return first;
}

}  // namespace slipway
