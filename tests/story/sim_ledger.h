#pragma once
// The outside world of a rehearsal, in memory: which effects there were, in order. It outlives
// every simulated process.

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "consumers/runtime/ledger.h"

namespace slipway {

struct Effect {
    std::string service_id;
    std::int64_t run = 0;
    std::string state;
    friend auto operator<=>(const Effect&, const Effect&) = default;
};

class SimLedger final : public Ledger {
  public:
    void write(const Vm& vm, std::string_view state) override {
        effects.push_back({vm.service_id, vm.run, std::string(state)});
    }

    std::vector<Effect> effects;
};

}  // namespace slipway
