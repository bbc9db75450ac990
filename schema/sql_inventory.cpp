// What operators declare.

#include <stdexcept>

#include "schema/sql_store_parts.h"

namespace slipway {

std::int64_t SqlStore::inventory_revision() {
    throw std::logic_error("not yet");
}

InventoryRows SqlStore::inventory() {
    throw std::logic_error("not yet");
}

bool SqlStore::change_inventory(std::int64_t,
                                std::span<const InventoryRow>,
                                std::span<const InventoryKey>,
                                Time) {
    throw std::logic_error("not yet");
}

}  // namespace slipway
