#include "consumers/inventory/cluster_settings.h"

namespace slipway {

ClusterSettings cluster_settings(const DeclaredCluster& cluster) {
    return {.name = cluster.name,
            .endpoints = cluster.endpoints,
            .token = cluster.token,
            .user = cluster.user,
            .password = cluster.password,
            .trust = {.ca_file = cluster.ca_file,
                      .sha256 = cluster.fingerprint,
                      .anybody = !cluster.verify},
            .timeout = cluster.timeout,
            .calls_at_once = cluster.calls_at_once};
}

}  // namespace slipway
