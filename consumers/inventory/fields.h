#pragma once
// The table of all keys: what each declared thing consists of, under which name, within which
// bounds. Whoever visits it (declared.cpp) reads, writes or collects secrets; nobody else includes
// it. What each key is for stands in ops/config/inventory.example.yaml.
//
//   must     a declaration without it is refused
//   may      has the default of inventory.h
//   secret   is kept apart, sealed, and may stand in a file of its own: key + "_file"
//   section  a map below it
//   list     a list of maps below it

#include "consumers/inventory/values.h"
#include "consumers/proxmox/nic.h"

namespace slipway {

constexpr std::int64_t second_ms = 1'000;
constexpr std::int64_t day_ms = 86'400 * second_ms;
constexpr std::int64_t mib_most = std::int64_t{64} << 20;     // 64 TiB
constexpr std::int64_t gib_most = std::int64_t{1'024} << 10;  // 1,024 TiB
constexpr Bounds times = {0, 3'650 * day_ms};
constexpr Bounds timeouts = {second_ms, 3'600 * second_ms};
constexpr Bounds rates = {0, 1'000'000'000};
constexpr Bounds vmids = {100, 999'999'999};  // Proxmox takes no others
constexpr Bounds some_text = {1, 1'000};
constexpr Bounds long_text = {0, 4'096};

// As Proxmox knows them.
constexpr std::string_view firewall_policies[] = {"ACCEPT", "REJECT", "DROP"};
constexpr std::string_view firewall_logs[] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog"};

template <typename Fields>
void visit_fields(Fields& f, DeclaredStorage& s) {
    f.must("name", Name{s.name});
    f.may("shared", s.shared);
    f.may("clones", s.clones);
    f.may("moves_to", Name{s.moves_to});
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredCluster& c) {
    f.must("name", Name{c.name});
    f.must("endpoints", c.endpoints, some_text);
    f.secret("token", c.token);
    f.may("user", c.user);
    f.secret("password", c.password);
    f.may("ca_file", c.ca_file, long_text);
    f.may("fingerprint", c.fingerprint, long_text);
    f.may("verify", c.verify);
    f.may("timeout", c.timeout, timeouts);
    f.may("vmid_first", c.vmid_first, vmids);
    f.may("vmid_last", c.vmid_last, vmids);
    f.may("vmid_rest", c.vmid_rest, times);
    f.may("calls_at_once", c.calls_at_once, Bounds{1, 1'000});
    f.may("tasks_at_once", c.tasks_at_once, Bounds{1, 10'000});
    f.may("tasks_per_node", c.tasks_per_node, Bounds{1, 1'000});
    f.may("migrate", c.migrate);
    f.list("storages", c.storages);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredTemplate& t) {
    f.must("name", Name{t.name});
    f.must("cluster", Name{t.cluster});
    f.must("vmid", t.vmid, vmids);
    f.may("username", Name{t.username});
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredDisk& d) {
    f.may("storage", Name{d.storage});
    f.may("size", Gibibytes{d.size_gib}, Bounds{0, gib_most});
    f.may("mbps_rd", d.limits.mib_read, rates);
    f.may("mbps_wr", d.limits.mib_write, rates);
    f.may("iops_rd", d.limits.iops_read, rates);
    f.may("iops_wr", d.limits.iops_write, rates);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredNetwork& n) {
    f.may("model", Word{n.model, nic_models});
    f.may("bridge", Name{n.bridge});
    f.may("vlan", n.vlan, Bounds{0, 4'094});
    f.may("rate", n.rate_mbs, rates);
    f.may("ipv4", n.ipv4, Bounds{0, 256});
    f.may("ipv6", n.ipv6, Bounds{0, 256});
    f.may("dhcp4", n.dhcp4);
    f.may("dhcp6", n.dhcp6);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredFirewall& w) {
    f.may("enabled", w.enabled);
    f.may("policy_in", Word{w.policy_in, firewall_policies});
    f.may("policy_out", Word{w.policy_out, firewall_policies});
    f.may("log_in", Word{w.log_in, firewall_logs});
    f.may("log_out", Word{w.log_out, firewall_logs});
    f.may("dhcp", w.dhcp);
    f.may("ndp", w.ndp);
    f.may("router_advertisement", w.router_advertisement);
    f.may("mac_filter", w.mac_filter);
    f.may("ip_filter", w.ip_filter);
    f.may("anti_spoofing", w.anti_spoofing);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredPackage& p) {
    f.must("name", Name{p.name});
    f.must("cluster", Name{p.cluster});
    f.must("template", Name{p.os_template});
    f.may("clone", p.clone);
    f.may("node", Name{p.node});
    f.may("cores", p.cores, Bounds{1, 8'192});
    f.may("sockets", p.sockets, Bounds{1, 64});
    f.may("memory", Mebibytes{p.memory_mib}, Bounds{16, mib_most});
    f.section("system_disk", p.system_disk);
    f.section("additional_disk", p.additional_disk);
    f.section("network", p.network);
    f.section("firewall", p.firewall);
    f.may("backups", p.backups);
    f.may("snapshots", p.snapshots);
    f.may("backup_lifetime", p.backup_lifetime, times);
    f.may("snapshot_lifetime", p.snapshot_lifetime, times);
    f.may("backup_storage", Name{p.backup_storage});
    f.may("name_rule", p.name_rule, some_text);
    f.may("first_vmid", p.first_vmid, Bounds{0, vmids.most});
    f.may("domain", Domain{p.domain});
    f.may("username", Name{p.username});
    f.may("letters", p.letters);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredPool& p) {
    f.must("name", Name{p.name});
    f.must("cluster", Name{p.cluster});
    f.must("bridge", Name{p.bridge});
    f.may("vlan", p.vlan, Bounds{0, 4'094});
    f.must("network", p.network);
    f.must("gateway", p.gateway);
    f.may("dns", p.dns);
    f.must("range", p.range);
    f.may("exclude", p.exclude);
    f.may("quarantine", p.quarantine, times);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredDnsProvider& p) {
    f.must("name", Name{p.name});
    f.must("kind", p.kind);
    f.may("url", p.url);
    f.may("user", p.user);
    f.may("zone_owner", p.zone_owner);
    f.may("server", p.server, some_text);
    f.secret("secret", p.secret);
    f.may("ca_file", p.ca_file, long_text);
    f.may("verify", p.verify);
    f.may("timeout", p.timeout, timeouts);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredZone& z) {
    f.must("name", Domain{z.name});
    f.must("provider", Name{z.provider});
    f.may("ttl", z.ttl, Bounds{1, 2'147'483'647});
    f.may("id", z.id);
    f.may("network", z.network);
}

template <typename Fields>
void visit_fields(Fields& f, DeclaredLetter& l) {
    f.must("name", Name{l.name});
    f.must("subject", l.subject, Bounds{1, 500});
    f.must("body", Prose{l.body}, Bounds{1, 65'536});
}

// Everything, in the order in which one thing may name another.
template <typename Visit>
void visit_lists(Inventory& inventory, Visit visit) {
    visit("cluster", inventory.clusters);
    visit("template", inventory.templates);
    visit("package", inventory.packages);
    visit("pool", inventory.pools);
    visit("dns_provider", inventory.dns_providers);
    visit("zone", inventory.zones);
    visit("letter", inventory.letters);
}

}  // namespace slipway
