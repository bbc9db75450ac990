#pragma once
// How to speak with a declared cluster.

#include "consumers/inventory/inventory.h"
#include "consumers/proxmox/cluster.h"

namespace slipway {

ClusterSettings cluster_settings(const DeclaredCluster& cluster);

}  // namespace slipway
