#pragma once
// What of a change takes effect on a guest that runs.

#include <string>

#include "ops/sandbox/cluster.h"

namespace slipway::sandbox {

enum class Plugged { Now, Later };  // Later: it stays pending until the guest stops

// Throws BadFormat for what the guest or QEMU will not have.
Plugged plug(Cluster& cluster,
             const Guest& guest,
             const std::string& key,
             const std::string& value);
Plugged unplug(Cluster& cluster, const Guest& guest, const std::string& key);

}  // namespace slipway::sandbox
