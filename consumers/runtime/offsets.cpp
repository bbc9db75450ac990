#include "consumers/runtime/offsets.h"

namespace slipway {

void Ticket::finish() const {
    if (offsets) offsets->finish(*this);
}

Ticket Offsets::take(const Received& received) {
    const std::lock_guard lock(mutex_);
    const Partition partition{received.message.topic, received.partition};
    const auto [entry, added] = places_.try_emplace(partition, static_cast<int>(tracked_.size()));
    if (added) tracked_.push_back({.partition = partition});
    Tracked& tracked = tracked_[static_cast<std::size_t>(entry->second)];
    // Offsets that go back are a topic wiped and made anew, or a partition that was away: what was
    // known of the old ones is worth nothing.
    if (!tracked.ours || received.offset <= tracked.newest) {
        open_ -= tracked.ours ? tracked.offsets.open() : 0;
        tracked.offsets = InOrder(received.offset);
        tracked.told = received.offset;
        tracked.era = ++eras_;
        tracked.ours = true;
    }
    tracked.newest = received.offset;
    tracked.offsets.begin(received.offset);
    ++open_;
    return {this, entry->second, tracked.era, received.offset};
}

void Offsets::revoke(const std::vector<Partition>& partitions) {
    const std::lock_guard lock(mutex_);
    for (const Partition& partition : partitions) {
        const auto entry = places_.find(partition);
        if (entry == places_.end()) continue;
        Tracked& tracked = tracked_[static_cast<std::size_t>(entry->second)];
        if (tracked.ours) open_ -= tracked.offsets.open();
        tracked.ours = false;
    }
}

void Offsets::finish(const Ticket& ticket) {
    const std::lock_guard lock(mutex_);
    Tracked& tracked = tracked_[static_cast<std::size_t>(ticket.place)];
    if (!tracked.ours || tracked.era != ticket.era) return;
    open_ -= tracked.offsets.open();
    tracked.offsets.finish(ticket.offset);
    open_ += tracked.offsets.open();
}

std::vector<Position> Offsets::advanced() {
    const std::lock_guard lock(mutex_);
    std::vector<Position> positions;
    for (Tracked& tracked : tracked_) {
        const std::int64_t below = tracked.offsets.finished_below();
        if (!tracked.ours || below <= tracked.told) continue;
        tracked.told = below;
        positions.push_back({tracked.partition.topic, tracked.partition.number, below});
    }
    return positions;
}

std::size_t Offsets::open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

}  // namespace slipway
