#pragma once
// One simulated process: the production parts of an engine with every role, in one thread. It is
// ended by destroying it, as kill -9 would: nothing is finished, saved or said on the way out.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "consumers/mail/mailer.h"
#include "consumers/runtime/lanes.h"
#include "consumers/runtime/outside.h"
#include "consumers/runtime/reader.h"
#include "consumers/runtime/saver.h"
#include "consumers/runtime/teller.h"
#include "producer/due.h"
#include "producer/intake.h"
#include "producer/republish.h"
#include "tests/story/fault_seams.h"
#include "tests/story/sim_bus.h"
#include "tests/story/sim_lab.h"

namespace slipway {

struct ProcessParts {
    int number;
    std::string writer;
    SimClock& clock;
    Store& store;
    SimBus& bus;
    SimLab& lab;
    Ledger& ledger;
    Faults& faults;
    const Poison& poison;
};

class SimProcess {
  public:
    SimProcess(ProcessParts parts, const LaneSettings& lanes);

    // Every part does one round, in an order drawn from `random`; false if none had anything to do.
    bool run_round(std::mt19937_64& random);
    // Lanes and saver only, until they have nothing to do.
    void run_lanes();
    void run_reader();

    bool busy() const { return lanes_.in_hand() > 0 || saver_.waiting() > 0; }
    const std::string& writer() const { return teller_.writer(); }
    std::chrono::nanoseconds next_chore() const { return std::min(due_at_, house_at_); }

  private:
    bool run_part(int part);
    bool sweep_due();
    bool keep_house();

    SimClock& clock_;
    FaultClock fault_clock_;
    FaultStore store_;
    FaultLedger ledger_;
    FaultHttp http_;
    FaultMail mail_;
    FaultBus bus_;
    InventoryBook inventory_;
    Sites sites_;
    Dns dns_;
    Outside outside_;
    Teller teller_;
    Saver saver_;
    Lanes lanes_;
    std::vector<std::unique_ptr<Reader>> readers_;
    Intake intake_;
    Mailer mailer_;
    Due due_;
    Republish republish_;
    std::chrono::nanoseconds due_at_{0};
    std::chrono::nanoseconds house_at_{0};
    int seconds_ = 0;
    bool started_ = false;
};

}  // namespace slipway
