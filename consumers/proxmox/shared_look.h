#pragma once
// One answer for many who ask: whoever asks gets what was read at `since` or later, and while one
// of them reads, the others wait for what he gets. A read that fails fails for its reader alone;
// the next one reads for himself.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "consumers/runtime/at_end.h"
#include "consumers/runtime/clock.h"

namespace slipway {

template <typename Seen>
class SharedLook {
  public:
    explicit SharedLook(const Clock& clock) : clock_(clock) {}

    template <typename Read>
    std::shared_ptr<const Seen> get(std::chrono::nanoseconds since, Read read) {
        std::unique_lock lock(mutex_);
        while (true) {
            if (seen_ && read_at_ >= since) return seen_;
            if (!reading_) break;
            ended_.wait(lock);
        }
        reading_ = true;
        const auto began = clock_.since_boot();
        lock.unlock();
        const AtEnd end([&] {
            if (!lock.owns_lock()) lock.lock();
            reading_ = false;
            ended_.notify_all();
        });
        auto seen = std::make_shared<const Seen>(read());
        lock.lock();
        seen_ = seen;
        read_at_ = began;
        return seen;
    }

  private:
    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::shared_ptr<const Seen> seen_;
    std::chrono::nanoseconds read_at_{0};
    bool reading_ = false;
};

}  // namespace slipway
