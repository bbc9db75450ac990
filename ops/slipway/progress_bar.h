#pragma once
// Progress of something that takes longer than a second: a bar on a terminal, plain lines at most
// every ten seconds elsewhere, nothing at all for what is done sooner.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "consumers/runtime/clock.h"

namespace slipway {

// "rehearsing  [########------------]  40 %  4000 of 10000"
std::string progress_text(const std::string& what, std::int64_t done, std::int64_t total);

class ProgressBar {
  public:
    ProgressBar(const Clock& clock, std::string what, std::FILE* out = stdout);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    // May be called as often as one likes; draws when there is something to see.
    void at(std::int64_t done, std::int64_t total);

  private:
    const Clock& clock_;
    const std::string what_;
    std::FILE* out_;
    const bool terminal_;
    const std::chrono::nanoseconds began_;
    std::chrono::nanoseconds drawn_{0};
    bool drew_ = false;
};

}  // namespace slipway
