#include "tests/story/town.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "consumers/runtime/log.h"
#include "tests/story/transcript.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

std::string payload_of(const TownOrder& order) {
    if (order.pipeline != "deploy")
        return fmt::format(
            R"({{"service_id": "{}", "rehearsal": {{{}}}}})", order.service_id, order.plan);
    return fmt::format(
        R"({{"service_id": "{}", "package": "{}", "client_id": "42", "email": "jo@example.com"}})",
        order.service_id,
        order.package);
}

SimBusSettings with_nudges_lost(SimBusSettings settings) {
    for (const Pipeline* pipeline : pipelines())
        settings.may_lose.insert(TopicNames{}.of(pipeline->topic));
    return settings;
}

}  // namespace

Town::Town(TownSettings settings)
    : settings_(std::move(settings)),
      store(open_store({.url = "sqlite::memory:"})),
      bus(clock, settings_.seed, with_nudges_lost(settings_.bus)),
      lab(clock, settings_.seed),
      random_(settings_.seed),
      billing_(bus.connect()) {
    // Warnings of a story are part of the plot.
    set_log(std::getenv("SLIPWAY_STORY_LOG") ? Level::Debug : Level::Error, LogFormat::Logfmt);
    lab.declare(*store);
    processes_.resize(static_cast<std::size_t>(settings_.processes));
    for (int i = 0; i < settings_.processes; ++i) start(i);
}

Town::~Town() = default;

void Town::start(int process) {
    processes_[static_cast<std::size_t>(process)] = std::make_unique<SimProcess>(
        ProcessParts{.number = process,
                     .writer = fmt::format("process-{}-{}", process, ++started_),
                     .clock = clock,
                     .store = *store,
                     .bus = bus,
                     .lab = lab,
                     .ledger = ledger,
                     .faults = faults,
                     .poison = poison},
        settings_.lanes);
}

void Town::kill(int process) {
    ++crashes_;
    processes_[static_cast<std::size_t>(process)].reset();
    start(process);
}

std::string Town::order(TownOrder order) {
    if (order.id.empty()) order.id = fmt::format("order-{}", orders_.size() + 1);
    billing_->publish(to_message(RequestEvent{.id = order.id,
                                              .source = "billing",
                                              .type = order.pipeline,
                                              .service_id = order.service_id,
                                              .payload = payload_of(order),
                                              .time = clock.now()},
                                 TopicNames{}.of("requests")));
    orders_.push_back(order);
    return order.id;
}

void Town::publish(Message message) {
    billing_->publish(std::move(message));
}

bool Town::run_round() {
    bool ran = bus.run();
    std::vector<int> order(processes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::shuffle(order.begin(), order.end(), random_);
    for (const int process : order) {
        if (stopped_.contains(process)) continue;
        try {
            ran = this->process(process).run_round(random_) || ran;
        } catch (const Crash&) {
            kill(process);
            ran = true;
        }
    }
    return ran;
}

// To the next thing that happens by itself. Never further than a second: that is how often a
// process beats, and how soon what waits for a broken database asks again.
void Town::pass_time(nanoseconds until) {
    nanoseconds next = std::min(until, clock.since_boot() + std::chrono::seconds(1));
    for (const SimProcess* process : awake())
        if (process->busy())
            next = std::min(next, clock.since_boot() + std::chrono::milliseconds(100));
    if (const auto at = bus.next_event()) next = std::min(next, *at);
    if (const auto wake_at = store->next_wake()) {
        const nanoseconds due = clock.since_boot() + (*wake_at - clock.now());
        nanoseconds chore = nanoseconds::max();
        for (const SimProcess* process : awake()) chore = std::min(chore, process->next_chore());
        next = std::min(next, std::max(due, chore));
    }
    clock.advance(std::max(next - clock.since_boot(), nanoseconds(std::chrono::microseconds(1))));
}

bool Town::run_until(const std::function<bool()>& condition, nanoseconds longest) {
    const nanoseconds until = clock.since_boot() + longest;
    while (!condition()) {
        if (clock.since_boot() >= until) return false;
        if (!run_round()) pass_time(until);
    }
    return true;
}

bool Town::run_until_rest(nanoseconds longest) {
    const nanoseconds until = clock.since_boot() + longest;
    while (true) {
        if (run_round()) continue;
        if (rests()) return true;
        if (clock.since_boot() >= until) return false;
        pass_time(until);
    }
}

void Town::run_for(nanoseconds time) {
    const nanoseconds until = clock.since_boot() + time;
    run_until([&] { return clock.since_boot() >= until; }, time);
}

// A stopped one may hold its locks, so it cannot even be asked.
std::vector<const SimProcess*> Town::awake() const {
    std::vector<const SimProcess*> awake;
    for (int i = 0; i < settings_.processes; ++i)
        if (!stopped_.contains(i)) awake.push_back(processes_[static_cast<std::size_t>(i)].get());
    return awake;
}

bool Town::rests() {
    if (!bus.at_rest() || store->next_wake()) return false;
    const auto working = awake();
    if (std::any_of(working.begin(), working.end(), [](const auto* p) { return p->busy(); }))
        return false;
    const Time later = clock.now() + std::chrono::hours(1);
    for (const SilentWriter& writer : store->silent_writers(later))
        if (!store->told_from(writer.writer, writer.published_below, 1).empty()) return false;
    return store->unpublished_dead_letters(later, 1).empty() &&
           store->unpublished_activity(later, 1).empty() &&
           store->unpublished_letters(later, 1).empty() &&
           store->due_letters(clock.now() + std::chrono::hours(24), 1).empty();
}

void Town::redeclare(const std::string& before, const std::string& after) {
    const auto at = lab.inventory.find(before);
    if (at == std::string::npos) throw std::logic_error("not in the inventory: " + before);
    lab.inventory.replace(at, before.size(), after);
    lab.declare(*store);
}

Vm Town::vm(const std::string& service_id) {
    const auto rows = store->load({&service_id, 1});
    return rows.empty() ? Vm{.service_id = service_id} : rows.front();
}

std::set<std::string> Town::services() const {
    std::set<std::string> services;
    for (const TownOrder& order : orders_) services.insert(order.service_id);
    return services;
}

std::string Town::describe() {
    std::string text = fmt::format("crashes: {}\n{}", crashes_, bus.describe());
    for (const auto& process : processes_)
        text += fmt::format("{}: {}\n", process->writer(), process->busy() ? "busy" : "idle");
    for (const SilentWriter& writer : store->silent_writers(clock.now() + std::chrono::hours(1)))
        text += fmt::format("writer {} told below {}\n", writer.writer, writer.published_below);
    for (const Message& message : bus.heard())
        if (message.topic == TopicNames{}.of("dead-letter"))
            text += fmt::format("dead letter: {}\n", message.body);
    for (const std::string& service : services()) {
        const Vm row = vm(service);
        text += fmt::format(
            "{}: {} {} {} version {} queued {} wake {}\n",
            service,
            row.pipeline,
            row.state,
            row.phase,
            row.version,
            row.queued,
            row.wake_at ? fmt::format("{} us", (*row.wake_at - clock.now()).count()) : "never");
        text += run_logs(*store, service);
    }
    return text;
}

std::uint64_t number_asked(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

int stride_asked() {
    return std::max(1, static_cast<int>(number_asked("SLIPWAY_STORY_STRIDE", 1)));
}

void prepare_for(Town& town, const Pipeline& pipeline, const std::vector<std::string>& services) {
    if (rule_on(pipeline.name, nullptr).admission == Admission::Begin) return;
    for (const Rule& rule : rules()) {
        if (rule.no_row != Admission::Begin) continue;
        if (find_pipeline(rule.request)->is_rehearsal != pipeline.is_rehearsal) continue;
        for (const std::string& service : services)
            town.order({.service_id = service, .pipeline = std::string(rule.request)});
        ASSERT_TRUE(comes_to_rest(town));
        return;
    }
    FAIL() << "no pipeline makes a VM from nothing, so " << pipeline.name << " cannot be told of";
}

testing::AssertionResult comes_to_rest(Town& town) {
    if (!town.run_until_rest())
        return testing::AssertionFailure() << "no rest:\n" << town.describe();
    const std::string broken = broken_invariants(town) + broken_in_lab(town);
    if (broken.empty()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << broken << town.describe();
}

}  // namespace slipway
