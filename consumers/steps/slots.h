#pragma once
// How many may do the same thing to a cluster at a time, as numbers of the cluster's declaration.
// The slots are in the database, so they hold across processes.

#include <string>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "schema/store.h"

namespace slipway {

// One of the cluster's, one of the node's, and one of the storage that is written to: of a local
// storage each node has its own.
std::vector<SlotClaim> clone_slots(const DeclaredCluster& cluster,
                                   const std::string& node,
                                   const std::string& storage);
// Of a task that moves much data without writing to one storage alone.
std::vector<SlotClaim> task_slots(const DeclaredCluster& cluster, const std::string& node);

bool holds_all(const Holdings& holdings, const std::vector<SlotClaim>& slots);

}  // namespace slipway
