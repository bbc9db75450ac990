#pragma once
// Tells again what may never have been told: the step-events of a process that fell silent, and
// dead letters, activity and letters the broker never acknowledged. Whoever sweeps does it; told
// twice is harmless, since ids are stable.

#include "consumers/runtime/clock.h"
#include "consumers/runtime/teller.h"
#include "schema/store.h"
#include "topics/bus.h"

namespace slipway {

struct RepublishSettings {
    std::chrono::milliseconds silence{30'000};       // after which a writer counts as dead
    std::chrono::milliseconds forgotten{3'600'000};  // after which it will not come back
    std::chrono::milliseconds patience{10'000};  // before an unacknowledged letter is told again
    std::chrono::milliseconds flush_longest{10'000};
    int batch = 2'000;
};

class Republish {
  public:
    struct Parts {
        Bus& bus;
        Clock& clock;
        Store& store;
        Teller& teller;
    };

    Republish(Parts parts, RepublishSettings settings) : parts_(parts), settings_(settings) {}

    // One round; how many events were told again.
    int sweep();

  private:
    int tell_for(const SilentWriter& silent, Time now);

    Parts parts_;
    const RepublishSettings settings_;
};

}  // namespace slipway
