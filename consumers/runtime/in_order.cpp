#include "consumers/runtime/in_order.h"

#include <algorithm>

namespace slipway {

void InOrder::begin(std::int64_t number) {
    if (!entries_.empty() && number <= entries_.back().number) return;
    entries_.push_back({number, false});
    ++open_;
}

void InOrder::finish(std::int64_t number) {
    const auto entry = std::lower_bound(
        entries_.begin(), entries_.end(), number, [](const Entry& e, std::int64_t n) {
            return e.number < n;
        });
    if (entry == entries_.end() || entry->number != number || entry->finished) return;
    entry->finished = true;
    --open_;
    while (!entries_.empty() && entries_.front().finished) {
        finished_below_ = entries_.front().number + 1;
        entries_.pop_front();
    }
}

}  // namespace slipway
