#include "consumers/proxmox/firewall.h"

namespace slipway {
namespace {

std::string text_or_empty(const JsonValue& object, std::string_view name) {
    return text_at(object, name).value_or("");
}

}  // namespace

FirewallOptions firewall_options(const Proxmox& pve, const VmPlace& place) {
    const JsonValue data = pve.send(call_named("firewall_options"), at(place)).data;
    FirewallOptions options;
    options.enabled = flag_at(data, "enable").value_or(options.enabled);
    options.dhcp = flag_at(data, "dhcp");
    options.macfilter = flag_at(data, "macfilter").value_or(options.macfilter);
    options.ipfilter = flag_at(data, "ipfilter").value_or(options.ipfilter);
    options.policy_in = text_at(data, "policy_in").value_or(options.policy_in);
    options.policy_out = text_at(data, "policy_out").value_or(options.policy_out);
    options.digest = text_or_empty(data, "digest");
    if (data.is_object())
        for (const auto& [key, value] : data.items())
            if (const auto text = text_of(value)) options.values.emplace(key, *text);
    return options;
}

void set_firewall_options(const Proxmox& pve, const VmPlace& place, std::vector<Argument> values) {
    pve.send(call_named("firewall_configure"), at(place, std::move(values)));
}

bool is_cluster_firewall_on(const Proxmox& pve) {
    return flag_at(pve.send(call_named("cluster_firewall")).data, "enable").value_or(false);
}

std::vector<std::string> ip_sets(const Proxmox& pve, const VmPlace& place) {
    const PveAnswer answer = pve.send(call_named("ipset_list"), at(place));
    std::vector<std::string> names;
    if (!answer.data.is_array()) return names;
    for (const JsonValue& entry : answer.data)
        if (const auto name = text_at(entry, "name")) names.push_back(*name);
    return names;
}

std::optional<std::vector<IpSetEntry>> ip_set_entries(const Proxmox& pve,
                                                      const VmPlace& place,
                                                      const std::string& set) {
    const auto answer = pve.look(call_named("ipset_entries"), at(place, {{"name", set}}));
    if (!answer) return std::nullopt;
    std::vector<IpSetEntry> entries;
    if (!answer->data.is_array()) return entries;
    for (const JsonValue& entry : answer->data)
        entries.push_back({.cidr = text_or_empty(entry, "cidr"),
                           .comment = text_or_empty(entry, "comment"),
                           .nomatch = flag_at(entry, "nomatch").value_or(false)});
    return entries;
}

void create_ip_set(const Proxmox& pve, const VmPlace& place, const std::string& set) {
    pve.send(call_named("ipset_create"), at(place, {{"name", set}}));
}

void delete_ip_set(const Proxmox& pve, const VmPlace& place, const std::string& set) {
    pve.send(call_named("ipset_delete"), at(place, {{"name", set}, {"force", true}}));
}

void add_to_ip_set(const Proxmox& pve,
                   const VmPlace& place,
                   const std::string& set,
                   const IpSetEntry& entry) {
    pve.send(call_named("ipset_add"),
             at(place,
                {{"name", set},
                 {"cidr", entry.cidr},
                 {"comment", entry.comment.empty() ? std::nullopt : std::optional(entry.comment)},
                 {"nomatch", entry.nomatch ? std::optional(true) : std::nullopt}}));
}

void remove_from_ip_set(const Proxmox& pve,
                        const VmPlace& place,
                        const std::string& set,
                        const std::string& cidr) {
    pve.send(call_named("ipset_remove"), at(place, {{"name", set}, {"cidr", cidr}}));
}

std::vector<FirewallRule> firewall_rules(const Proxmox& pve, const VmPlace& place) {
    const PveAnswer answer = pve.send(call_named("firewall_rules"), at(place));
    std::vector<FirewallRule> rules;
    if (!answer.data.is_array()) return rules;
    for (const JsonValue& entry : answer.data)
        rules.push_back({.position = whole_at(entry, "pos").value_or(0),
                         .type = text_or_empty(entry, "type"),
                         .action = text_or_empty(entry, "action"),
                         .enabled = flag_at(entry, "enable").value_or(false),
                         .comment = text_or_empty(entry, "comment"),
                         .digest = text_or_empty(entry, "digest")});
    return rules;
}

void add_firewall_rule(const Proxmox& pve, const VmPlace& place, std::vector<Argument> rule) {
    pve.send(call_named("firewall_rule_add"), at(place, std::move(rule)));
}

void delete_firewall_rule(const Proxmox& pve, const VmPlace& place, const FirewallRule& rule) {
    pve.send(call_named("firewall_rule_delete"),
             at(place, {{"pos", rule.position}, {"digest", rule.digest}}));
}

}  // namespace slipway
