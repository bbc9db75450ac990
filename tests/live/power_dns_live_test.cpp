// The DNS of the product on a real PowerDNS, and what that then serves.

#include <gtest/gtest.h>

#include "consumers/dns/dns.h"
#include "consumers/http/net_http.h"
#include "tests/consumers/dns/dns_text.h"
#include "tests/live/power_dns_server.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> zones = {"example.com",
                                        "2.0.192.in-addr.arpa",
                                        "0/25.100.51.198.in-addr.arpa",
                                        "8.b.d.0.1.0.0.2.ip6.arpa"};
const std::string nibbles = "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";

struct House {
    PowerDnsServer server{zones};
    SystemClock clock = {};
    NetHttp http{clock};
    Dns dns{http, clock};
    Inventory inventory = {};
    DnsWanted wanted{.name = "vm1.example.com"};
    std::vector<DnsRecordRow> rows = {};

    House() {
        inventory.dns_providers.push_back(
            {.name = "powerdns", .url = server.url(), .secret = server.api_key()});
        for (const std::string& zone : zones)
            inventory.zones.push_back({.name = zone, .provider = "powerdns", .ttl = 120});
    }
    void give(const std::vector<std::string>& addresses) {
        wanted.addresses.clear();
        wanted.ipv4 = wanted.ipv6 = std::nullopt;
        for (const std::string& text : addresses) {
            const IpAddress address = parse_address(text);
            auto& primary = address.version() == IpVersion::V4 ? wanted.ipv4 : wanted.ipv6;
            if (!primary) primary = address;
            wanted.addresses.push_back(address);
        }
    }
    using Way = DnsDone (Dns::*)(const DnsOrder&);
    DnsDone go(Way way = &Dns::sync) {
        const DnsPlan plan = plan_dns(inventory, wanted);
        DnsDone done = (dns.*way)({inventory, plan, rows, {clock.since_boot() + 20s}});
        rows = done.records;
        return done;
    }
    std::string drift() {
        std::string text;
        for (const DnsDrift& one : dns.drift(inventory, plan_dns(inventory, wanted)))
            text += print(one) + "\n";
        return text;
    }
    std::string served() const {
        std::string text;
        text += text_of(server.ask("vm1.example.com", "A"));
        text += text_of(server.ask("vm1.example.com", "AAAA"));
        text += text_of(server.ask("5.2.0.192.in-addr.arpa", "PTR"));
        text += text_of(server.ask("9.0/25.100.51.198.in-addr.arpa", "PTR"));
        text += text_of(server.ask(nibbles + ".ip6.arpa", "PTR"));
        return text;
    }
};

TEST(RealPowerDns, ServesWhatWasPlannedAndNothingAfterItsRemoval) {
    if (auto why = cannot_run(PowerDnsServer::missing())) GTEST_SKIP() << *why;
    House house;
    house.give({"192.0.2.5", "198.51.100.9", "2001:db8::5"});
    for (const DeclaredZone& zone : house.inventory.zones) house.dns.check(house.inventory, zone);

    EXPECT_EQ(text_of(house.go().lines), R"(fwd OK [powerdns] example.com ← vm1.example.com (2 IPs)
rev OK [powerdns] 2.0.192.in-addr.arpa ← 192.0.2.5 → vm1.example.com
rev OK [powerdns] 0/25.100.51.198.in-addr.arpa ← 198.51.100.9 → vm1.example.com
rev OK [powerdns] 8.b.d.0.1.0.0.2.ip6.arpa ← 2001:db8::5 → vm1.example.com
)");
    EXPECT_EQ(house.served(),
              "vm1.example.com 120 A 192.0.2.5\n"
              "vm1.example.com 120 AAAA 2001:db8::5\n"
              "5.2.0.192.in-addr.arpa 120 PTR vm1.example.com\n"
              "9.0/25.100.51.198.in-addr.arpa 120 PTR vm1.example.com\n" +
                  nibbles + ".ip6.arpa 120 PTR vm1.example.com\n");
    EXPECT_EQ(house.drift(), "");

    house.give({"192.0.2.5", "192.0.2.6"});
    EXPECT_EQ(text_of(house.go().lines),
              R"(fwd-del OK [powerdns] example.com ← vm1.example.com
rev OK [powerdns] 2.0.192.in-addr.arpa ← 192.0.2.6 → vm1.example.com
rev-del OK [powerdns] 0/25.100.51.198.in-addr.arpa ← 198.51.100.9
rev-del OK [powerdns] 8.b.d.0.1.0.0.2.ip6.arpa ← 2001:db8::5
)");
    EXPECT_EQ(house.served(),
              "vm1.example.com 120 A 192.0.2.5\n"
              "5.2.0.192.in-addr.arpa 120 PTR vm1.example.com\n");

    house.rows.clear();  // as of a VM that somebody else made
    EXPECT_EQ(text_of(house.go(&Dns::remove).errors), "");
    EXPECT_EQ(house.served(), "");
    EXPECT_EQ(text_of(house.server.ask("example.com", "SOA")),
              "example.com 3600 SOA a.misconfigured.dns.server.invalid\n");
}

TEST(RealPowerDns, SaysWhatDriftedAndIsMended) {
    if (auto why = cannot_run(PowerDnsServer::missing())) GTEST_SKIP() << *why;
    House house;
    house.give({"192.0.2.5"});
    house.go();
    house.give({"192.0.2.7"});

    EXPECT_EQ(house.drift(),
              "differs [powerdns] example.com: A vm1.example.com is 192.0.2.5 (ttl 120), should be "
              "192.0.2.7 (ttl 120)\n"
              "missing [powerdns] 2.0.192.in-addr.arpa: PTR 7.2.0.192.in-addr.arpa should be "
              "vm1.example.com (ttl 120)\n");
    EXPECT_EQ(text_of(house.go(&Dns::mend).errors), "");
    EXPECT_EQ(house.drift(), "");
    EXPECT_EQ(house.served(), "vm1.example.com 120 A 192.0.2.7\n");
}

TEST(RealPowerDns, RefusesAsItsBoxDoes) {
    if (auto why = cannot_run(PowerDnsServer::missing())) GTEST_SKIP() << *why;
    House house;
    house.give({"192.0.2.5"});
    DnsPlan plan = plan_dns(house.inventory, house.wanted);
    plan[0].sets.push_back(
        {.name = "v m.example.com", .type = DnsType::A, .values = {"192.0.2.8"}});

    const DnsDone done =
        house.dns.sync({house.inventory, plan, {}, {house.clock.since_boot() + 20s}});

    EXPECT_EQ(text_of(done.lines), R"(fwd OK [powerdns] example.com ← vm1.example.com (1 IP)
fwd ERR [powerdns] example.com ← v m.example.com: 422 Name 'v\032m.example.com.' contains unsupported characters
rev OK [powerdns] 2.0.192.in-addr.arpa ← 192.0.2.5 → vm1.example.com
)");
    house.inventory.zones.push_back({.name = "example.org", .provider = "powerdns"});
    EXPECT_EQ(error_of([&] { house.dns.check(house.inventory, house.inventory.zones.back()); }),
              "powerdns: it has no zone example.org, or is no server localhost (404)");
    house.inventory.dns_providers[0].secret = "wrong";
    EXPECT_EQ(error_of([&] { house.dns.check(house.inventory, house.inventory.zones[0]); }),
              "powerdns: it does not accept the API key (401)");
}

TEST(RealPowerDns, IsPassedOverWhileItIsAway) {
    if (auto why = cannot_run(PowerDnsServer::missing())) GTEST_SKIP() << *why;
    House house;
    house.give({"192.0.2.5"});
    house.server.stop();

    const DnsDone done = house.go();

    ASSERT_EQ(done.errors.size(), 2U);
    EXPECT_NE(done.errors[0].find("refused"), std::string::npos) << done.errors[0];
    EXPECT_NE(done.errors[1].find("passed over for another"), std::string::npos) << done.errors[1];
    EXPECT_EQ(text_of(done.records), "");
}

}  // namespace
}  // namespace slipway
