#include "ops/slipway/follow.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <random>

#include "consumers/runtime/teller.h"
#include "ops/slipway/open.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_poll = 200ms;
constexpr std::size_t most_at_once = 1'000;

volatile std::sig_atomic_t stop_asked = 0;

void ask_to_stop(int) {
    stop_asked = 1;
}

std::string group_of_its_own(const Config& config) {
    std::random_device chance;
    return fmt::format("{}-{:08x}{:08x}",
                       TopicNames{config.broker.topic_prefix}.group("watch"),
                       chance(),
                       chance());
}

}  // namespace

void follow_topic(const Config& config,
                  const FollowOptions& options,
                  const std::function<Follow(const Received&)>& show) {
    std::signal(SIGINT, ask_to_stop);
    std::signal(SIGTERM, ask_to_stop);
    const auto bus = open_bus(config);
    const auto consumer = bus->subscribe({
        .group = group_of_its_own(config),
        .topics = {options.topic},
        .begin = options.begin,
        .on_assigned =
            [&](const std::vector<Partition>&) {
                log(Level::Info, "following", {{"topic", options.topic}});
            },
    });
    auto next = Follow::GoOn;
    while (next == Follow::GoOn && stop_asked == 0) {
        for (const Received& received : consumer->poll(longest_poll, most_at_once)) {
            next = show(received);
            if (next == Follow::Stop) break;
        }
        std::fflush(stdout);
    }
    consumer->close();
}

}  // namespace slipway
