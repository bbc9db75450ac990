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

}  // namespace

SimProcess::SimProcess(ProcessParts parts, const LaneSettings& lanes)
    : clock_(parts.clock),
      fault_clock_(parts.clock, parts.faults, parts.number),
      store_(parts.store, parts.faults, parts.poison, parts.number),
      ledger_(parts.ledger, parts.faults, parts.number),
      bus_(parts.bus.connect(), parts.faults, parts.number),
      teller_(bus_, TopicNames{}, parts.writer),
      saver_(store_, fault_clock_, {}),
      lanes_({.clock = fault_clock_,
              .store = store_,
              .saver = saver_,
              .teller = teller_,
              .ledger = ledger_},
             lanes),
      intake_({bus_, fault_clock_, store_, teller_}, {.grace = lanes.times.grace}),
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
    std::vector<int> parts(5 + readers_.size());
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
        default:
            return readers_[static_cast<std::size_t>(part) - 5]->run_one(milliseconds(0));
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
        if (seconds_++ % republish_every_seconds == 0) republish_.sweep();
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
