#pragma once
// Step-events as the lines operators know:
//
//     --- Deploy: service=5546 vm=2005 status=clone ---
//       [+]  3. Configure DNS records          success (clone -> set_dns) [0.37s]
//     --- Deploy complete: service=5546 status=ready ---
//
// A pipeline whose published state stands still tells its phases with time and service instead.
// One heading stands above all lines of a VM in a row, so that many VMs can be told at once.

#include <cstdio>
#include <mutex>
#include <string>
#include <unordered_map>

#include "consumers/runtime/lanes.h"
#include "topics/event.h"

namespace slipway {

// 2026-04-18 01:36:08, as the clock on the wall here has it.
std::string time_text(EventTime time);

class LiveLines {
  public:
    // The lines of one event, each with its line end. May be empty.
    std::string of(const StepEvent& event);

  private:
    std::string heading(const StepEvent& event);
    std::string phase_lines(const StepEvent& event);

    std::string heading_of_;  // which service and run the last heading was about
    // When the runs that show phases began, as far as their beginning was seen.
    std::unordered_map<std::string, EventTime> began_;
};

// Prints what this process does, for --verbose. Thread-safe; every line is flushed at once.
class LivePrinter final : public Spectator {
  public:
    LivePrinter(const Clock& clock, std::FILE* out) : clock_(clock), out_(out) {}

    void stepped(const Pipeline& pipeline, const Change& change) override;
    void said(const Vm& vm, std::string_view line) override;

  private:
    void print(const StepEvent& event);

    const Clock& clock_;
    std::FILE* out_;
    std::mutex mutex_;
    LiveLines lines_;
};

}  // namespace slipway
