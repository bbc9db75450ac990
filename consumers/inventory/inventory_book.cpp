#include "consumers/inventory/inventory_book.h"

#include "consumers/inventory/inventory_json.h"
#include "consumers/runtime/at_end.h"

namespace slipway {

std::shared_ptr<const Inventory> InventoryBook::newest() {
    const std::chrono::nanoseconds now = clock_.since_boot();
    std::shared_ptr<const Inventory> known;
    {
        const std::lock_guard lock(mutex_);
        known = known_;
        if (known && (is_looking_ || now - looked_at_ < good_for)) return known;
        is_looking_ = true;
    }
    const AtEnd not_looking([&] {
        const std::lock_guard lock(mutex_);
        is_looking_ = false;
    });
    std::shared_ptr<const Inventory> found = look(known);
    const std::lock_guard lock(mutex_);
    known_ = found;
    looked_at_ = now;
    return found;
}

std::shared_ptr<const Inventory> InventoryBook::look(
    const std::shared_ptr<const Inventory>& known) {
    if (known && store_.inventory_revision() == known->revision) return known;
    return std::make_shared<const Inventory>(inventory_of(store_.inventory(), box_));
}

}  // namespace slipway
