#include "tests/story/sim_lab.h"

#include <fmt/format.h>

#include "consumers/inventory/inventory_file.h"
#include "consumers/inventory/inventory_json.h"
#include "ops/sandbox/state_file.h"

namespace slipway {
namespace {

constexpr std::string_view proxmox_host = "pve1.lab:8006";
constexpr std::string_view nodes = R"(cluster: lab
nodes:
  - {name: pve1, ip: 10.0.0.1, memory_gib: 64}
  - {name: pve2, ip: 10.0.0.2, memory_gib: 128}
storages:
  - {name: local, type: dir, path: /var/lib/vz, content: [images, rootdir, backup, iso, vztmpl]}
  - {name: local-lvm, type: lvmthin, content: [images, rootdir]}
  - {name: shared, type: nfs, content: [images, rootdir, backup]}
guests:
  - {vmid: 9000, node: pve1, name: debian-12, template: true, storage: local-lvm, disk_gib: 2,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
  - {vmid: 9001, node: pve1, name: debian-12, template: true, storage: local-lvm, disk_gib: 10,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
  - {vmid: 9002, node: pve1, name: debian-12, template: true, storage: local, disk_gib: 2,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
)";

constexpr std::string_view declared = R"(clusters:
  - name: lab
    endpoints: [https://pve1.lab:8006]
    token: "{token}"
    vmid_first: 1000
    vmid_last: 1999
    storages:
      - {{name: local}}
      - {{name: local-lvm}}
      - {{name: shared, shared: true}}
templates:
  - {{name: debian-12, cluster: lab, vmid: 9000}}
packages:
  - name: vps-small
    cluster: lab
    template: debian-12
    clone: linked
    domain: example.com
  - name: vps-full
    cluster: lab
    template: debian-12
    clone: full
    node: pve2
    cores: 2
    memory: 2G
    system_disk: {{storage: local-lvm, size: 10G, mbps_rd: 100, mbps_wr: 50, iops_rd: 1000, iops_wr: 500}}
    additional_disk: {{storage: local-lvm, size: 5G, mbps_rd: 80}}
    network: {{model: virtio, rate: 12.5, ipv4: 2, ipv6: 2}}
    firewall: {{policy_in: DROP, log_in: info}}
    domain: example.com
    letters: {{ready: vm-ready}}
pools:
  - {{name: v4, cluster: lab, bridge: vmbr0, vlan: 20, network: 192.0.2.0/24, gateway: 192.0.2.1, dns: [192.0.2.53], range: 192.0.2.10-192.0.2.200}}
  - {{name: v6, cluster: lab, bridge: vmbr0, vlan: 20, network: "2001:db8::/64", gateway: "2001:db8::1", dns: ["2001:db8::53"], range: "2001:db8::10-2001:db8::ffff"}}
dns:
  providers:
    - {{name: powerdns, kind: powerdns, url: "http://dns1.lab:8081", secret: pdns}}
    - {{name: cloudflare, kind: cloudflare, url: "http://dns2.lab/client/v4", secret: cf}}
  zones:
    - {{name: example.com, provider: powerdns}}
    - {{name: example.com, provider: cloudflare}}
    - {{name: 2.0.192.in-addr.arpa, provider: powerdns}}
    - {{name: 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa, provider: powerdns}}
letters:
  - name: vm-ready
    subject: "{{domain}} is ready"
    body: |
      {{username}} {{password}} {{ips}}
)";

std::string host_of(const std::string& url) {
    const std::size_t begin = url.find("://") + 3;
    return url.substr(begin, url.find('/', begin) - begin);
}

std::string target_of(const std::string& url) {
    const std::size_t slash = url.find('/', url.find("://") + 3);
    return slash == std::string::npos ? "/" : url.substr(slash);
}

sandbox::Request request_of(const HttpRequest& request) {
    sandbox::Request asked{.method = request.method, .target = target_of(request.url)};
    for (const HttpHeader& header : request.headers)
        asked.headers.emplace_back(header.name, header.value);
    asked.body = request.body;
    return asked;
}

}  // namespace

SimLab::SimLab(SimClock& clock, std::uint64_t seed) : clock_(clock) {
    sandbox::Beginning beginning = sandbox::read_state(std::string(nodes), clock, {.seed = seed});
    proxmox = std::make_unique<sandbox::Sandbox>(clock, std::move(beginning.cluster));
    inventory = fmt::format(fmt::runtime(declared), fmt::arg("token", beginning.token));
    dns.emplace("dns1.lab:8081",
                sandbox::DnsBox({.kind = sandbox::DnsBoxKind::PowerDns,
                                 .secret = "pdns",
                                 .zones = {"example.com",
                                           "2.0.192.in-addr.arpa",
                                           "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"}}));
    dns.emplace(
        "dns2.lab",
        sandbox::DnsBox(
            {.kind = sandbox::DnsBoxKind::Cloudflare, .secret = "cf", .zones = {"example.com"}}));
}

void SimLab::declare(Store& store) {
    const InventoryRows now = store.inventory();
    const auto rows = rows_of(parse_inventory(inventory, "lab.yaml").inventory, secrets);
    store.change_inventory(now.revision, rows, {}, clock_.now());
}

std::vector<std::string> SimLab::take_calls() {
    return std::exchange(calls_, {});
}

HttpAnswer SimLab::answer(const HttpRequest& request) {
    const sandbox::Request asked = request_of(request);
    const std::string host = host_of(request.url);
    const bool is_proxmox = host == proxmox_host;
    const auto box = dns.find(host);
    if (!is_proxmox && box == dns.end())
        throw HttpError(Sent::No, fmt::format("cannot connect to {}: no route to host", host));
    calls_.push_back(
        fmt::format("{} {}", request.method, asked.target.substr(0, asked.target.find('?'))));
    if (request.method != "GET") {
        ++changes_;
        last_change_ = HttpRequest(request);
    }
    const sandbox::Answer answer =
        is_proxmox
            ? sandbox::ask(*proxmox, asked, [&](sandbox::Duration time) { clock_.advance(time); })
            : box->second.answer(asked);
    if (answer.connection == sandbox::Connection::Reset)
        throw HttpError(Sent::Unknown, fmt::format("{} closed the connection", host));
    HttpAnswer out{.status = answer.status, .reason = answer.reason, .body = answer.body};
    if (!answer.content_type.empty()) out.headers.push_back({"Content-Type", answer.content_type});
    for (const auto& [name, value] : answer.headers) out.headers.push_back({name, value});
    return out;
}

HttpAnswer FaultHttp::send(const HttpRequest& request) {
    const std::string what = fmt::format("http.{} {}", request.method, target_of(request.url));
    faults_.reach({what, Moment::Before, process_});
    // What happens between the last look at the deadline and this is what send_before is for.
    if (request.send_before && clock_.since_boot() >= *request.send_before)
        throw HttpError(Sent::No, "not sent: its time was over", Blame::Nobody);
    HttpAnswer answer = lab_.answer(request);
    faults_.reach({what, Moment::After, process_});
    return answer;
}

void connection_breaks(Moment moment) {
    if (moment == Moment::Before)
        throw HttpError(Sent::No, "cannot connect to pve1.lab: connection refused");
    throw HttpError(Sent::Unknown, "pve1.lab closed the connection");
}

}  // namespace slipway
