// Deploy, from an order to a machine that runs, on a Proxmox, name servers and a mail server in
// boxes that work. What the old module did wrong has a story here or in deploy_trouble_test.cpp.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "consumers/proxmox/nic.h"
#include "consumers/runtime/error.h"
#include "producer/admission.h"
#include "tests/story/deploy_story.h"

namespace slipway {
namespace {

using std::chrono::minutes;

// Calls without what one look at many tasks tells.
std::string calls_of(Town& town) {
    std::vector<std::string> calls = town.lab.take_calls();
    std::erase_if(calls, [](const std::string& call) { return call.ends_with("/tasks"); });
    for (std::string& call : calls)
        if (const auto at = call.find("/api2/json"); at != std::string::npos) call.erase(at, 10);
    return fmt::format("{}", fmt::join(calls, "\n"));
}

TEST(Deploy, WalksThroughItsTableInFairWeather) {
    Town town({});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(newest_log(town), R"(--- Deploy: service=5546 run=1 result=success ---
  [+]  1. Allocate IP               waiting: 2 IPv4 and 2 IPv6 and a VM number to be granted (creation -> creation) [0.00s]
  [+]  1. Allocate IP               success (creation -> set_ip) [0.00s]
  [+]  2. Clone VM                  waiting: its turn to clone on local-lvm (set_ip -> set_ip) [0.00s]
  [+]  2. Clone VM                  waiting: the full clone of debian-12 into 1000 (set_ip -> set_ip) x17 [4.00s]
  [+]  2. Clone VM                  success (set_ip -> clone) [4.25s]
  [+]  3. Configure DNS records     success (clone -> set_dns) [4.25s]
  [+]  4. Migrate to target node    waiting: its turn to move to pve2 (set_dns -> set_dns) [4.25s]
  [+]  4. Migrate to target node    waiting: the move to pve2 (set_dns -> set_dns) x25 [10.33s]
  [+]  4. Migrate to target node    success (set_dns -> migrated) [10.63s]
  [+]  5. Set CPU & RAM             success (migrated -> set_cpu_ram) [10.63s]
  [+]  6. Resize system disk        waiting: the disk to grow to 10 GiB (set_cpu_ram -> set_cpu_ram) [10.63s]
  [+]  6. Resize system disk        success (set_cpu_ram -> set_system_disk_size) [10.88s]
  [+]  7. Set system disk I/O       success (set_system_disk_size -> set_system_disk_bandwidth) [10.88s]
  [+]  8. Create additional disk    waiting: scsi1 to be written down (set_system_disk_bandwidth -> set_system_disk_bandwidth) [10.88s]
  [+]  8. Create additional disk    waiting: scsi1 of 5 GiB on local-lvm to be made (set_system_disk_bandwidth -> set_system_disk_bandwidth) [10.88s]
  [+]  8. Create additional disk    success (set_system_disk_bandwidth -> set_created_additional_disk) [11.13s]
  [+]  9. Resize additional disk    skip: no change (set_created_additional_disk -> set_additional_disk_size) [11.13s]
  [+] 10. Set additional disk I/O   success (set_additional_disk_size -> set_additional_disk_bandwidth) [11.13s]
  [+] 11. Configure network         success (set_additional_disk_bandwidth -> set_network) [11.13s]
  [+] 12. Configure firewall        success (set_network -> set_firewall) [11.13s]
  [+] 13. Configure cloud-init      success (set_firewall -> set_cloudinit) [11.13s]
  [+] 14. Start VM                  waiting: the start (set_cloudinit -> set_cloudinit) x4 [11.88s]
  [+] 14. Start VM                  success (set_cloudinit -> starting) [12.13s]
  [+] 15. Verify running + Email    success (starting -> ready) [12.13s]
)");
    EXPECT_EQ(calls_of(town), R"(GET /cluster/resources
GET /nodes/pve1/qemu/9000/config
POST /nodes/pve1/qemu/9000/clone
GET /cluster/resources
GET /nodes/pve1/qemu/1000/config
GET /client/v4/zones
GET /client/v4/zones/576846634e2714c6a897b99cb1d8eb39/dns_records
POST /client/v4/zones/576846634e2714c6a897b99cb1d8eb39/dns_records/batch
PATCH /api/v1/servers/localhost/zones/example.com.
PATCH /api/v1/servers/localhost/zones/0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.
PATCH /api/v1/servers/localhost/zones/2.0.192.in-addr.arpa.
GET /nodes
GET /nodes/pve1/storage
GET /nodes/pve2/storage
POST /nodes/pve1/qemu/1000/migrate
GET /cluster/resources
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/resize
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
POST /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
POST /nodes/pve2/qemu/1000/firewall/ipset
POST /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
POST /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
POST /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
POST /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
GET /nodes/pve2/qemu/1000/firewall/ipset/ipfilter-net0
GET /nodes/pve2/qemu/1000/firewall/options
GET /cluster/firewall/options
PUT /nodes/pve2/qemu/1000/firewall/options
GET /nodes/pve2/qemu/1000/firewall/options
GET /nodes/pve2/qemu/1000/config
PUT /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/status/current
POST /nodes/pve2/qemu/1000/status/start
GET /nodes/pve2/qemu/1000/config
GET /nodes/pve2/qemu/1000/status/current
GET /nodes/pve2/qemu/1000/status/current)");
}

TEST(Deploy, TellsItsLinesLive) {
    Town town({});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    std::string lines;
    for (const StepRow& row : town.store->steps("5546", 1))
        if (!row.lines.empty()) lines += row.lines + "\n";
    EXPECT_EQ(lines, R"(fwd OK [cloudflare] example.com ← 42-5546.example.com (2 IPs)
fwd OK [powerdns] example.com ← 42-5546.example.com (2 IPs)
rev OK [powerdns] 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa ← 2001:db8::10 → 42-5546.example.com
rev OK [powerdns] 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa ← 2001:db8::11 → 42-5546.example.com
rev OK [powerdns] 2.0.192.in-addr.arpa ← 192.0.2.10 → 42-5546.example.com
rev OK [powerdns] 2.0.192.in-addr.arpa ← 192.0.2.11 → 42-5546.example.com
moves to pve2: pve2 is the configured node
the firewall of the whole cluster is off: until it is on, nothing is filtered
)");
}

TEST(Deploy, WritesOneLetterWithThePasswordThatTheMachineHas) {
    Town town({});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    ASSERT_EQ(town.lab.mail.inbox.size(), 1U);
    const Letter& letter = town.lab.mail.inbox[0];
    const Vm vm = town.vm("5546");
    const std::string password = town.lab.secrets.open(vm.password, "vm/5546/password");
    EXPECT_EQ(letter.to, "jo@example.com");
    EXPECT_EQ(letter.subject, "42-5546.example.com is ready");
    EXPECT_TRUE(has(letter.body, vm.username + " " + password + " 192.0.2.10")) << letter.body;
    for (const Message& message : town.bus.heard())
        EXPECT_FALSE(has(message.body, password)) << message.topic;
}

TEST(Deploy, KeepsTheMacThatTheCloneGave) {
    Town town({});
    std::string cloned;
    at_call(town, {"POST /api2/json/nodes/pve1/qemu/1000/migrate", Moment::Before, [&] {
                       cloned = parse_nic(machine(town).get("net0")).mac;
                   }});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_FALSE(cloned.empty());
    EXPECT_EQ(parse_nic(machine(town).get("net0")).mac, cloned);
    EXPECT_EQ(town.vm("5546").mac, cloned);
}

TEST(Deploy, FillsTheAddressSetBeforeTheFirewallIsOn) {
    Town town({});
    bool was_on = false;
    town.faults.set([&](const Call& call) {
        if (call.moment == Moment::Before && has(call.what, "POST") && has(call.what, "/ipset"))
            was_on = was_on || town.lab.cluster().firewalls[1000].options["enable"] == "1";
    });

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_FALSE(was_on);
    EXPECT_EQ(town.lab.cluster().firewalls.at(1000).options.at("enable"), "1");
}

// A clone has the firewall of its template, addresses and all.
TEST(Deploy, LeavesNoAddressOfTheTemplateInTheSet) {
    Town town({});
    town.lab.cluster().firewalls[9000].sets["ipfilter-net0"].entries = {{.cidr = "198.51.100.7"}};

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    std::set<std::string> own;
    for (const HeldAddress& held : town.store->holdings("5546").addresses)
        own.insert(print_address(held.address));
    std::set<std::string> filtered;
    for (const auto& entry : town.lab.cluster().firewalls.at(1000).sets.at("ipfilter-net0").entries)
        filtered.insert(entry.cidr);
    EXPECT_EQ(filtered, own);
}

// A set would shut out what the guest asks for itself, and the template's is not the machine's.
TEST(Deploy, LeavesNoSetWhereNothingIsFiltered) {
    const std::pair<const char*, const char*> changes[] = {
        {"firewall: {policy_in: DROP", "firewall: {anti_spoofing: false, policy_in: DROP"},
        {"rate: 12.5, ipv4: 2, ipv6: 2", "rate: 12.5, dhcp4: true, ipv6: 2"},
        {"rate: 12.5, ipv4: 2, ipv6: 2", "rate: 12.5, dhcp4: true, ipv6: 0"}};
    for (const auto& [before, after] : changes) {
        SCOPED_TRACE(after);
        Town town({});
        town.redeclare(before, after);
        town.lab.cluster().firewalls[9000].sets["ipfilter-net0"].entries = {
            {.cidr = "198.51.100.7"}};

        order_one(town);

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.vm("5546").state, state_ready);
        EXPECT_FALSE(town.lab.cluster().firewalls.at(1000).sets.contains("ipfilter-net0"));
    }
}

TEST(Deploy, LeavesALinkedCloneOnItsLocalStorageAndSaysSo) {
    Town town({});
    town.redeclare("clone: full\n    node: pve2\n", "clone: linked\n    node: pve2\n");
    town.redeclare("vmid: 9000}", "vmid: 9002}");

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(machine(town).node, "pve1");
    EXPECT_TRUE(
        has(newest_log(town), "Migrate to target node    skip: stays on pve1: migration aborted"))
        << newest_log(town);
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(Deploy, WaitsForAnAddressUntilThePoolGrows) {
    Town town({});
    town.redeclare("range: 192.0.2.10-192.0.2.200", "range: 192.0.2.10-192.0.2.11");
    order_one(town);
    ASSERT_TRUE(comes_to_rest(town));

    town.order({.service_id = "5547", .pipeline = "deploy"});
    town.run_for(minutes(10));

    EXPECT_EQ(town.vm("5547").last_error, "No IPv4 addresses available in pool v4 (2 of 2 in use)");
    EXPECT_EQ(town.vm("5547").state, "creation");
    town.redeclare("range: 192.0.2.10-192.0.2.11", "range: 192.0.2.10-192.0.2.13");
    const auto grown = town.clock.since_boot();
    ASSERT_TRUE(town.run_until([&] { return town.vm("5547").state == "set_ip"; }));
    EXPECT_LT(town.clock.since_boot() - grown, std::chrono::seconds(5));
    ASSERT_TRUE(comes_to_rest(town));
}

TEST(Deploy, CountsWhatLiesInThePoolsRangeAlone) {
    Town town({});
    town.redeclare("range: 192.0.2.10-192.0.2.200", "range: 192.0.2.10-192.0.2.11");
    order_one(town);
    ASSERT_TRUE(comes_to_rest(town));
    town.redeclare("range: 192.0.2.10-192.0.2.11", "range: 192.0.2.20-192.0.2.21");

    town.order({.service_id = "5547", .pipeline = "deploy"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(print_address(town.store->holdings("5547").addresses.at(0).address), "192.0.2.20");
}

TEST(Deploy, SaysThatNoNumberIsLeftUntilThereAreMore) {
    Town town({});
    town.redeclare("vmid_last: 1999", "vmid_last: 1000");
    order_one(town);
    ASSERT_TRUE(comes_to_rest(town));

    town.order({.service_id = "5547", .pipeline = "deploy"});
    town.run_for(minutes(10));

    EXPECT_EQ(town.vm("5547").last_error,
              "No VM numbers available from 1000 to 1000 in cluster lab; a higher vmid_last in "
              "the inventory gives it more");
    EXPECT_TRUE(town.store->holdings("5547").addresses.empty());
    town.redeclare("vmid_last: 1000", "vmid_last: 1001");
    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5547").vmid, 1001);
}

TEST(Deploy, KeepsNoPasswordThatAnOrderBrought) {
    Town town({});
    const std::string id = "with-password";
    town.publish(to_message(
        RequestEvent{
            .id = id,
            .source = "billing",
            .type = "deploy",
            .service_id = "5546",
            .payload = R"({"service_id": "5546", "package": "vps-full", "password": "abc-123"})",
            .time = town.clock.now()},
        TopicNames{}.of("requests")));

    town.run_for(minutes(1));

    const RequestRow row = town.store->requests({&id, 1}).at(0);
    EXPECT_EQ(row.why, "data.password: is never taken from a topic; leave it out, and one is made");
    EXPECT_TRUE(has(row.payload, "vps-full"));
    EXPECT_FALSE(has(row.payload, "abc-123"));
    for (const Message& message : town.bus.heard())
        EXPECT_TRUE(message.topic == TopicNames{}.of("requests") || !has(message.body, "abc-123"));
}

// The same as for an event: a VM of such a name could never be nudged.
TEST(Deploy, IsNotForAServiceThatNoEventMayName) {
    Town town({});
    for (const char* service : {"", "a b", "5546/1", "ü"})
        EXPECT_THROW(
            admit_now(*town.store, {}, {.id = "1", .service_id = service, .type = "deploy"}), Error)
            << service;
}

TEST(Deploy, RejectsAnOrderThatCannotBeDoneAndSaysAllThatIsWrong) {
    Town town({});

    const std::string id =
        town.order({.service_id = "5546", .pipeline = "deploy", .package = "vps-huge"});

    ASSERT_TRUE(comes_to_rest(town));
    const RequestRow row = town.store->requests({&id, 1}).at(0);
    EXPECT_EQ(row.status, "rejected");
    EXPECT_EQ(row.why,
              "data.package: there is no package \"vps-huge\"; `slipway get packages` lists them");
    EXPECT_EQ(town.store->count_dead_letters("rejected"), 1);
}

}  // namespace
}  // namespace slipway
