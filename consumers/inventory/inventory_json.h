#pragma once
// The inventory as rows: a body in JSON that anybody may read, and beside it the secrets, sealed.

#include <span>
#include <string>
#include <vector>

#include "consumers/inventory/declared.h"
#include "schema/secret_box.h"
#include "schema/store.h"

namespace slipway {

// Of one thing. Throws std::runtime_error if it has a secret and the box no key.
InventoryRow row_of(const Declared& declared, const SecretBox& box);
// Of a whole inventory, for Store::change_inventory().
std::vector<InventoryRow> rows_of(const Inventory& inventory, const SecretBox& box);

// Throws std::runtime_error if a secret cannot be opened, Error if a row cannot be read.
Inventory inventory_of(const InventoryRows& rows, const SecretBox& box);
// The same without secrets, for which no key is needed.
Inventory inventory_without_secrets(const InventoryRows& rows);

// As `slipway get -o json` prints it: several lines if `indent` is not negative.
std::string print_json(const Tree& tree, int indent);
// Throws Error.
Tree parse_json(const std::string& text);

}  // namespace slipway
