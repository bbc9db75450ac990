#pragma once
// Lanes: one VM's queue each, whatever the roles, so that one VM is never in two hands in one
// process while many VMs run at once. A pool of threads runs them.
//
// An event is offered; its lane loads the row if it does not hold it, runs the one next step, hands
// the change to the saver and lets go of the thread. When the save is answered the world is told,
// for a whole batch in one go, state events first, and the lanes of the batch are woken together.
// With hand-off a lane then goes on with the next step at once: the event that comes back from the
// broker is old news and is dropped.
//
// run_one() does one piece of work; threads loop over it in production (run_until_stopped), the
// stories call it themselves.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "consumers/runtime/clock.h"
#include "consumers/runtime/ledger.h"
#include "consumers/runtime/offsets.h"
#include "consumers/runtime/run_step.h"
#include "consumers/runtime/saver.h"
#include "consumers/runtime/teller.h"
#include "topics/event.h"

namespace slipway {

enum class HandOff { Off, On };

struct LaneSettings {
    StepTimes times = {};
    HandOff hand_off = HandOff::On;
    std::chrono::milliseconds step_deadline{20'000};
    std::size_t rows_kept = 20'000;  // lanes that rest but keep their row
    int threads = 16;
    int awake_most = 2;  // threads that compute at once; more are woken when these take long
};

// Live output: what happened to whom, as it happens.
class Spectator {
  public:
    virtual ~Spectator() = default;
    virtual void stepped(const Pipeline& pipeline, const Change& change) = 0;
    virtual void said(const Vm& vm, std::string_view line) = 0;
};

class Lanes {
  public:
    struct Parts {
        Clock& clock;
        Store& store;
        Saver& saver;
        Teller& teller;
        Ledger& ledger;
        Spectator* spectator = nullptr;
        Outside* outside = nullptr;
    };

    Lanes(Parts parts, LaneSettings settings);
    ~Lanes();
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    // Takes an event; the ticket is finished when nothing depends on the event any more.
    void offer(const StateEvent& event, Ticket ticket);

    // A row committed a moment ago, so that its first event need not load it.
    void keep_row(const Vm& row);

    bool run_one();
    void run_until_stopped();

    // No step begins from here on; what is in hand is finished. Events not begun are dropped with
    // their tickets unfinished: whoever reads the partition next gets them again.
    void stop_taking();
    // Lanes that are running or wait for the saver.
    std::size_t in_hand() const;
    bool wait_until_empty(std::chrono::milliseconds longest);
    void stop();

  private:
    struct Lane;
    struct Next;
    struct Held {
        std::int64_t version;
        Ticket ticket;
    };
    struct Waiting {
        Lane* lane;
        std::chrono::nanoseconds since;
    };

    // Under the lock.
    Lane& lane_of(const std::string& service_id);
    enum class Turn { Last, Next };
    void make_ready(Lane& lane, Turn turn = Turn::Last);
    void call_one();
    Lane* take_ready();
    bool may_take() const;
    void let_go(Lane& lane);
    void rest(Lane& lane);
    std::optional<Held> pop_event(Lane& lane);

    // By the one thread that has the lane in hand.
    void run_taken(Lane& lane);
    Next work(Lane& lane);
    Next record_refusal(Lane& lane);
    Next next_event(Lane& lane);
    bool is_old(const Lane& lane) const;
    Next go_on(Lane& lane);
    Next step(Lane& lane, const Pipeline& pipeline);
    Next start_next_request(Lane& lane);
    Next save(Lane& lane, Stepped stepped);
    void finish_tickets(Lane& lane);
    void submit(Lane& lane, Next next);

    // On the thread that answers, while the lane sleeps.
    void finish_round();
    void take_answer(Lane& lane, SaveAnswer& answer);
    void won(Lane& lane, Vm& row, const Saved& saved);
    void tell(const Lane& lane, const SaveAnswer& answer);

    Parts parts_;
    const LaneSettings settings_;
    const std::size_t cluster_most_;  // threads one cluster may hold
    // Of this round; the thread that answers alone uses them.
    std::vector<Lane*> loaded_;
    std::vector<std::pair<Lane*, SaveAnswer>> saved_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable empty_;
    std::unordered_map<std::string, std::unique_ptr<Lane>> lanes_;
    std::deque<Waiting> ready_;
    std::map<std::string, std::deque<Lane*>> held_back_;  // by cluster, while it has its share
    std::map<std::string, std::size_t> running_;          // by cluster
    std::list<Lane*> resting_;                            // oldest first
    int awake_ = 0;
    int idle_ = 0;
    int called_ = 0;  // woken, but not on their feet yet
    bool sentinel_ = false;
    std::size_t in_hand_ = 0;
    std::atomic<bool> taking_{true};
    bool stopped_ = false;
};

}  // namespace slipway
