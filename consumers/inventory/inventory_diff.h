#pragma once
// What a file would do to the inventory: added, changed, removed, kept. Pure; `slipway apply`
// prints and does it.

#include <string>
#include <vector>

#include "consumers/inventory/declared.h"
#include "consumers/inventory/inventory_file.h"
#include "schema/secret_box.h"
#include "schema/store.h"

namespace slipway {

enum class Fate { Same, Added, Changed, Kept, Removed };
enum class Absent { Kept, Removed };  // what becomes of what the file does not name

struct FieldChange {
    std::string path;
    std::string before;  // empty: it had none
    std::string after;
    bool is_secret = false;  // then both are empty

    bool operator==(const FieldChange&) const = default;
};

struct InventoryChange {
    Fate fate;
    Declared declared;  // as it shall be; what is removed or kept, as it is
    std::vector<FieldChange> fields = {};
};

struct InventoryPlan {
    std::int64_t revision = 0;  // of the inventory that it was made from
    Inventory whole;            // as it will be
    std::vector<InventoryChange> changes;

    bool changes_nothing() const;
};

// A secret that the file is silent about stays what it is.
InventoryPlan plan_inventory(const Inventory& before, const InventoryFile& file, Absent absent);

// The parts of Store::change_inventory().
std::vector<InventoryRow> rows_to_put(const InventoryPlan& plan, const SecretBox& box);
std::vector<InventoryKey> keys_to_remove(const InventoryPlan& plan);

}  // namespace slipway
