#pragma once
// The firewall of one VM. None of these calls looks whether there is such a VM.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/vms.h"

namespace slipway {

struct FirewallOptions {
    bool enabled = false;
    std::optional<bool> dhcp = {};  // unset means allowed, whatever the documentation says
    bool macfilter = true;
    bool ipfilter = false;
    std::string policy_in = "DROP";
    std::string policy_out = "ACCEPT";
    std::string digest = {};
    std::map<std::string, std::string> values = {};  // all that is written down, as texts
};
FirewallOptions firewall_options(const Proxmox& pve, const VmPlace& place);
// Names and values as Proxmox has them.
void set_firewall_options(const Proxmox& pve, const VmPlace& place, std::vector<Argument> values);
// Without it the firewall of every VM is off.
bool is_cluster_firewall_on(const Proxmox& pve);

struct IpSetEntry {
    std::string cidr;  // as Proxmox writes it: 10.0.0.5 for 10.0.0.5/32
    std::string comment = {};
    bool nomatch = false;
};
std::vector<std::string> ip_sets(const Proxmox& pve, const VmPlace& place);
// nullopt: there is no such set.
std::optional<std::vector<IpSetEntry>> ip_set_entries(const Proxmox& pve,
                                                      const VmPlace& place,
                                                      const std::string& set);
// With all that is in it; nothing, if it is not there.
void delete_ip_set(const Proxmox& pve, const VmPlace& place, const std::string& set);
void create_ip_set(const Proxmox& pve, const VmPlace& place, const std::string& set);
void add_to_ip_set(const Proxmox& pve,
                   const VmPlace& place,
                   const std::string& set,
                   const IpSetEntry& entry);
// By the very text that ip_set_entries() gave: any other way to write it removes nothing, silently.
void remove_from_ip_set(const Proxmox& pve,
                        const VmPlace& place,
                        const std::string& set,
                        const std::string& cidr);

struct FirewallRule {
    std::int64_t position = 0;
    std::string type;    // in, out, group
    std::string action;  // ACCEPT, DROP, REJECT
    bool enabled = false;
    std::string comment = {};
    std::string digest = {};  // of the whole list
};
std::vector<FirewallRule> firewall_rules(const Proxmox& pve, const VmPlace& place);
// At the top, whatever position is asked for.
void add_firewall_rule(const Proxmox& pve, const VmPlace& place, std::vector<Argument> rule);
// With the digest of the list that the position is from: positions move.
void delete_firewall_rule(const Proxmox& pve, const VmPlace& place, const FirewallRule& rule);

}  // namespace slipway
