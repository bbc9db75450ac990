#include "consumers/runtime/world.h"

#include <algorithm>

#include "consumers/runtime/error.h"

namespace slipway {

namespace {
constexpr std::size_t line_most = 1'000;
}

void World::say(std::string_view line) {
    line = line.substr(0, line_most);
    lines.emplace_back(line);
    if (on_line) on_line(line);
}

void World::may_change_something() const {
    if (clock.since_boot() >= deadline.since_boot)
        throw Error("the step's deadline passed before it could act; it looks again");
}

Time World::next_look(Time since) const {
    const Time now = clock.now();
    const Time::duration twentieth = (now - std::min(since, now)) / 20;
    const Time::duration longest = times.poll_interval;
    return now + std::min(longest, std::max<Time::duration>(times.poll_first, twentieth));
}

}  // namespace slipway
