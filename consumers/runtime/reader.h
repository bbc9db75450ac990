#pragma once
// Reads the state events of one topic as a member of its group and offers them to the lanes.
//
// One per role and process. Polling never stops: when too much is in hand, or the broker takes no
// more of what we publish, the partitions are paused and polling goes on. A message nobody can read
// is kept as a dead letter and never blocks its partition.

#include <atomic>
#include <memory>
#include <string>

#include "consumers/runtime/lanes.h"
#include "consumers/runtime/offsets.h"
#include "consumers/runtime/saver.h"
#include "consumers/runtime/teller.h"
#include "topics/bus.h"

namespace slipway {

struct ReaderSettings {
    std::string group;
    std::string topic;  // the full name
    std::size_t in_flight_most = 20'000;
    std::chrono::milliseconds gather{0};  // see Subscription
};

class Reader {
  public:
    struct Parts {
        Bus& bus;
        Clock& clock;
        Lanes& lanes;
        Saver& saver;
        Teller& teller;
    };

    Reader(Parts parts, ReaderSettings settings);

    // One poll; false if nothing came.
    bool run_one(std::chrono::milliseconds longest);
    void run_until_stopped();
    void stop() { stopped_ = true; }
    // Commits what is finished and leaves the group.
    void close();

    // When the last poll ended, on the since_boot clock: what the watchdog looks at.
    std::chrono::nanoseconds polled_at() const { return std::chrono::nanoseconds(polled_at_); }
    const std::string& topic() const { return settings_.topic; }

  private:
    void take(const Received& received);
    void pause_or_resume();

    Parts parts_;
    const ReaderSettings settings_;
    Offsets offsets_;
    std::atomic<bool> stopped_{false};
    std::atomic<std::int64_t> polled_at_{0};
    bool paused_ = false;
    std::unique_ptr<Consumer> consumer_;  // last: its callbacks use everything above
};

}  // namespace slipway
