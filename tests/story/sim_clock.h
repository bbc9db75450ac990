#pragma once
// A clock that stands until somebody moves it. The wall clock may jump, as when somebody sets it;
// the time since boot only rises.

#include <chrono>

#include "consumers/runtime/clock.h"

namespace slipway {

class SimClock final : public Clock {
  public:
    Time now() const override { return wall_; }
    std::chrono::nanoseconds since_boot() const override { return since_boot_; }

    void advance(std::chrono::nanoseconds by) {
        since_boot_ += by;
        wall_ += std::chrono::duration_cast<std::chrono::microseconds>(by);
    }
    void jump_wall(std::chrono::microseconds by) { wall_ += by; }

  private:
    Time wall_{std::chrono::sys_days{std::chrono::year{2026} / 4 / 18}};
    std::chrono::nanoseconds since_boot_{std::chrono::hours{1}};
};

}  // namespace slipway
