#pragma once
// Due: rows whose wake_at has passed are nudged. Lost messages, crashed processes, retries, polls
// and timers are all this one sweep over one index; its cost depends on what is due, never on how
// many VMs rest. Runs in any number of processes without a leader: a double nudge is harmless.

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "consumers/runtime/clock.h"
#include "consumers/runtime/teller.h"
#include "topics/bus.h"

namespace slipway {

struct DueSettings {
    std::chrono::milliseconds interval{250};
    std::chrono::milliseconds grace{60'000};
    int batch = 2'000;
};

class Due {
  public:
    struct Parts {
        Bus& bus;
        Clock& clock;
        Store& store;
        Teller& teller;
    };

    Due(Parts parts, DueSettings settings) : parts_(parts), settings_(settings) {}

    // One sweep; how many were nudged. Nothing is taken while the broker takes no more, or while a
    // group has not yet read what earlier sweeps gave it.
    int sweep();
    void run_until_stopped();
    void stop();

  private:
    struct Given {
        std::int64_t end = 0;  // of the topic, right after a sweep gave it nudges
        std::chrono::nanoseconds at{0};
    };

    bool group_lags(const std::string& topic, Given& given);
    bool any_group_lags();

    Parts parts_;
    const DueSettings settings_;
    std::map<std::string, Given> given_;  // by topic, without prefix
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopped_ = false;
};

}  // namespace slipway
