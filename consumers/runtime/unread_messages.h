#pragma once
// Messages that nobody could read, until the database has them as dead letters: for consumers that
// write to it themselves, without a saver.

#include <string_view>
#include <vector>

#include "consumers/runtime/offsets.h"
#include "consumers/runtime/teller.h"
#include "schema/store.h"
#include "topics/bus.h"

namespace slipway {

// The row that keeps a message nobody could read: where it was, why, and its bytes, cut at 64 KiB.
DeadLetterRow unreadable_letter(const Received& received, std::string_view why, Time now);

class UnreadMessages {
  public:
    void add(DeadLetterRow letter, Ticket ticket) {
        waiting_.push_back({std::move(letter), ticket});
    }
    bool empty() const { return waiting_.empty(); }
    std::size_t size() const { return waiting_.size(); }

    // Records all of them, tells of them and finishes their tickets. Throws what the store throws:
    // then they wait on.
    void keep(Store& store, Teller& teller);

  private:
    struct Waiting {
        DeadLetterRow letter;
        Ticket ticket;
    };
    std::vector<Waiting> waiting_;
};

}  // namespace slipway
