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

struct Outside;

// How long until the next look at what has been waited for so long: soon at first, so that what is
// short is not made long, and ever more seldom, so that what is long is not asked for in vain.
Time::duration until_next_look(Time::duration waited, Time::duration first, Time::duration longest);

struct StepTimes {
    std::chrono::milliseconds grace{60'000};         // until a nudge that got lost is given again
    std::chrono::milliseconds poll_interval{2'000};  // between two looks at what is waited for
    std::chrono::milliseconds poll_first{200};       // it begins with that
    std::chrono::milliseconds retry_first{1'000};
    std::chrono::milliseconds retry_longest{60'000};
    std::chrono::milliseconds heartbeat_line{15'000};  // an unchanged answer is told again
};

// What is saved in one commit with the step's answer, beside the row itself.
struct Keep {
    std::vector<TaskRow> tasks = {};  // started in Proxmox, or ended
    std::optional<std::vector<DnsRecordRow>> dns_records = {};
    std::optional<LetterRow> letter = {};
    bool frees_slots = false;  // it holds some: they go with the commit that leaves the step
};

struct World {
    Clock& clock;
    Store& store;
    Ledger& ledger;
    Deadline deadline;
    std::function<void(std::string_view)> on_line = {};
    std::vector<std::string> lines = {};
    Outside* outside = nullptr;  // null where only rehearsals run
    StepTimes times = {};
    Keep keep = {};

    // A live line: told at once, and kept with the step's row in the log.
    void say(std::string_view line);

    // Called before anything that changes the outside. Throws Error once the deadline is over.
    void may_change_something() const;

    // When to look again at what has been waited for since then.
    Time next_look(Time since) const;
};

}  // namespace slipway
