// Whether an inventory holds together.

#include "consumers/inventory/inventory_check.h"

#include <gtest/gtest.h>

#include "tests/consumers/inventory/whole_inventory.h"

namespace slipway {
namespace {

std::string problems(const Inventory& inventory) {
    std::string text;
    for (const InventoryProblem& problem : check_inventory(inventory))
        text += (text.empty() ? "" : "\n") + problem_text(problem);
    return text;
}

struct Row {
    std::string what;
    std::string instead;
    std::string problem;
};

// Each is one line of the small inventory otherwise.
const std::vector<Row> rows = {
    {"name: lab", "name: lab", ""},
    // references
    {"storage: local",
     "storage: locl",
     "packages.vps-start.system_disk.storage: there is no storage locl; did you mean local? "
     "(cluster lab)"},
    {"system_disk:", "additional_disk:", ""},
    {"template: debian-12",
     "template: debian-13",
     "packages.vps-start.template: there is no template debian-13; did you mean debian-12? "
     "(cluster lab)"},
    {"vmid: 9000}",
     "vmid: 9000}\n  - {name: other, cluster: lab, vmid: 9000}",
     "templates.other@lab.vmid: 9000 is that of template debian-12, too"},
    {"template: debian-12",
     "template: debian-12\n    backup_storage: pbs",
     "packages.vps-start.backup_storage: there is no storage pbs (cluster lab)"},
    {"template: debian-12",
     "template: debian-12\n    letters: {redy: vm-readi}",
     "packages.vps-start.letters.redy: there is no such occasion; there are ready, password and "
     "restored; did you mean ready?\n"
     "packages.vps-start.letters.redy: there is no letter vm-readi; did you mean vm-ready?"},
    {"- name: local\n",
     "- name: local\n        moves_to: locla\n",
     "clusters.lab.storages.local.moves_to: there is no storage locla; did you mean local? "
     "(cluster lab)"},
    {"cluster: lab\n    template",
     "cluster: lob\n    template",
     "packages.vps-start.cluster: there is no cluster lob; did you mean lab?"},
    {"provider: pdns",
     "provider: pdn",
     "dns.zones.example.com@pdn.provider: there is no DNS provider pdn; did you mean pdns?"},
    // numbers
    {"template: debian-12",
     "template: debian-12\n    first_vmid: 5000000",
     "packages.vps-start.first_vmid: 5000000 is outside the range of cluster lab, 100 to 999999"},
    {"storages:",
     "vmid_first: 5000\n    vmid_last: 4000\n    storages:",
     "clusters.lab.vmid_last: 4000 is less than vmid_first, 5000"},
    // clusters
    {"token: root@pam!slipway=secret",
     "token: secret",
     "clusters.lab: cluster lab: the token is not user@realm!name=secret"},
    // names
    {"template: debian-12",
     "template: debian-12\n    name_rule: vm",
     "packages.vps-start.name_rule: gives several VMs the same name; put {service_id} into it, or "
     "{random_digit_6}"},
    // addresses
    {"template: debian-12",
     "template: debian-12\n    network: {bridge: vmbr9, vlan: 3}",
     "packages.vps-start.network.ipv4: there is no IPv4 pool of cluster lab on bridge vmbr9 and "
     "VLAN 3"},
    {"template: debian-12",
     "template: debian-12\n    network: {ipv6: 1}",
     "packages.vps-start.network.ipv6: there is no IPv6 pool of cluster lab"},
    {"template: debian-12", "template: debian-12\n    network: {ipv6: 1, dhcp6: true}", ""},
    {"gateway: 10.0.0.1",
     "gateway: 10.0.1.1",
     "pools.public.gateway: 10.0.1.1 is outside the network 10.0.0.0/24"},
    {"gateway: 10.0.0.1",
     "gateway: 2001:db8::1",
     "pools.public.gateway: is of another IP version than the network"},
    {"gateway: 10.0.0.1", "gateway: 10.0.0.5", ""},
    {"range: 10.0.0.2-10.0.0.30",
     "range: 10.0.0.2-10.0.1.30",
     "pools.public.range: 10.0.1.30 is outside the network 10.0.0.0/24"},
    {"range: 10.0.0.2-10.0.0.30",
     "range: 2001:db8::1",
     "packages.vps-start.network.ipv4: there is no IPv4 pool of cluster lab\n"
     "pools.public.range: is of another IP version than the network"},
    {"bridge: vmbr0",
     "bridge: vmbr0\n    exclude: [10.0.0.200, 10.0.1.1-10.0.1.4]",
     "pools.public.exclude: 10.0.1.1-10.0.1.4 is outside the network 10.0.0.0/24"},
    // DNS
    {"url: \"http://dns:8081\", secret: key",
     "url: \"dns:8081\"",
     "dns.providers.pdns.url: \"dns:8081\" begins with neither https:// nor http://\n"
     "dns.providers.pdns.secret: is missing: the API key; or name its file with secret_file"},
    {"kind: powerdns, url: \"http://dns:8081\"", "kind: cloudflare", ""},
    {"kind: powerdns",
     "kind: hestiacp",
     "dns.providers.pdns.user: is missing: the admin who may call\n"
     "dns.providers.pdns.zone_owner: is missing: the user whose zones they are"},
    {"name: example.com",
     "name: 300.10.in-addr.arpa",
     "dns.zones.300.10.in-addr.arpa@pdns.name: is no reverse zone: numbers up to 255, the last of "
     "the address first"},
    {"name: example.com", "name: 0.10.in-addr.arpa", ""},
    {"name: example.com",
     "name: 0-63.2.0.192.in-addr.arpa",
     "dns.zones.0-63.2.0.192.in-addr.arpa@pdns.name: is a classless zone (RFC 2317): add its "
     "network, such as network: 192.0.2.64/26"},
    {"name: example.com", "network: 192.0.2.0/26, name: 0/26.2.0.192.in-addr.arpa", ""},
    {"name: example.com",
     "network: 192.0.3.0/26, name: 0-63.2.0.192.in-addr.arpa",
     "dns.zones.0-63.2.0.192.in-addr.arpa@pdns.network: 192.0.3.0/26 does not lie in this zone, "
     "which must end with .3.0.192.in-addr.arpa"},
    {"name: example.com",
     "network: 192.0.3.0/24, name: x.example.com",
     "dns.zones.x.example.com@pdns.network: 192.0.3.0/24 is not for a classless zone: that is an "
     "IPv4 network of /25 to /32"},
    {"name: example.com", "name: 8.b.d.0.1.0.0.2.ip6.arpa", ""},
    {"name: example.com",
     "name: 8b.d.0.1.0.0.2.ip6.arpa",
     "dns.zones.8b.d.0.1.0.0.2.ip6.arpa@pdns.name: is no reverse zone: single hexadecimal digits, "
     "the last of the address first"},
    // letters
    {"body: Your",
     "body: \"{servce_id}\" #",
     "letters.vm-ready: body, line 1: {servce_id} is no placeholder; did you mean {service_id}?"},
};

TEST(InventoryCheck, SaysWhatDoesNotHoldTogether) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.instead);
        const InventoryFile file =
            parse_inventory(small_with(row.what, row.instead), "inventory.yaml");

        EXPECT_EQ(problems(file.inventory), row.problem);
    }
}

Inventory with_pool(const std::string& network, const std::string& range) {
    Inventory inventory = parse_inventory(small_inventory, "inventory.yaml").inventory;
    DeclaredPool pool{.name = "second",
                      .cluster = "lab",
                      .bridge = "vmbr7",
                      .network = parse_network(network),
                      .gateway = parse_address("10.0.0.1"),
                      .range = parse_range(range)};
    if (pool.network.address.version() == IpVersion::V6) pool.gateway = parse_address("fe80::1");
    inventory.pools.push_back(pool);
    return inventory;
}

TEST(InventoryCheck, PoolsShareNoAddressEvenAcrossClusters) {
    EXPECT_EQ(problems(with_pool("10.0.0.0/24", "10.0.0.31-10.0.0.40")), "");
    Inventory other = with_pool("10.0.0.0/24", "10.0.0.30-10.0.0.40");
    EXPECT_EQ(problems(other), "pools.second.range: overlaps pool public: 10.0.0.30 is in both");

    other.clusters.push_back(other.clusters[0]);
    other.clusters[1].name = "elsewhere";
    other.pools[1].cluster = "elsewhere";
    EXPECT_EQ(problems(other), "pools.second.range: overlaps pool public: 10.0.0.30 is in both");

    other.pools[1].exclude = {parse_range("10.0.0.30")};
    EXPECT_EQ(problems(other), "") << "what is excluded is in no pool";
}

TEST(InventoryCheck, OneNetworkCardHasOneBridge) {
    Inventory inventory = with_pool("2001:db8::/64", "2001:db8::2-2001:db8::9");
    inventory.packages[0].network.ipv6 = 1;
    EXPECT_EQ(problems(inventory),
              "packages.vps-start.network.ipv6: the pools of IPv4 and IPv6 addresses lie on "
              "different bridges or VLANs, and a network card has one of each");

    inventory.pools[1].bridge = "vmbr0";
    EXPECT_EQ(problems(inventory), "");
}

TEST(InventoryCheck, NamesAreUniqueHoweverTheStructsWereMade) {
    Inventory inventory = parse_inventory(small_inventory, "inventory.yaml").inventory;
    inventory.zones.push_back(inventory.zones[0]);
    inventory.clusters[0].storages.push_back(inventory.clusters[0].storages[0]);

    EXPECT_EQ(problems(inventory),
              "dns.zones.example.com@pdns: is there twice\n"
              "clusters.lab.storages.local: is there twice");
}

}  // namespace
}  // namespace slipway
