// slipway watch: follows slipway.step-events and prints what happens, as it happens.

#include <fmt/format.h>

#include <deque>
#include <unordered_set>

#include "consumers/runtime/teller.h"
#include "ops/slipway/command.h"
#include "ops/slipway/follow.h"
#include "ops/slipway/live_lines.h"

namespace slipway {
namespace {

struct WatchOptions {
    std::string service;
    bool json = false;
    bool from_start = false;
};

// The same event may arrive more than once. Remembers enough of them to drop the usual repeats,
// and forgets the oldest, so that watching for a year needs no more memory than for a minute.
class Repeats {
  public:
    bool first_time(const std::string& id) {
        if (!known_.insert(id).second) return false;
        order_.push_back(id);
        if (order_.size() > most) {
            known_.erase(order_.front());
            order_.pop_front();
        }
        return true;
    }

  private:
    static constexpr std::size_t most = 20'000;
    std::unordered_set<std::string> known_;
    std::deque<std::string> order_;
};

class Watch {
  public:
    explicit Watch(WatchOptions options) : options_(std::move(options)) {}

    void show(const Received& received) {
        try {
            const StepEvent event = read_step_event(received.message);
            if (!options_.service.empty() && event.service_id != options_.service) return;
            if (!repeats_.first_time(event.id)) return;
            fmt::print("{}", options_.json ? received.message.body + "\n" : lines_.of(event));
        } catch (const Unreadable& why) {
            log(Level::Warning,
                "a message that is no step-event was passed over",
                {{"why", why.what()}, {"offset", received.offset}});
        }
    }

  private:
    WatchOptions options_;
    Repeats repeats_;
    LiveLines lines_;
};

int watch_steps(const Config& config, const WatchOptions& options) {
    Watch watch(options);
    follow_topic(config,
                 {.topic = TopicNames{config.broker.topic_prefix}.of("step-events"),
                  .begin = options.from_start ? Begin::Earliest : Begin::Newest},
                 [&](const Received& received) {
                     watch.show(received);
                     return Follow::GoOn;
                 });
    return Succeeded;
}

}  // namespace

void add_watch_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("watch", "Follow every step of every VM, live; Ctrl-C ends it.");
    command->footer(
        "Reads the topic step-events and changes nothing; any number of people may watch.\n"
        "Example:\n"
        "  slipway watch --service 5546         one VM only\n"
        "  slipway watch --json | jq .result    for programs: one JSON object per line");
    const auto options = std::make_shared<WatchOptions>();
    command->add_option("--service", options->service, "Only this service id.")->type_name("ID");
    command->add_flag("--json", options->json, "Print each event as it travels, one per line.");
    command->add_flag(
        "--from-start", options->from_start, "Begin with the oldest event the broker still has.");
    command->callback([&context, options] {
        context.action = [&context, options] {
            return watch_steps(load_config(context).config, *options);
        };
    });
}

}  // namespace slipway
