// The ceiling: the smallest program that does a step's durable work on Kafka and a database, with
// the C libraries alone. What it reaches on a machine is what Slipway is measured against there.
//
// Consume a state event, collect, save what waits in one grouped statement with the rows that won
// read back, publish the next state event and a step event, oldest first. One thread consumes, one
// commits. `strict`: the next step of a VM begins when its event comes back from Kafka. `handoff`:
// it begins at once, and the event that comes back is consumed and dropped by its version.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/bench/ceiling_store.h"
#include "tests/bench/ceiling_topics.h"
#include "tests/live/kafka_topics.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

enum class Mode { Strict, HandOff };

struct Options {
    CeilingTopics topics;
    std::string database;
    std::string store = "postgres";
    std::string mode = "strict";
    std::size_t in_flight = 64;
    double seconds = 5;
    double warm_up = 2;
    std::size_t most_per_commit = 256;
    bool topics_exist = false;
};

// What waits to be committed, oldest first.
class Waiting {
  public:
    void add(std::span<const CeilingStep> steps) {
        if (steps.empty()) return;
        {
            const std::lock_guard lock(mutex_);
            steps_.insert(steps_.end(), steps.begin(), steps.end());
        }
        arrived_.notify_one();
    }

    std::vector<CeilingStep> take(std::size_t most) {
        std::unique_lock lock(mutex_);
        arrived_.wait_for(lock, 100ms, [this] { return !steps_.empty(); });
        const auto end =
            steps_.begin() + static_cast<std::ptrdiff_t>(std::min(most, steps_.size()));
        std::vector<CeilingStep> taken(steps_.begin(), end);
        steps_.erase(steps_.begin(), end);
        return taken;
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<CeilingStep> steps_;
};

class Ceiling {
  public:
    explicit Ceiling(const Options& options)
        : options_(options),
          mode_(options.mode == "strict" ? Mode::Strict : Mode::HandOff),
          store_(options.store == "sqlite" ? open_sqlite(options.database)
                                           : open_postgres(options.database)),
          producer_(options.topics),
          known_(options.in_flight),
          began_(options.in_flight) {
        store_->prepare(options.in_flight);
    }

    void run() {
        for (std::uint32_t vm = 0; vm < options_.in_flight; ++vm) {
            began_[vm] = SteadyClock::now();
            producer_.publish_state({.vm = vm, .version = 1});
        }
        std::thread consuming([this] { consume(); });
        commit();
        ends_ = true;
        consuming.join();
    }

    void print() {
        std::ranges::sort(step_us_);
        const auto percentile = [&](double share) {
            if (step_us_.empty()) return 0.0;
            const auto place = share * static_cast<double>(step_us_.size() - 1);
            return step_us_[static_cast<std::size_t>(place)];
        };
        fmt::print(
            "{{\"mode\": \"{}\", \"store\": \"{}\", \"in_flight\": {}, "
            "\"steps_per_s\": {:.0f}, \"p50_us\": {:.0f}, \"p99_us\": {:.0f}, "
            "\"steps_per_commit\": {:.1f}, \"lost\": {}, \"refused\": {}}}\n",
            options_.mode,
            options_.store,
            options_.in_flight,
            static_cast<double>(step_us_.size()) / measured_seconds_,
            percentile(0.5),
            percentile(0.99),
            static_cast<double>(step_us_.size()) / std::max(1.0, commits_),
            lost_,
            producer_.refused());
    }

  private:
    void consume() {
        CeilingConsumer consumer(options_.topics);
        std::vector<CeilingStep> arrived;
        while (!ends_) {
            auto step = consumer.poll(100ms);
            for (; step; step = consumer.poll(0ms)) {
                // Old news: the VM went on at once, or the event came twice.
                std::atomic<std::int64_t>& known = known_[step->vm];
                if (step->version <= known) continue;
                known = step->version;
                arrived.push_back(*step);
                if (arrived.size() == options_.most_per_commit) break;
            }
            waiting_.add(arrived);
            arrived.clear();
        }
    }

    void commit() {
        // The measuring begins when the first step is through and the warm-up is over.
        std::optional<SteadyClock::time_point> from;
        for (;;) {
            const std::vector<CeilingStep> steps = waiting_.take(options_.most_per_commit);
            const auto now = SteadyClock::now();
            if (!steps.empty() && !from) from = now + duration(options_.warm_up);
            if (from && now > *from + duration(options_.seconds)) break;
            if (!from && now > opened_ + 60s) throw std::runtime_error("no event in 60 s");
            if (steps.empty()) continue;
            const auto won = store_->save(steps);
            publish(steps, won, from && now >= *from);
        }
        measured_seconds_ = std::chrono::duration<double>(SteadyClock::now() - *from).count();
    }

    void publish(std::vector<CeilingStep> steps,
                 const std::vector<std::uint32_t>& won,
                 bool measured) {
        if (won.size() != steps.size()) {
            lost_ += steps.size() - won.size();
            std::erase_if(steps, [&](const CeilingStep& step) {
                return std::ranges::count(won, step.vm) == 0;
            });
        }
        // State events first: somebody waits for those.
        std::vector<CeilingStep> next;
        for (const CeilingStep& step : steps) {
            next.push_back({.vm = step.vm, .version = step.version + 1});
            if (mode_ == Mode::HandOff) known_[step.vm] = step.version + 1;
            producer_.publish_state(next.back());
            const auto now = SteadyClock::now();
            if (measured) {
                step_us_.push_back(
                    std::chrono::duration<double, std::micro>(now - began_[step.vm]).count());
            }
            began_[step.vm] = now;
        }
        if (mode_ == Mode::HandOff) waiting_.add(next);
        for (const CeilingStep& step : steps) producer_.publish_step(step);
        if (measured) ++commits_;
        producer_.serve();
    }

    static SteadyClock::duration duration(double seconds) {
        return std::chrono::duration_cast<SteadyClock::duration>(
            std::chrono::duration<double>(seconds));
    }

    const Options& options_;
    const Mode mode_;
    const SteadyClock::time_point opened_ = SteadyClock::now();
    std::unique_ptr<CeilingStore> store_;
    CeilingProducer producer_;
    Waiting waiting_;
    std::vector<std::atomic<std::int64_t>> known_;  // newest version seen, per VM
    std::vector<SteadyClock::time_point> began_;    // of the committing thread alone
    std::vector<double> step_us_;
    double measured_seconds_ = 1;
    double commits_ = 0;
    std::size_t lost_ = 0;
    std::atomic<bool> ends_ = false;
};

int run(int argc, char** argv) {
    Options options;
    options.topics.linger_ms = "0";
    CLI::App app("The smallest program that does a step's durable work; prints one JSON object.");
    app.add_option("--brokers", options.topics.brokers, "host:port of a Kafka")->required();
    app.add_option("--database", options.database, "PostgreSQL URL, or SQLite file")->required();
    app.add_option("--store", options.store)->check(CLI::IsMember({"postgres", "sqlite"}));
    app.add_option("--mode", options.mode)->check(CLI::IsMember({"strict", "handoff"}));
    app.add_option("--in-flight", options.in_flight, "VMs walking at the same time");
    app.add_option("--seconds", options.seconds, "how long to measure");
    app.add_option("--warm-up", options.warm_up, "seconds before that");
    app.add_option("--partitions", options.topics.partitions, "of the topic of state events");
    app.add_option("--linger-ms", options.topics.linger_ms, "of the producer");
    app.add_option("--most-per-commit", options.most_per_commit);
    app.add_flag("--topics-exist",
                 options.topics_exist,
                 "do not make topics: the broker makes them itself (the embedded one)");
    CLI11_PARSE(app, argc, argv);
    const std::string id = std::to_string(::getpid());
    options.topics.state_topic = "ceiling-state-" + id;
    options.topics.step_topic = "ceiling-steps-" + id;
    try {
        if (!options.topics_exist) {
            for (const auto& name : {options.topics.state_topic, options.topics.step_topic}) {
                create_topic(options.topics.brokers,
                             {.name = name, .partitions = options.topics.partitions});
            }
        }
        Ceiling ceiling(options);
        ceiling.run();
        ceiling.print();
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "ceiling: {}\n", error.what());
        return 1;
    }
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
    return slipway::run(argc, argv);
}
