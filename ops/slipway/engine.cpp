#include "ops/slipway/engine.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "consumers/mail/smtp_mail.h"
#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/log.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

// librdkafka's max.poll.interval; in 2.0.2 polling any queue resets its timer, so a loop that
// hangs would keep its partitions for ever. Ours ends the process: somebody starts it again, and
// the database is safe.
constexpr int poll_seconds_most = 300;
constexpr int poll_seconds_warn = 60;
constexpr int sweep_every_seconds = 5;
constexpr milliseconds gather_requests{2};
constexpr milliseconds gather_events{10};  // with hand-off most of them are old news

StepTimes times_of(const RuntimeConfig& runtime) {
    return {.grace = runtime.grace,
            .poll_interval = runtime.poll_interval,
            .retry_first = runtime.retry_first,
            .retry_longest = runtime.retry_longest,
            .heartbeat_line = runtime.heartbeat_line};
}

LaneSettings lane_settings(const RuntimeConfig& runtime) {
    return {.times = times_of(runtime),
            .hand_off = runtime.hand_off ? HandOff::On : HandOff::Off,
            .step_deadline = runtime.step_deadline,
            .rows_kept = static_cast<std::size_t>(runtime.rows_kept),
            .threads = runtime.threads,
            .awake_most = static_cast<int>(std::max(2U, std::thread::hardware_concurrency()))};
}

std::unique_ptr<Ledger> ledger_of(const RehearsalConfig& rehearsal) {
    if (rehearsal.ledger.empty()) return std::make_unique<NoLedger>();
    return std::make_unique<FileLedger>(rehearsal.ledger);
}

// New for every process, ever: a forgotten one must not continue this one's numbers.
std::string new_writer_name() {
    char host[256] = "host";
    ::gethostname(host, sizeof host - 1);
    std::random_device chance;
    return fmt::format("{}-{}-{:08x}{:08x}", host, ::getpid(), chance(), chance());
}

// With a name for those who look at a process's threads.
template <typename Work>
std::thread thread(const char* name, Work work) {
    return std::thread([name, work] {
        ::pthread_setname_np(::pthread_self(), name);
        work();
    });
}

std::vector<std::string> pipeline_topics() {
    std::set<std::string> topics;
    for (const Pipeline* pipeline : pipelines()) topics.emplace(pipeline->topic);
    return {topics.begin(), topics.end()};
}

}  // namespace

std::vector<std::string> role_names() {
    std::vector<std::string> names{"intake", "due", "mailer"};
    for (std::string& topic : pipeline_topics()) names.push_back(std::move(topic));
    return names;
}

Roles all_roles() {
    return {.intake = true, .due = true, .mailer = true, .pipelines = pipeline_topics()};
}

Roles roles_of(const std::vector<std::string>& names) {
    Roles roles;
    const std::vector<std::string> topics = pipeline_topics();
    for (const std::string& name : names) {
        if (name == "intake") {
            roles.intake = true;
        } else if (name == "due") {
            roles.due = true;
        } else if (name == "mailer") {
            roles.mailer = true;
        } else if (std::find(topics.begin(), topics.end(), name) != topics.end()) {
            roles.pipelines.push_back(name);
        } else {
            throw Error(fmt::format(
                "\"{}\" is no role; the roles are: {}", name, fmt::join(role_names(), ", ")));
        }
    }
    return roles;
}

Engine::Engine(const Config& config, const Roles& roles, Parts parts)
    : parts_(parts),
      ledger_(ledger_of(config.rehearsal)),
      http_(parts.clock),
      inventory_(parts.store, parts.secrets, parts.clock),
      sites_(http_, parts.clock),
      dns_(http_, parts.clock),
      outside_{.installation = config.installation,
               .inventory = inventory_,
               .sites = sites_,
               .dns = dns_,
               .secrets = parts.secrets},
      teller_(parts.bus, TopicNames{config.broker.topic_prefix}, new_writer_name()),
      saver_(parts.store,
             parts.clock,
             {.batch_most = static_cast<std::size_t>(config.runtime.batch_most)}),
      lanes_({.clock = parts.clock,
              .store = parts.store,
              .saver = saver_,
              .teller = teller_,
              .ledger = *ledger_,
              .spectator = parts.spectator,
              .outside = &outside_},
             lane_settings(config.runtime)),
      republish_({parts.bus, parts.clock, parts.store, teller_}, {}),
      lane_threads_(config.runtime.threads) {
    const TopicNames& topics = teller_.topics();
    for (const std::string& topic : roles.pipelines)
        readers_.push_back(std::make_unique<Reader>(
            Reader::Parts{parts.bus, parts.clock, lanes_, saver_, teller_},
            ReaderSettings{
                .group = topics.group(topic),
                .topic = topics.of(topic),
                .in_flight_most = static_cast<std::size_t>(config.runtime.in_flight_most),
                .gather = config.runtime.hand_off ? gather_events : milliseconds(0)}));
    if (roles.intake)
        intake_ =
            std::make_unique<Intake>(Intake::Parts{.bus = parts.bus,
                                                   .clock = parts.clock,
                                                   .store = parts.store,
                                                   .teller = teller_,
                                                   .inventory = &inventory_,
                                                   .lanes = readers_.empty() ? nullptr : &lanes_},
                                     IntakeSettings{.group = topics.group("intake"),
                                                    .topic = topics.of("requests"),
                                                    .grace = config.runtime.grace,
                                                    .gather = gather_requests});
    if (roles.mailer) {
        mail_ = open_mail(config.mail, parts.clock);
        mailer_ = std::make_unique<Mailer>(
            Mailer::Parts{
                parts.bus, parts.clock, parts.store, teller_, *mail_, inventory_, parts.secrets},
            MailerSettings{.group = topics.group("mailer"),
                           .topic = topics.of("letters"),
                           .installation = config.installation,
                           .taken = 2 * config.mail.timeout});
    }
    if (roles.due)
        due_ = std::make_unique<Due>(Due::Parts{parts.bus, parts.clock, parts.store, teller_},
                                     DueSettings{.interval = config.due.interval,
                                                 .grace = config.runtime.grace,
                                                 .batch = config.due.batch});
    polled_.resize(readers_.size() + 2);
}

Engine::~Engine() = default;

void Engine::start() {
    teller_.beat(parts_.store, parts_.clock.now());
    saver_thread_ = thread("saver", [this] { saver_.save_until_stopped(); });
    answer_thread_ = thread("answers", [this] { saver_.answer_until_stopped(); });
    for (int i = 0; i < lane_threads_; ++i)
        workers_.push_back(thread("lane", [this] { lanes_.run_until_stopped(); }));
    for (const auto& reader : readers_)
        readers_threads_.push_back(thread("reader", [&reader] { reader->run_until_stopped(); }));
    if (intake_)
        readers_threads_.push_back(thread("intake", [this] { intake_->run_until_stopped(); }));
    if (mailer_)
        readers_threads_.push_back(thread("mailer", [this] { mailer_->run_until_stopped(); }));
    if (due_) readers_threads_.push_back(thread("due", [this] { due_->run_until_stopped(); }));
    house_thread_ = thread("house", [this] { keep_house(); });
}

bool Engine::stop(milliseconds longest) {
    const auto until = parts_.clock.since_boot() + longest;
    const auto left = [&] {
        return std::chrono::duration_cast<milliseconds>(until - parts_.clock.since_boot());
    };
    for (const auto& reader : readers_) reader->stop();
    if (intake_) intake_->stop();
    if (mailer_) mailer_->stop();
    if (due_) due_->stop();
    lanes_.stop_taking();
    for (std::thread& thread : readers_threads_) thread.join();
    const bool finished = lanes_.wait_until_empty(left());
    lanes_.stop();
    for (std::thread& thread : workers_) thread.join();
    saver_.stop();
    saver_thread_.join();
    answer_thread_.join();
    const bool flushed = parts_.bus.flush(std::max(left(), milliseconds(0)));
    for (const auto& reader : readers_) reader->close();
    if (intake_) intake_->close();
    if (mailer_) mailer_->close();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        house_.notify_all();
    }
    house_thread_.join();
    teller_.sign_off(parts_.store, parts_.clock.now());
    return finished && flushed;
}

void Engine::keep_house() {
    std::unique_lock lock(mutex_);
    for (std::int64_t second = 0; !stopping_; ++second) {
        lock.unlock();
        beat_and_sweep(second);
        watch_polls();
        lock.lock();
        if (!stopping_) house_.wait_for(lock, std::chrono::seconds(1));
    }
}

void Engine::beat_and_sweep(std::int64_t second) {
    try {
        teller_.beat(parts_.store, parts_.clock.now());
        if (!due_ || second % sweep_every_seconds != 0) return;
        republish_.sweep();
        parts_.store.sweep_slots(parts_.clock.now());
    } catch (const std::exception& error) {
        log(Level::Warning, "housekeeping failed, trying again", {{"error", error.what()}});
    }
}

// Counts its own seconds: after a long sleep of the whole process nobody has hung.
void Engine::watch_polls() {
    const auto look = [](Polled& polled, std::chrono::nanoseconds at, const std::string& topic) {
        polled.seconds_ago = polled.at == at ? polled.seconds_ago + 1 : 0;
        polled.at = at;
        if (polled.seconds_ago == poll_seconds_warn)
            log(Level::Warning, "a consumer has not polled for a minute", {{"topic", topic}});
        if (polled.seconds_ago < poll_seconds_most) return;
        log(Level::Error, "a consumer hangs: ending the process", {{"topic", topic}});
        std::_Exit(1);
    };
    for (std::size_t i = 0; i < readers_.size(); ++i)
        look(polled_[i], readers_[i]->polled_at(), readers_[i]->topic());
    if (intake_) look(polled_[readers_.size()], intake_->polled_at(), intake_->topic());
    if (mailer_) look(polled_[readers_.size() + 1], mailer_->polled_at(), mailer_->topic());
}

}  // namespace slipway
