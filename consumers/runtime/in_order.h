#pragma once
// Remembers which of a row of rising numbers are finished, and below which all of them are.
// One mechanism for two questions: which offsets may be committed, and from which number on the
// step-events of this process may be missing. Not thread-safe: its owners hold a lock anyway.

#include <cstdint>
#include <deque>

namespace slipway {

class InOrder {
  public:
    // Numbers must rise; gaps are fine. `first` is what finished_below() says before any number.
    explicit InOrder(std::int64_t first) : finished_below_(first) {}

    void begin(std::int64_t number);
    // A number never begun, or finished before, is passed over.
    void finish(std::int64_t number);

    std::int64_t finished_below() const { return finished_below_; }
    std::size_t open() const { return open_; }

  private:
    struct Entry {
        std::int64_t number;
        bool finished;
    };
    std::deque<Entry> entries_;
    std::int64_t finished_below_;
    std::size_t open_ = 0;
};

}  // namespace slipway
