#pragma once
// A broker in memory, the same every time from one seed.
//
// It keeps topics with partitions, groups with members, assignments and committed offsets, and for
// each process a connection with the messages it has not acknowledged yet. It does what a real one
// may do, as often as the weather says: lose a nudge, store a message twice, hold it back so that
// others overtake it, withhold an acknowledgement, be away, and forget all its data.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/story/sim_clock.h"
#include "topics/bus.h"

namespace slipway {

// Chances per message, 0 to 1.
struct BusWeather {
    double lost = 0;  // acknowledged, yet nobody ever reads it; only topics in `may_lose`
    double doubled = 0;
    double held_back = 0;     // before the broker has it
    double ack_withheld = 0;  // after the broker has it
    std::chrono::milliseconds longest{3'000};
};

struct SimBusSettings {
    int partitions = 3;
    std::size_t most_unacknowledged = 50'000;
    std::chrono::milliseconds session_timeout{10'000};
    std::set<std::string> may_lose = {};
};

class SimBus {
  public:
    SimBus(SimClock& clock, std::uint64_t seed, SimBusSettings settings);
    ~SimBus();

    // One per process. Destroyed without flush() it dies as a process dies: what was under way may
    // have arrived, its members are silent until their session ends.
    std::unique_ptr<Bus> connect();

    BusWeather weather;
    void set_away(bool away);
    // All messages of these topics; offsets begin again, committed ones stay as they are.
    void wipe(const std::set<std::string>& topics);
    // Every member gives up and is given all its partitions anew.
    void rebalance();

    // Lets happen what is due; false if nothing was.
    bool run();
    // When something happens by itself next.
    std::optional<std::chrono::nanoseconds> next_event() const;
    // Nothing is under way and every group has finished all there is.
    bool at_rest() const;
    // Where it is not at rest, for people.
    std::string describe() const;

    // Everything any reader could ever have read, in the order it was stored.
    const std::vector<Message>& heard() const { return heard_; }
    std::size_t most_unacknowledged_seen() const { return most_unacknowledged_seen_; }

  private:
    class Connection;
    class Member;
    struct Underway {
        Message message;
        Delivered delivered;
        std::chrono::nanoseconds stores_at;
        std::chrono::nanoseconds acknowledges_at;
        bool stored = false;
    };
    struct Seat {  // of a member in its group; a crashed one keeps it until its session ends
        std::int64_t member = 0;
        std::chrono::nanoseconds heard_from;
    };
    struct Group {
        std::vector<std::string> topics;
        std::vector<Seat> seats;
        std::map<Partition, std::int64_t> owners;
        std::map<Partition, std::int64_t> committed;
        std::int64_t generation = 0;
    };

    bool chance(double share);
    std::chrono::nanoseconds some_time();
    void store(const Message& message);
    bool run_connection(Connection& connection);
    bool end_sessions();
    void share_out(Group& group);
    void join(Group& group, std::int64_t member);
    void leave(Group& group, std::int64_t member);
    std::int64_t end_of(const Partition& partition) const;

    SimClock& clock_;
    std::mt19937_64 random_;
    const SimBusSettings settings_;
    bool away_ = false;
    std::map<Partition, std::vector<Received>> logs_;
    std::map<std::string, Group> groups_;
    std::vector<Connection*> connections_;
    std::int64_t members_ = 0;
    std::vector<Message> heard_;
    std::size_t most_unacknowledged_seen_ = 0;
};

}  // namespace slipway
