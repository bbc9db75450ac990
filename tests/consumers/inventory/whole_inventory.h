#pragma once
// An inventory in which nothing has its default, and a small one that holds together.

#include <string>

#include "consumers/inventory/inventory.h"
#include "consumers/inventory/inventory_file.h"

namespace slipway {

inline DeclaredCluster whole_cluster() {
    return {.name = "lab",
            .endpoints = {"https://pve1:8006", "https://pve2:8006"},
            .token = "root@pam!slipway=token-secret",
            .user = "root@pam",
            .password = "password-secret",
            .ca_file = "/etc/pve.pem",
            .fingerprint = "AA",
            .verify = false,
            .timeout = std::chrono::milliseconds(36'500),
            .vmid_first = 2'000,
            .vmid_last = 2'999,
            .vmid_rest = std::chrono::hours(2),
            .calls_at_once = 3,
            .tasks_at_once = 4,
            .tasks_per_node = 5,
            .migrate = false,
            .storages = {{.name = "local", .clones = 3, .moves_to = "local2"},
                         {.name = "shared", .shared = true}}};
}

inline DeclaredPackage whole_package() {
    return {.name = "vps-pro",
            .cluster = "lab",
            .os_template = "debian-12",
            .clone = CloneKind::Full,
            .node = "pve1",
            .cores = 2,
            .sockets = 3,
            .memory_mib = 1'536,
            .system_disk =
                {.storage = "local",
                 .size_gib = 20,
                 .limits = {.iops_read = 1, .iops_write = 2, .mib_read = 0.5, .mib_write = 1e-7}},
            .additional_disk =
                {.storage = "shared",
                 .size_gib = 2'048,
                 .limits = {.iops_read = 5, .iops_write = 6, .mib_read = 7, .mib_write = 1e9}},
            .network = {.model = "virtio",
                        .bridge = "vmbr1",
                        .vlan = 0,
                        .rate_mbs = 12.5,
                        .ipv4 = 2,
                        .ipv6 = 3,
                        .dhcp4 = true,
                        .dhcp6 = true},
            .firewall = {.enabled = false,
                         .policy_in = "DROP",
                         .policy_out = "REJECT",
                         .log_in = "info",
                         .log_out = "warning",
                         .dhcp = false,
                         .ndp = false,
                         .router_advertisement = true,
                         .mac_filter = false,
                         .ip_filter = true,
                         .anti_spoofing = false},
            .backups = 1,
            .snapshots = 2,
            .backup_lifetime = std::chrono::hours(1),
            .snapshot_lifetime = std::chrono::seconds(90),
            .backup_storage = "shared",
            .name_rule = "vm{service_id}",
            .first_vmid = 2'100,
            .domain = "example.com",
            .username = "admin",
            .letters = {{"ready", "vm-ready"}, {"password", "vm-ready"}}};
}

// Every member differs from its default.
inline Inventory whole_inventory() {
    Inventory all{.revision = 7};
    all.clusters = {whole_cluster()};
    all.templates = {{.name = "debian-12", .cluster = "lab", .vmid = 9'000, .username = "debian"}};
    all.packages = {whole_package()};
    all.pools = {{.name = "public",
                  .cluster = "lab",
                  .bridge = "vmbr1",
                  .vlan = 12,
                  .network = parse_network("10.0.0.0/24"),
                  .gateway = parse_address("10.0.0.1"),
                  .dns = {parse_address("9.9.9.9"), parse_address("2001:db8::1")},
                  .range = parse_range("10.0.0.2-10.0.0.9"),
                  .exclude = {parse_range("10.0.0.5"), parse_range("10.0.0.7-10.0.0.8")},
                  .quarantine = std::chrono::minutes(5)}};
    all.dns_providers = {{.name = "hestia",
                          .kind = DnsKind::HestiaCp,
                          .url = "https://dns:8083",
                          .user = "admin",
                          .zone_owner = "dns",
                          .server = "other",
                          .secret = "hestia-secret",
                          .ca_file = "/etc/dns.pem",
                          .verify = false,
                          .timeout = std::chrono::milliseconds(6'000)}};
    all.zones = {{.name = "0-63.0.0.10.in-addr.arpa",
                  .provider = "hestia",
                  .ttl = 60,
                  .id = "abc",
                  .network = parse_network("10.0.0.0/26")}};
    all.letters = {{.name = "vm-ready", .subject = "Ready", .body = "Your \"VM\"\nis ready: ü\n"}};
    return all;
}

// What a person would write: as little as can be.
inline const std::string small_inventory = R"(clusters:
  - name: lab
    endpoints: https://pve1:8006
    token: root@pam!slipway=secret
    storages:
      - name: local
templates:
  - {name: debian-12, cluster: lab, vmid: 9000}
packages:
  - name: vps-start
    cluster: lab
    template: debian-12
    system_disk:
      storage: local
pools:
  - name: public
    cluster: lab
    bridge: vmbr0
    network: 10.0.0.0/24
    gateway: 10.0.0.1
    range: 10.0.0.2-10.0.0.30
dns:
  providers:
    - {name: pdns, kind: powerdns, url: "http://dns:8081", secret: key}
  zones:
    - {name: example.com, provider: pdns}
letters:
  - name: vm-ready
    subject: Ready
    body: Your server is ready.
)";

// One line of it otherwise.
inline std::string small_with(const std::string& what, const std::string& instead) {
    std::string text = small_inventory;
    const std::size_t at = text.find(what);
    return at == std::string::npos ? "the test looks for what is not there: " + what
                                   : text.replace(at, what.size(), instead);
}

}  // namespace slipway
