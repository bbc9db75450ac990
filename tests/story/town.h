#pragma once
// A simulated installation: some processes with every role, one database, one broker, one outside,
// one clock, one thread, everything from one seed.
//
// A story orders VMs, sets the weather, lets the town run until it rests and looks at what is left.
// What lies outside hangs in two members: the ledger of a rehearsal, and the lab with everything
// else.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "consumers/pipelines/pipelines.h"
#include "schema/sql_store.h"
#include "tests/story/faults.h"
#include "tests/story/sim_bus.h"
#include "tests/story/sim_lab.h"
#include "tests/story/sim_ledger.h"
#include "tests/story/sim_process.h"

namespace slipway {

struct TownSettings {
    std::uint64_t seed = 1;
    int processes = 1;
    LaneSettings lanes = {};
    SimBusSettings bus = {};
};

struct TownOrder {
    std::string service_id;
    std::string pipeline;
    std::string plan = {};             // of the rehearsal: JSON members, as '"fail": {"clone": 1}'
    std::string package = "vps-full";  // of a deploy
    std::string id = {};               // made up if empty
};

class Town {
  public:
    explicit Town(TownSettings settings);
    ~Town();

    // Billing publishes a request; the id it carries.
    std::string order(TownOrder order);
    // Publishes any bytes on a topic.
    void publish(Message message);

    // One round of everything; false if nothing could be done at this moment.
    bool run_round();
    // Rounds, the clock moved to the next thing that happens whenever nothing does. False if the
    // town has not come to rest after `longest` of simulated time.
    bool run_until_rest(std::chrono::nanoseconds longest = std::chrono::hours(6));
    // The same until a condition holds, asked between rounds.
    bool run_until(const std::function<bool()>& condition,
                   std::chrono::nanoseconds longest = std::chrono::hours(6));
    void run_for(std::chrono::nanoseconds time);

    // A stopped process does nothing, as after SIGSTOP. For use in the middle of one of its calls.
    void stop(int process) { stopped_.insert(process); }
    void go_on(int process) { stopped_.erase(process); }
    void kill(int process);
    SimProcess& process(int number) { return *processes_.at(static_cast<std::size_t>(number)); }
    int crashes() const { return crashes_; }
    int processes() const { return settings_.processes; }

    // The lab's inventory with other words in it, applied.
    void redeclare(const std::string& before, const std::string& after);

    Vm vm(const std::string& service_id);  // a row without state if there is none
    // What somebody needs who wonders why there is no rest.
    std::string describe();

    // What was changed outside so far: by rehearsals, and in the lab.
    std::size_t effects() const { return ledger.effects.size() + lab.changes(); }
    const std::vector<TownOrder>& orders() const { return orders_; }
    std::set<std::string> services() const;
    std::mt19937_64& random() { return random_; }

  private:
    const TownSettings settings_;

  public:
    SimClock clock;
    Faults faults;
    Poison poison;
    std::unique_ptr<Store> store;
    SimBus bus;
    SimLab lab;
    SimLedger ledger;

  private:
    void start(int process);
    bool rests();
    std::vector<const SimProcess*> awake() const;
    void pass_time(std::chrono::nanoseconds until);

    std::mt19937_64 random_;
    std::unique_ptr<Bus> billing_;
    std::vector<std::unique_ptr<SimProcess>> processes_;
    std::vector<TownOrder> orders_;
    std::set<int> stopped_;
    int started_ = 0;
    int crashes_ = 0;
};

// What a variable of the environment says.
std::uint64_t number_asked(const char* variable, std::uint64_t otherwise);

// How far apart the places are at which a fault is tried, if there are very many: 1, or what
// SLIPWAY_STORY_STRIDE says, where a build is slow and another one tries them all.
int stride_asked();

// A town whose services are all where `pipeline` may begin: nowhere, or at rest after the pipeline
// that leads there. Orders nothing of `pipeline` itself.
void prepare_for(Town& town, const Pipeline& pipeline, const std::vector<std::string>& services);

// Everything that must hold at rest, one line for each thing that does not.
std::string broken_invariants(Town& town);
// The same of what lies outside.
std::string broken_in_lab(Town& town);

// Both of the above as one assertion with all there is to know if it fails.
testing::AssertionResult comes_to_rest(Town& town);

}  // namespace slipway
