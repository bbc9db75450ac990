#include "tests/live/datacentre.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "topics/event.h"

namespace slipway {
namespace {

// clang-format off
constexpr Product sold[] = {
    // name       clone     template        asks for  ends on  storage      cores memory system added ipv4 vlan
    {"vps-move",  "full",   "debian-shared", "pve3",  "pve3",  "shared",    2,    2048,  4,     1,    2,   0},
    {"vps-local", "full",   "debian-local",  "pve4",  "pve4",  "local-lvm", 1,    1024,  3,     2,    1,   20},
    {"vps-link",  "linked", "debian-shared", "",      "",      "shared",    4,    1536,  5,     1,    2,   0},
    {"vps-stay",  "linked", "debian-local",  "pve2",  "pve1",  "local-lvm", 1,    512,   2,     1,    1,   20},
};
// clang-format on

// Room for everybody: what is slow or full is not what these tests are about.
constexpr std::string_view proxmox = R"(cluster: lab
nodes:
  - {name: pve1, ip: 10.0.0.1, cpus: 64, memory_gib: 1024}
  - {name: pve2, ip: 10.0.0.2, cpus: 64, memory_gib: 1024}
  - {name: pve3, ip: 10.0.0.3, cpus: 64, memory_gib: 1024}
  - {name: pve4, ip: 10.0.0.4, cpus: 64, memory_gib: 1024}
storages:
  - {name: local, type: dir, path: /var/lib/vz, content: [images, iso]}
  - {name: local-lvm, type: lvmthin, content: [images, rootdir], size_gib: 8192}
  - {name: shared, type: nfs, content: [images, rootdir, backup], size_gib: 8192}
guests:
  - {vmid: 9000, node: pve1, name: debian-local, template: true, storage: local-lvm, disk_gib: 2,
     format: raw, config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
  - {vmid: 9001, node: pve2, name: debian-shared, template: true, storage: shared, disk_gib: 2,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
  - {vmid: 150, node: pve2, name: by-hand, storage: local-lvm, disk_gib: 1, format: raw, running: true}
  - {vmid: 2003, node: pve2, name: also-by-hand, storage: local-lvm, disk_gib: 1, format: raw}
)";

constexpr std::string_view around = R"(templates:
  - {{name: debian-local, cluster: lab, vmid: 9000, username: debian}}
  - {{name: debian-shared, cluster: lab, vmid: 9001, username: debian}}
pools:
  - {{name: v4, cluster: lab, bridge: vmbr0, network: 172.20.0.0/22, gateway: 172.20.0.1,
     dns: [172.20.0.53], range: 172.20.0.10-172.20.3.250, exclude: [172.20.0.100-172.20.0.119]}}
  - {{name: v6, cluster: lab, bridge: vmbr0, network: "2001:db8:130::/64",
     gateway: "2001:db8:130::1", dns: ["2001:db8:130::53"],
     range: "2001:db8:130::10-2001:db8:130::ffff"}}
  - {{name: v4-tagged, cluster: lab, bridge: vmbr0, vlan: 20, network: 10.30.0.0/24,
     gateway: 10.30.0.1, dns: [10.30.0.53], range: 10.30.0.10-10.30.0.250}}
  - {{name: v6-tagged, cluster: lab, bridge: vmbr0, vlan: 20, network: "2001:db8:30::/64",
     gateway: "2001:db8:30::1", dns: ["2001:db8:30::53"],
     range: "2001:db8:30::10-2001:db8:30::ffff"}}
dns:
  providers:
    - {{name: pdns, kind: powerdns, url: "{url}", secret: "{key}"}}
  zones:
    - {{name: example.com, provider: pdns}}
    - {{name: 20.172.in-addr.arpa, provider: pdns}}
    - {{name: 0.30.10.in-addr.arpa, provider: pdns}}
    - {{name: 8.b.d.0.1.0.0.2.ip6.arpa, provider: pdns}}
letters:
  - name: vm-ready
    subject: "{{domain}} is ready"
    body: |
      Addresses: {{ips}}
      User: {{username}}
      Password: {{password}}
)";

std::string package_text(const Product& one) {
    const std::string node =
        one.asks_for.empty() ? "" : fmt::format("    node: {}\n", one.asks_for);
    const std::string storage =
        one.clone == "full" ? fmt::format("storage: {}, ", one.storage) : std::string();
    return fmt::format(
        R"(  - name: {0}
    cluster: lab
    template: {1}
    clone: {2}
{3}    cores: {4}
    memory: {5}M
    system_disk: {{{6}size: {7}G, mbps_rd: 200, mbps_wr: 100, iops_rd: 2000, iops_wr: 1000}}
    additional_disk: {{storage: {8}, size: {9}G, mbps_rd: 20, mbps_wr: 10, iops_rd: 200, iops_wr: 100}}
    network: {{model: virtio, bridge: vmbr0, vlan: {10}, rate: 12.5, ipv4: {11}, ipv6: 1}}
    firewall: {{policy_in: DROP}}
    letters: {{ready: vm-ready}}
)",
        one.name,
        one.os_template,
        one.clone,
        node,
        one.cores,
        one.memory_mib,
        storage,
        one.system_gib,
        one.storage,
        one.added_gib,
        one.vlan,
        one.ipv4);
}

}  // namespace

std::span<const Product> products() {
    return sold;
}

const Product& product(std::string_view name) {
    const auto found =
        std::find_if(std::begin(sold), std::end(sold), [&](auto& one) { return one.name == name; });
    if (found == std::end(sold)) throw std::runtime_error("nobody sells " + std::string(name));
    return *found;
}

std::string domain_of(const std::string& service) {
    return fmt::format("vm-{}.{}", service, letter_zone);
}

std::string email_of(const std::string& service) {
    return fmt::format("customer-{}@example.org", service);
}

std::optional<std::string> Datacentre::missing() {
    if (auto why = Installation::missing()) return why;
    if (auto why = PowerDnsServer::missing()) return why;
    return MailServerProcess::missing();
}

Datacentre::Datacentre(const DatacentreOptions& options)
    : power_dns_({"example.com",
                  "20.172.in-addr.arpa",
                  "0.30.10.in-addr.arpa",
                  "8.b.d.0.1.0.0.2.ip6.arpa"}),
      sandbox_(std::make_unique<SandboxProcess>(std::string(proxmox), options.speed)) {
    slipway_ = std::make_unique<Installation>(
        InstallationOptions{.session_timeout = options.session_timeout,
                            .step_deadline = std::chrono::seconds(3),
                            .grace = std::chrono::seconds(6),
                            .due_interval = options.due_interval,
                            .more_config = more_config(options)});
    const auto file = folder_.path() / "inventory.yaml";
    std::ofstream(file) << inventory();
    const Ended applied =
        run_slipway({.arguments = {"apply", "-f", file.string()}, .config = slipway_->config()});
    if (applied.exit_code != 0) throw std::runtime_error(applied.output + applied.errors);
}

std::string Datacentre::more_config(const DatacentreOptions& options) {
    const auto key_file = folder_.path() / "secrets.key";
    std::ofstream(key_file) << std::string(64, '7') << '\n';
    std::filesystem::permissions(key_file, std::filesystem::perms::owner_read);
    const MailConfig mail = mail_.config();
    return fmt::format(R"(secrets:
  key_file: {}
log:
  level: {}
mail:
  host: {}
  port: {}
  security: starttls
  user: {}
  password: {}
  from: "{}"
  ca_file: {}
  timeout: 3s
  hello: {}
)",
                       key_file.string(),
                       options.log_level,
                       mail.host,
                       mail.port,
                       mail.user,
                       mail.password,
                       mail.from,
                       mail.ca_file,
                       mail.hello);
}

std::string Datacentre::inventory() const {
    std::string text = fmt::format(R"(clusters:
  - name: lab
    endpoints: ["{}"]
    token: "{}"
    fingerprint: "{}"
    vmid_first: 2000
    vmid_last: 2999
    storages:
      - {{name: local}}
      - {{name: local-lvm, clones: 4}}
      - {{name: shared, shared: true, clones: 4}}
packages:
)",
                                   sandbox_->url(),
                                   sandbox_->token(),
                                   sandbox_->fingerprint());
    for (const Product& one : sold) text += package_text(one);
    return text + fmt::format(around,
                              fmt::arg("url", power_dns_.url()),
                              fmt::arg("key", power_dns_.api_key()));
}

void Datacentre::order(const std::string& service, const Product& bought, const std::string& more) {
    publish(to_message(
        RequestEvent{
            .id = "order-" + service,
            .source = "billing",
            .type = "deploy",
            .service_id = service,
            .payload = fmt::format(R"({{"service_id": "{}", "package": "{}", "client_id": "42", )"
                                   R"("email": "{}", "domain": "{}"{}}})",
                                   service,
                                   bought.name,
                                   email_of(service),
                                   domain_of(service),
                                   more)},
        slipway_->topic("requests")));
}

Ended Datacentre::order_by_command(const std::string& service, const Product& bought) {
    return run_slipway({.arguments = {"vm",
                                      "create",
                                      "--service",
                                      service,
                                      "--package",
                                      std::string(bought.name),
                                      "--client",
                                      "42",
                                      "--email",
                                      email_of(service),
                                      "--domain",
                                      domain_of(service),
                                      "--id",
                                      "order-" + service},
                        .config = slipway_->config()});
}

void Datacentre::publish(Message message) {
    slipway_->bus().publish(std::move(message));
}

std::vector<std::string> Datacentre::secrets() const {
    return {sandbox_->token().substr(sandbox_->token().find('=') + 1),
            power_dns_.api_key(),
            mail_.config().password};
}

}  // namespace slipway
