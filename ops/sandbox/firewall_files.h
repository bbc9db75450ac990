#pragma once
// Which firewall file a call is about: a guest's own or the cluster's. Whether the guest exists is
// asked by nobody, in Proxmox as here.

#include "ops/sandbox/call.h"

namespace slipway::sandbox {

inline const FirewallFile& read_firewall(const Call& call) {
    static const FirewallFile none;
    if (!call.params.has("vmid")) return call.cluster.cluster_firewall;
    const auto found = call.cluster.firewalls.find(call.vmid());
    return found == call.cluster.firewalls.end() ? none : found->second;
}

inline FirewallFile& write_firewall(Call& call) {
    FirewallFile& file = call.params.has("vmid") ? call.cluster.firewalls[call.vmid()]
                                                 : call.cluster.cluster_firewall;
    if (call.params.has("digest") && call.params.text("digest") != digest_of(file))
        die("detected modified configuration - file changed by other user? Try again.");
    return file;
}

}  // namespace slipway::sandbox
