#pragma once
// SIGINT and SIGTERM for a command that has something to say before it ends.
//
// They break no call that is under way: a thread of its own takes them. A second one ends the
// process at once. What was ignored when the process began stays so, as under nohup. Make it before
// anything else that makes threads.

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace slipway {

class StopSignals {
  public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    // True if one came, now or before.
    bool came_within(std::chrono::milliseconds longest);

  private:
    void take();

    const sigset_t signals_;
    sigset_t before_ = {};  // the caller's mask
    std::mutex mutex_;
    std::condition_variable wake_;
    bool came_ = false;
    std::thread taker_;  // last: it uses all of the above
};

}  // namespace slipway
