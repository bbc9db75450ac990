#pragma once
// Which messages of one consumer are finished, so that only those are committed.
//
// Messages finish in any order and on any thread; an offset may be committed when every lower one
// of its partition is finished. A ticket from before a rebalance finishes nothing: the partition
// may be ours again, but that message will be read again by whoever has it now.

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "consumers/runtime/in_order.h"
#include "topics/bus.h"

namespace slipway {

class Offsets;

// Proof that a message is in somebody's hands; finish() it exactly when nothing depends on it.
struct Ticket {
    Offsets* offsets = nullptr;  // nothing to finish if null
    int place = 0;               // of the partition
    std::int64_t era = 0;
    std::int64_t offset = 0;

    void finish() const;
};

class Offsets {
  public:
    Ticket take(const Received& received);
    void revoke(const std::vector<Partition>& partitions);

    // What may be committed now and could not be when this was last asked.
    std::vector<Position> advanced();
    // Messages taken and not finished, of partitions that are ours.
    std::size_t open() const;

  private:
    friend struct Ticket;
    struct Tracked {
        Partition partition;
        std::int64_t era = 0;
        bool ours = false;
        InOrder offsets = InOrder(0);
        std::int64_t told = 0;
        std::int64_t newest = -1;
    };
    void finish(const Ticket& ticket);

    mutable std::mutex mutex_;
    std::map<Partition, int> places_;
    std::vector<Tracked> tracked_;  // by place; a place is for ever
    std::int64_t eras_ = 0;
    std::size_t open_ = 0;
};

}  // namespace slipway
