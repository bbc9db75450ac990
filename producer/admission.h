#pragma once
// What becomes of a lifecycle request: decided by the table of rules and by what the request itself
// says, on the VM's row as it is. Intake decides so what it reads from its topic; the command line
// writes its orders into the database itself.

#include "consumers/inventory/inventory_book.h"
#include "schema/store.h"

namespace slipway {

struct AdmissionContext {
    const Inventory* inventory;  // null: requests that are checked against it are rejected
    Time now;
    Time wake_at;  // of a VM that begins: when it is nudged if its first event is lost
};

// Whether the inventory has a say in it.
bool needs_inventory(const RequestRow& request);

// `vm` is null for a service without a row.
Admitted decide(RequestRow request, const Vm* vm, const AdmissionContext& context);

// One request, decided and committed, decided again if its row moved meanwhile; what is known by
// its id is answered as it was then. The VM that begins is due at once.
RequestRow admit_now(Store& store, const Inventory& inventory, RequestRow request);

}  // namespace slipway
