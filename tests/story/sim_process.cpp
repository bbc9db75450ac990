#include "tests/story/sim_process.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "consumers/pipelines/pipelines.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

// As the engine does it.
constexpr int republish_every_seconds = 5;
constexpr milliseconds due_interval{250};
constexpr std::size_t fixed_parts = 6;  // that are not readers

}  // namespace

SimProcess::SimProcess(ProcessParts parts, const LaneSettings& lanes)
    : clock_(parts.clock),
      fault_clock_(parts.clock, parts.faults, parts.number),
      store_(parts.store, parts.faults, parts.poison, parts.number),
      ledger_(parts.ledger, parts.faults, parts.number),
      http_(parts.lab, parts.clock, parts.faults, parts.number),
      mail_(parts.lab.mail, parts.faults, parts.number),
      bus_(parts.bus.connect(), parts.faults, parts.number),
      inventory_(store_, parts.lab.secrets, fault_clock_),
      sites_(http_, fault_clock_),
      dns_(http_, fault_clock_, {.providers_at_once = 1}),
      outside_{.installation = "lab",
               .inventory = inventory_,
               .sites = sites_,
               .dns = dns_,
               .secrets = parts.lab.secrets},
      teller_(bus_, TopicNames{}, parts.writer),
      saver_(store_, fault_clock_, {}),
      lanes_({.clock = fault_clock_,
              .store = store_,
              .saver = saver_,
              .teller = teller_,
              .ledger = ledger_,
              .outside = &outside_},
             lanes),
      intake_({.bus = bus_,
               .clock = fault_clock_,
               .store = store_,
               .teller = teller_,
               .inventory = &inventory_},
              {.grace = lanes.times.grace}),
      mailer_({bus_, fault_clock_, store_, teller_, mail_, inventory_, parts.lab.secrets},
              {.installation = "lab"}),
      due_({bus_, fault_clock_, store_, teller_},
           {.interval = due_interval, .grace = lanes.times.grace}),
      republish_({bus_, fault_clock_, store_, teller_}, {}) {
    std::set<std::string> topics;
    for (const Pipeline* pipeline : pipelines()) topics.emplace(pipeline->topic);
    for (const std::string& topic : topics)
        readers_.push_back(
            std::make_unique<Reader>(Reader::Parts{bus_, fault_clock_, lanes_, saver_, teller_},
                                     ReaderSettings{.group = teller_.topics().group(topic),
                                                    .topic = teller_.topics().of(topic)}));
    due_at_ = house_at_ = clock_.since_boot();
}

bool SimProcess::run_round(std::mt19937_64& random) {
    if (!started_) {  // before anything else: a writer nobody knows of is missed by nobody
        keep_house();
        if (!started_) return false;
    }
    std::vector<int> parts(fixed_parts + readers_.size());
    std::iota(parts.begin(), parts.end(), 0);
    std::shuffle(parts.begin(), parts.end(), random);
    bool ran = false;
    for (const int part : parts) ran = run_part(part) || ran;
    return ran;
}

bool SimProcess::run_part(int part) {
    switch (part) {
        case 0:
            return intake_.run_one(milliseconds(0));
        case 1:
            return lanes_.run_one();
        case 2:
            return saver_.run_one();
        case 3:
            return clock_.since_boot() >= due_at_ && sweep_due();
        case 4:
            return clock_.since_boot() >= house_at_ && keep_house();
        case 5:
            return mailer_.run_one(milliseconds(0));
        default:
            return readers_[static_cast<std::size_t>(part) - fixed_parts]->run_one(milliseconds(0));
    }
}

bool SimProcess::sweep_due() {
    due_at_ = clock_.since_boot() + due_interval;
    try {
        return due_.sweep() > 0;
    } catch (const std::exception&) {
        return false;
    }
}

// What it does is not progress: it does it every second, whether there is any or not.
bool SimProcess::keep_house() {
    house_at_ = clock_.since_boot() + std::chrono::seconds(1);
    try {
        teller_.beat(store_, clock_.now());
        // To be known is all that a start needs: what is left of those who died can wait a second,
        // or a process that dies while it looks would never get further.
        if (!std::exchange(started_, true)) return false;
        if (seconds_++ % republish_every_seconds != 0) return false;
        republish_.sweep();
        store_.sweep_slots(clock_.now());
        return false;
    } catch (const std::exception&) {
        return false;
    }
}

void SimProcess::run_lanes() {
    while (lanes_.run_one() || saver_.run_one()) continue;
}

void SimProcess::run_reader() {
    for (const auto& reader : readers_) reader->run_one(milliseconds(0));
}

}  // namespace slipway
