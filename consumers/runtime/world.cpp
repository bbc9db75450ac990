#include "consumers/runtime/world.h"

#include <algorithm>

#include "consumers/runtime/error.h"

namespace slipway {

namespace {
constexpr std::size_t line_most = 1'000;
}

Time::duration until_next_look(Time::duration waited,
                               Time::duration first,
                               Time::duration longest) {
    return std::min(longest, std::max(first, waited / 20));
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
    return now + until_next_look(now - since, times.poll_first, times.poll_interval);
}

}  // namespace slipway
