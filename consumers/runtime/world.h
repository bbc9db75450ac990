#pragma once
// Everything a step can reach. Deliberately narrow: what reaches little is easy to test and change.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/runtime/clock.h"
#include "consumers/runtime/ledger.h"
#include "schema/store.h"

namespace slipway {

// The moment after which a step may change nothing any more, on a clock that goes on while the
// process is stopped: a process that wakes from a long sleep cannot act on old news.
struct Deadline {
    std::chrono::nanoseconds since_boot;
};

struct World {
    Clock& clock;
    Store& store;
    Ledger& ledger;
    Deadline deadline;
    std::function<void(std::string_view)> on_line = {};
    std::vector<std::string> lines = {};

    // A live line: told at once, and kept with the step's row in the log.
    void say(std::string_view line);

    // Called before anything that changes the outside. Throws Error once the deadline is over.
    void may_change_something() const;
};

}  // namespace slipway
