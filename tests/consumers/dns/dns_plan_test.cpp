#include "consumers/dns/dns_plan.h"

#include <gtest/gtest.h>

#include "consumers/dns/dns_line.h"
#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

Inventory inventory_with(std::vector<DeclaredZone> zones) {
    Inventory inventory;
    inventory.zones = std::move(zones);
    return inventory;
}

DnsWanted wanted_with(const std::vector<std::string>& addresses) {
    DnsWanted wanted{.name = "VM1.Example.com."};
    for (const std::string& text : addresses) {
        const IpAddress address = parse_address(text);
        auto& primary = address.version() == IpVersion::V4 ? wanted.ipv4 : wanted.ipv6;
        if (!primary) primary = address;
        wanted.addresses.push_back(address);
    }
    return wanted;
}

TEST(DnsPlan, HasThePrimaryAddressesForwardAndAllOfThemBackward) {
    const Inventory inventory = inventory_with({{"2.0.192.in-addr.arpa", "a", 60},
                                                {"example.com", "a"},
                                                {"example.com", "b", 120},
                                                {"example.org", "a"},
                                                {"8.b.d.0.1.0.0.2.ip6.arpa", "b"}});
    DnsWanted wanted = wanted_with({"192.0.2.5", "192.0.2.6", "2001:db8::5"});
    wanted.rev_names[parse_address("192.0.2.6")] = "Mail.Example.net.";

    EXPECT_EQ(text_of(plan_dns(inventory, wanted)),
              "a example.com\n"
              "  vm1.example.com 300 A [192.0.2.5]\n"
              "  vm1.example.com 300 AAAA [2001:db8::5]\n"
              "b example.com\n"
              "  vm1.example.com 120 A [192.0.2.5]\n"
              "  vm1.example.com 120 AAAA [2001:db8::5]\n"
              "a 2.0.192.in-addr.arpa\n"
              "  5.2.0.192.in-addr.arpa 60 PTR [vm1.example.com]\n"
              "  6.2.0.192.in-addr.arpa 60 PTR [mail.example.net]\n"
              "b 8.b.d.0.1.0.0.2.ip6.arpa\n"
              "  5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 300 PTR "
              "[vm1.example.com]\n");
}

TEST(DnsPlan, TakesTheLongestZoneOfEachProvider) {
    const Inventory inventory = inventory_with({{"com", "a"},
                                                {"example.com", "a"},
                                                {"com", "b"},
                                                {"0.192.in-addr.arpa", "a"},
                                                {"2.0.192.in-addr.arpa", "a"}});

    EXPECT_EQ(text_of(plan_dns(inventory, wanted_with({"192.0.2.5"}))),
              "a example.com\n"
              "  vm1.example.com 300 A [192.0.2.5]\n"
              "b com\n"
              "  vm1.example.com 300 A [192.0.2.5]\n"
              "a 2.0.192.in-addr.arpa\n"
              "  5.2.0.192.in-addr.arpa 300 PTR [vm1.example.com]\n");
}

TEST(DnsPlan, LeavesTheAliasesAboveAClasslessZoneAlone) {
    const Inventory inventory =
        inventory_with({{"2.0.192.in-addr.arpa", "a"}, {"0/25.2.0.192.in-addr.arpa", "b"}});

    EXPECT_EQ(text_of(plan_dns(inventory, wanted_with({"192.0.2.5", "192.0.2.200"}))),
              "a 2.0.192.in-addr.arpa\n"
              "  200.2.0.192.in-addr.arpa 300 PTR [vm1.example.com]\n"
              "b 0/25.2.0.192.in-addr.arpa\n"
              "  5.0/25.2.0.192.in-addr.arpa 300 PTR [vm1.example.com]\n");
}

TEST(DnsPlan, IsEmptyWhereNoZoneMatchesAndWithoutAName) {
    const Inventory inventory =
        inventory_with({{"example.org", "a"}, {"2.0.192.in-addr.arpa", "a"}});
    DnsWanted nameless = wanted_with({"192.0.2.5"});
    nameless.name = "";

    EXPECT_EQ(text_of(plan_dns(inventory, wanted_with({"198.51.100.5"}))), "");
    EXPECT_EQ(text_of(plan_dns(inventory, nameless)), "");
}

TEST(Difference, IsWhatMustBeWritten) {
    const DnsSet a{.name = "vm1", .type = DnsType::A, .ttl = 300, .values = {"192.0.2.5"}};
    const DnsSet two{
        .name = "vm1", .type = DnsType::A, .ttl = 300, .values = {"192.0.2.5", "192.0.2.6"}};
    const DnsSet turned{
        .name = "vm1", .type = DnsType::A, .ttl = 300, .values = {"192.0.2.6", "192.0.2.5"}};
    const DnsSet other{.name = "vm1", .type = DnsType::A, .ttl = 300, .values = {"192.0.2.9"}};
    const DnsSet hasty{.name = "vm1", .type = DnsType::A, .ttl = 60, .values = {"192.0.2.5"}};
    const DnsSet silent{.name = "vm1", .type = DnsType::A, .ttl = 0, .values = {"192.0.2.5"}};
    const DnsSet v6{.name = "vm1", .type = DnsType::Aaaa, .ttl = 300, .values = {"2001:db8::5"}};
    const DnsSet none{.name = "vm1", .type = DnsType::A, .ttl = 300, .values = {}};
    // clang-format off
    const struct { std::string what; std::vector<DnsSet> wanted; std::vector<DnsSet> there; std::string written; } rows[] = {
        {"the same",            {a},      {a},      ""},
        {"in another order",    {two},    {turned}, ""},
        {"nothing there",       {a, v6},  {},       "vm1 300 A [192.0.2.5]\nvm1 300 AAAA [2001:db8::5]\n"},
        {"another value",       {a},      {other},  "vm1 300 A [192.0.2.5]\n"},
        {"a value too few",     {two},    {a},      "vm1 300 A [192.0.2.5 192.0.2.6]\n"},
        {"another ttl",         {a},      {hasty},  "vm1 300 A [192.0.2.5]\n"},
        {"a ttl nobody says",   {a},      {silent}, ""},
        {"no longer wanted",    {a},      {a, v6},  "vm1 300 AAAA []\n"},
        {"nothing wanted",      {},       {a},      "vm1 300 A []\n"},
        {"emptied",             {none},   {a},      "vm1 300 A []\n"},
        {"empty already",       {none},   {},       ""},
    };
    // clang-format on

    for (const auto& row : rows)
        EXPECT_EQ(text_of(difference(row.wanted, row.there)), row.written) << row.what;
}

TEST(Drift, SaysWhatIsMissingDiffersOrIsTooMuch) {
    const DnsZonePlan plan{
        .zone = {.name = "example.com", .provider = "powerdns"},
        .sets = {{.name = "a.example.com", .type = DnsType::A, .values = {"192.0.2.5"}},
                 {.name = "b.example.com", .type = DnsType::A, .values = {"192.0.2.6"}},
                 {.name = "c.example.com", .type = DnsType::A, .values = {"192.0.2.7"}}}};
    const std::vector<DnsSet> served = {
        {.name = "b.example.com", .type = DnsType::A, .ttl = 60, .values = {"192.0.2.9"}},
        {.name = "c.example.com", .type = DnsType::A, .values = {"192.0.2.7"}},
        {.name = "c.example.com", .type = DnsType::Aaaa, .values = {"2001:db8::9"}}};

    std::string text;
    for (const DnsDrift& drift : drift_of(plan, served)) text += print(drift) + "\n";

    EXPECT_EQ(text,
              "missing [powerdns] example.com: A a.example.com should be 192.0.2.5 (ttl 300)\n"
              "differs [powerdns] example.com: A b.example.com is 192.0.2.9 (ttl 60), should be "
              "192.0.2.6 (ttl 300)\n"
              "extra [powerdns] example.com: AAAA c.example.com is 2001:db8::9 (ttl 300)\n");
}

TEST(DnsLines, AreThoseThatOperatorsKnow) {
    const DeclaredZone forward{.name = "puqcloud.com", .provider = "hestiacp"};
    const DeclaredZone backward{.name = "130.168.192.in-addr.arpa", .provider = "powerdns"};
    const std::string name = "5546-1776530154.puqcloud.com";
    const std::string ptr = "6.130.168.192.in-addr.arpa";
    const DnsSet a{.name = name, .type = DnsType::A, .values = {"192.168.130.6"}};
    const DnsSet aaaa{.name = name, .type = DnsType::Aaaa, .values = {"2001:db8::6"}};
    const DnsSet no_a{.name = name, .type = DnsType::A, .values = {}};
    const DnsSet no_aaaa{.name = name, .type = DnsType::Aaaa, .values = {}};
    const DnsSet rev{.name = ptr, .type = DnsType::Ptr, .values = {name}};
    const DnsSet no_rev{.name = ptr, .type = DnsType::Ptr, .values = {}};
    const DnsResult ok;
    const DnsResult refused{.error = "connection refused"};
    const auto text = [](const DeclaredZone& zone,
                         const std::vector<DnsSet>& sets,
                         const std::vector<DnsResult>& results) {
        return text_of(lines_of(zone, sets, results));
    };

    EXPECT_EQ(text(forward, {a, aaaa}, {ok, ok}),
              "fwd OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com (2 IPs)\n");
    EXPECT_EQ(text(forward, {a, aaaa}, {ok, refused}),
              "fwd OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com (1 IP)\n"
              "fwd ERR [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com: connection "
              "refused\n");
    EXPECT_EQ(text(forward, {no_a, no_aaaa}, {ok, ok}),
              "fwd-del OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com\n");
    EXPECT_EQ(text(backward, {rev}, {ok}),
              "rev OK [powerdns] 130.168.192.in-addr.arpa ← 192.168.130.6 → "
              "5546-1776530154.puqcloud.com\n");
    EXPECT_EQ(text(backward, {rev}, {refused}),
              "rev ERR [powerdns] 130.168.192.in-addr.arpa ← 192.168.130.6: connection refused\n");
    EXPECT_EQ(text(backward, {no_rev}, {ok}),
              "rev-del OK [powerdns] 130.168.192.in-addr.arpa ← 192.168.130.6\n");
}

}  // namespace
}  // namespace slipway
