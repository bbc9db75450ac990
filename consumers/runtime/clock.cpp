#include "consumers/runtime/clock.h"

#include <ctime>

namespace slipway {

Time SystemClock::now() const {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

std::chrono::nanoseconds SystemClock::since_boot() const {
    timespec time{};
    // Cannot fail with this clock and a valid pointer.
    clock_gettime(CLOCK_BOOTTIME, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace slipway
