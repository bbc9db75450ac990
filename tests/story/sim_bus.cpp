#include "tests/story/sim_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace slipway {

using std::chrono::nanoseconds;

class SimBus::Connection final : public Bus {
  public:
    explicit Connection(SimBus& bus) : bus_(bus) { bus_.connections_.push_back(this); }

    ~Connection() override {
        for (const Underway& message : underway)
            if (!message.stored && !bus_.away_ && bus_.chance(0.5)) bus_.store(message.message);
        std::erase(bus_.connections_, this);
    }

    void publish(Message message, Delivered delivered) override {
        const bool held_back = bus_.chance(bus_.weather.held_back);
        const auto stores_at =
            bus_.clock_.since_boot() + (held_back ? bus_.some_time() : nanoseconds(0));
        underway.push_back({std::move(message), std::move(delivered), stores_at, stores_at});
        bus_.most_unacknowledged_seen_ = std::max(bus_.most_unacknowledged_seen_, underway.size());
    }

    bool has_room() const override { return underway.size() < bus_.settings_.most_unacknowledged; }

    // The time it takes does not pass: what would be waited for has happened.
    bool flush(std::chrono::milliseconds) override {
        for (Underway& message : underway) message.stores_at = message.acknowledges_at = {};
        bus_.run_connection(*this);
        for (Underway& message : underway) message.acknowledges_at = {};
        bus_.run_connection(*this);
        return underway.empty();
    }

    std::unique_ptr<Consumer> subscribe(Subscription subscription) override;

    std::optional<GroupProgress> progress(std::string_view group, std::string_view topic) override {
        if (bus_.away_) return std::nullopt;
        GroupProgress sum;
        for (const auto& [partition, log] : bus_.logs_)
            if (partition.topic == topic) sum.end += static_cast<std::int64_t>(log.size());
        for (const auto& [partition, offset] : bus_.groups_[std::string(group)].committed)
            if (partition.topic == topic) sum.committed += offset;
        return sum;
    }

    std::deque<Underway> underway;

  private:
    SimBus& bus_;
};

class SimBus::Member final : public Consumer {
  public:
    Member(SimBus& bus, Subscription subscription)
        : bus_(bus),
          subscription_(std::move(subscription)),
          group_(bus.groups_[subscription_.group]),
          id_(++bus.members_) {
        group_.topics = subscription_.topics;
        bus_.join(group_, id_);
    }

    std::vector<Received> poll(std::chrono::milliseconds, std::size_t most) override {
        if (bus_.away_) return {};
        hear_from();
        if (generation_ != group_.generation) adopt();
        commit();
        std::vector<Received> received;
        for (auto& [partition, position] : positions_) {
            if (paused_) break;
            const auto log = bus_.logs_.find(partition);
            const std::int64_t end = bus_.end_of(partition);
            if (position > end) position = 0;  // out of range: the topic was wiped
            while (position < end && received.size() < most)
                received.push_back(log->second[static_cast<std::size_t>(position++)]);
        }
        return received;
    }

    void finished_below(const Position& next) override {
        finished_[{next.topic, next.partition}] = next.offset;
    }

    void pause() override { paused_ = true; }
    void resume() override { paused_ = false; }

    void close() override {
        commit();
        give_up();
        bus_.leave(group_, id_);
    }

  private:
    void hear_from() {
        for (Seat& seat : group_.seats) {
            if (seat.member != id_) continue;
            seat.heard_from = bus_.clock_.since_boot();
            return;
        }
        bus_.join(group_, id_);
    }

    bool owns(const Partition& partition) const {
        const auto owner = group_.owners.find(partition);
        return owner != group_.owners.end() && owner->second == id_;
    }

    // What is not ours any more is passed over.
    void commit() {
        if (bus_.away_) return;
        for (const auto& [partition, offset] : finished_)
            if (owns(partition)) group_.committed[partition] = offset;
        finished_.clear();
    }

    void give_up() {
        if (positions_.empty()) return;
        std::vector<Partition> lost;
        for (const auto& [partition, position] : positions_) lost.push_back(partition);
        positions_.clear();
        finished_.clear();
        if (subscription_.on_revoked) subscription_.on_revoked(lost);
    }

    void adopt() {
        commit();
        give_up();
        generation_ = group_.generation;
        std::vector<Partition> assigned;
        for (const auto& [partition, owner] : group_.owners)
            if (owner == id_) assigned.push_back(partition);
        for (const Partition& partition : assigned)
            positions_[partition] = group_.committed[partition];
        if (subscription_.on_assigned) subscription_.on_assigned(assigned);
    }

    SimBus& bus_;
    const Subscription subscription_;
    Group& group_;
    const std::int64_t id_;
    std::int64_t generation_ = 0;
    std::map<Partition, std::int64_t> positions_;
    std::map<Partition, std::int64_t> finished_;
    bool paused_ = false;
};

std::unique_ptr<Consumer> SimBus::Connection::subscribe(Subscription subscription) {
    return std::make_unique<Member>(bus_, std::move(subscription));
}

SimBus::SimBus(SimClock& clock, std::uint64_t seed, SimBusSettings settings)
    : clock_(clock), random_(seed), settings_(std::move(settings)) {}

SimBus::~SimBus() = default;

std::unique_ptr<Bus> SimBus::connect() {
    return std::make_unique<Connection>(*this);
}

// Nobody's session ends for what was not the member's fault.
void SimBus::set_away(bool away) {
    away_ = away;
    for (auto& [name, group] : groups_)
        for (Seat& seat : group.seats) seat.heard_from = clock_.since_boot();
}

void SimBus::wipe(const std::set<std::string>& topics) {
    for (auto& [partition, log] : logs_)
        if (topics.contains(partition.topic)) log.clear();
}

void SimBus::rebalance() {
    for (auto& [name, group] : groups_) {
        std::rotate(group.seats.begin(),
                    group.seats.begin() + (group.seats.empty() ? 0 : 1),
                    group.seats.end());
        share_out(group);
    }
}

bool SimBus::chance(double share) {
    return share > 0 && std::uniform_real_distribution<>(0, 1)(random_) < share;
}

nanoseconds SimBus::some_time() {
    const auto most = weather.longest.count();
    return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(1, most)(random_));
}

std::int64_t SimBus::end_of(const Partition& partition) const {
    const auto log = logs_.find(partition);
    return log == logs_.end() ? 0 : static_cast<std::int64_t>(log->second.size());
}

void SimBus::store(const Message& message) {
    if (settings_.may_lose.contains(message.topic) && chance(weather.lost)) return;
    const auto number = static_cast<std::int32_t>(std::hash<std::string>{}(message.key) %
                                                  static_cast<std::size_t>(settings_.partitions));
    std::vector<Received>& log = logs_[{message.topic, number}];
    const int copies = chance(weather.doubled) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy)
        log.push_back({message,
                       number,
                       static_cast<std::int64_t>(log.size()),
                       clock_.now().time_since_epoch().count() / 1000});
    heard_.push_back(message);
}

// Stores what is due, then acknowledges what is due, each in the order it was published.
bool SimBus::run_connection(Connection& connection) {
    if (away_) return false;
    const auto now = clock_.since_boot();
    bool ran = false;
    for (Underway& message : connection.underway) {
        if (message.stored || message.stores_at > now) continue;
        store(message.message);
        message.stored = ran = true;
        message.acknowledges_at =
            now + (chance(weather.ack_withheld) ? some_time() : nanoseconds(0));
    }
    std::vector<Delivered> acknowledged;
    std::erase_if(connection.underway, [&](Underway& message) {
        if (!message.stored || message.acknowledges_at > now) return false;
        if (message.delivered) acknowledged.push_back(std::move(message.delivered));
        return ran = true;
    });
    for (const Delivered& delivered : acknowledged) delivered();
    return ran;
}

bool SimBus::end_sessions() {
    if (away_) return false;
    bool ended = false;
    for (auto& [name, group] : groups_) {
        const auto silent = std::erase_if(group.seats, [&](const Seat& seat) {
            return clock_.since_boot() - seat.heard_from > settings_.session_timeout;
        });
        if (silent == 0) continue;
        share_out(group);
        ended = true;
    }
    return ended;
}

bool SimBus::run() {
    bool ran = end_sessions();
    for (Connection* connection : connections_) ran = run_connection(*connection) || ran;
    return ran;
}

std::optional<nanoseconds> SimBus::next_event() const {
    std::optional<nanoseconds> next;
    if (away_) return next;
    for (const Connection* connection : connections_)
        for (const Underway& message : connection->underway) {
            const auto at = message.stored ? message.acknowledges_at : message.stores_at;
            if (!next || at < *next) next = at;
        }
    return next;
}

void SimBus::share_out(Group& group) {
    ++group.generation;
    group.owners.clear();
    if (group.seats.empty()) return;
    std::size_t place = 0;
    for (const std::string& topic : group.topics)
        for (int number = 0; number < settings_.partitions; ++number)
            group.owners[{topic, number}] = group.seats[place++ % group.seats.size()].member;
}

void SimBus::join(Group& group, std::int64_t member) {
    group.seats.push_back({member, clock_.since_boot()});
    share_out(group);
}

void SimBus::leave(Group& group, std::int64_t member) {
    std::erase_if(group.seats, [&](const Seat& seat) { return seat.member == member; });
    share_out(group);
}

bool SimBus::at_rest() const {
    const bool unacknowledged =
        std::any_of(connections_.begin(), connections_.end(), [](const Connection* c) {
            return !c->underway.empty();
        });
    if (away_ || unacknowledged) return false;
    for (const auto& [name, group] : groups_)
        for (const auto& [partition, owner] : group.owners) {
            const auto committed = group.committed.find(partition);
            if ((committed == group.committed.end() ? 0 : committed->second) < end_of(partition))
                return false;
        }
    return true;
}

std::string SimBus::describe() const {
    std::string text;
    for (const Connection* connection : connections_)
        text += fmt::format("unacknowledged: {}\n", connection->underway.size());
    for (const auto& [name, group] : groups_)
        for (const auto& [partition, owner] : group.owners) {
            const auto committed = group.committed.find(partition);
            text += fmt::format("{} {}/{}: {} of {}\n",
                                name,
                                partition.topic,
                                partition.number,
                                committed == group.committed.end() ? 0 : committed->second,
                                end_of(partition));
        }
    return text;
}

}  // namespace slipway
