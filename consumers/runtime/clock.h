#pragma once
// The Clock seam: the only place where the time comes from. The stories have a simulated one.

#include <chrono>

#include "schema/vm.h"

namespace slipway {

class Clock {
  public:
    virtual ~Clock() = default;

    // Wall-clock time, as rows and events keep it. May jump when somebody sets the clock.
    virtual Time now() const = 0;

    // Rises evenly and goes on while the process is stopped or the machine sleeps, which
    // std::chrono::steady_clock does not promise. Deadlines are measured with it.
    virtual std::chrono::nanoseconds since_boot() const = 0;
};

class SystemClock final : public Clock {
  public:
    Time now() const override;
    std::chrono::nanoseconds since_boot() const override;
};

}  // namespace slipway
