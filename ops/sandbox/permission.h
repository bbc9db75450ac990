#pragma once
// Whether a caller may call an endpoint, as the endpoint's own rule in the table says.

#include "ops/sandbox/call.h"

namespace slipway::sandbox {

// Throws Refused (403). `given` is what was sent, unchecked: Proxmox asks before it checks.
void check_permission(const Cluster& cluster,
                      const Endpoint& endpoint,
                      const Caller& caller,
                      const Json& given);

}  // namespace slipway::sandbox
