#pragma once
// A rehearsal: a number of VMs asked for, followed and checked, as billing and an operator would.
//
// Requests go through slipway.requests like any other. In a process that runs the engine itself
// every step is seen as it happens; otherwise the record of truth is looked at.

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "consumers/runtime/clock.h"
#include "consumers/runtime/lanes.h"
#include "consumers/runtime/teller.h"
#include "schema/store.h"
#include "topics/bus.h"

namespace slipway {

struct RehearsalPlan {
    std::int64_t vms = 100;
    std::int64_t in_flight = 64;
    // If set: new VMs for so long from the first step on, whatever `vms` says.
    std::chrono::milliseconds issue_for{0};
    std::string payload = "{}";                  // see consumers/steps/rehearse.cpp
    std::chrono::milliseconds give_up{600'000};  // without any progress
    bool end_them = true;                        // afterwards, remove the VMs again
    bool wait = true;  // false: ask, and leave the rest to the installation
};

struct RehearsalResult {
    std::int64_t asked = 0;
    std::int64_t ready = 0;
    std::int64_t removed = 0;
    std::int64_t steps = 0;
    double seconds = 0;      // from the first request to the last VM
    double steps_per_s = 0;  // while the number in flight was kept up
    double step_p50_ms = 0;  // from one commit of a VM to its next; 0 if it was not watched
    double step_p99_ms = 0;
    std::vector<std::string> problems = {};
};

class Rehearsal final : public Spectator {
  public:
    struct Parts {
        Clock& clock;
        Store& store;
        Bus& bus;
        TopicNames topics;
        std::function<void(std::int64_t ready, std::int64_t asked)> on_progress = {};
    };
    enum class Watching {
        Steps,
        Rows
    };  // Steps: this process runs the engine, with this spectator

    Rehearsal(Parts parts, RehearsalPlan plan, Watching watching);

    RehearsalResult run();

    void stepped(const Pipeline& pipeline, const Change& change) override;
    void said(const Vm&, std::string_view) override {}

    const std::string& prefix() const { return prefix_; }

  private:
    std::string name_of(std::int64_t vm) const;
    void ask(std::int64_t vm, std::string_view request);
    bool wants_more() const;
    void ask_more();
    void ask_for_all();
    void look_at_rows();
    bool wait_for(const std::int64_t& count, std::string_view what, RehearsalResult& result);
    void check_logs(RehearsalResult& result);
    void end_all(RehearsalResult& result);
    void fill_in(RehearsalResult& result);

    Parts parts_;
    const RehearsalPlan plan_;
    const Watching watching_;
    const std::string prefix_;  // of the service ids: no two rehearsals share one

    std::mutex mutex_;
    std::int64_t asked_ = 0;
    std::int64_t ready_ = 0;
    std::int64_t removed_ = 0;
    std::int64_t steps_ = 0;
    Time began_ = {};
    // While the number in flight was kept up: what the figures are made of.
    Time first_step_ = {};
    Time last_step_ = {};
    std::int64_t steps_measured_ = 0;
    std::unordered_map<std::string, std::chrono::nanoseconds> last_commit_;
    std::vector<std::uint32_t> step_us_;
};

}  // namespace slipway
