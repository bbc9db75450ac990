#include "consumers/dns/dns_names.h"

#include <gtest/gtest.h>

#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

DeclaredZone zone_of(const std::string& name, const std::string& network = "") {
    DeclaredZone zone{.name = name, .provider = "p"};
    if (!network.empty()) zone.network = parse_network(network);
    return zone;
}

TEST(ZoneHolds, GoesByWholeLabels) {
    // clang-format off
    const struct { std::string zone; std::string name; bool holds; } rows[] = {
        {"example.com",  "vm1.example.com",    true},
        {"example.com",  "a.b.c.example.com",  true},
        {"example.com",  "example.com",        true},
        {"Example.COM.", "vm1.example.com",    true},
        {"example.com",  "VM1.Example.Com.",   true},
        {"example.com",  "vm1.myexample.com",  false},
        {"example.com",  "myexample.com",      false},
        {"example.com",  "com",                false},
        {"example.com",  "vm1.example.org",    false},
        {"example.com",  "",                   false},
        {"",             "vm1.example.com",    false},
        {"com",          "vm1.example.com",    true},
    };
    // clang-format on

    for (const auto& row : rows)
        EXPECT_EQ(zone_holds(row.zone, row.name), row.holds) << row.zone << " " << row.name;
}

TEST(PtrName, StandsAtAnyOctetNibbleAndInClasslessZones) {
    const std::string v6 = "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    // clang-format off
    const struct { std::string zone; std::string network; std::string address; std::string name; } rows[] = {
        {"2.0.192.in-addr.arpa",      "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"2.0.192.IN-ADDR.ARPA.",     "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"0.192.in-addr.arpa",        "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"192.in-addr.arpa",          "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"in-addr.arpa",              "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"5.2.0.192.in-addr.arpa",    "",             "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"3.0.192.in-addr.arpa",      "",             "192.0.2.5",   "none"},
        {"12.0.192.in-addr.arpa",     "",             "192.0.2.5",   "none"},
        {"2.0.192.in-addr.arpa",      "192.0.2.0/24", "192.0.2.5",   "5.2.0.192.in-addr.arpa"},
        {"example.com",               "",             "192.0.2.5",   "none"},
        {"8.b.d.0.1.0.0.2.ip6.arpa",  "",             "2001:db8::5", v6 + ".ip6.arpa"},
        {"b.d.0.1.0.0.2.ip6.arpa",    "",             "2001:db8::5", v6 + ".ip6.arpa"},
        {"2.ip6.arpa",                "",             "2001:db8::5", v6 + ".ip6.arpa"},
        {v6 + ".ip6.arpa",            "",             "2001:db8::5", v6 + ".ip6.arpa"},
        {"9.b.d.0.1.0.0.2.ip6.arpa",  "",             "2001:db8::5", "none"},
        {"8.b.d.0.1.0.0.2.ip6.arpa",  "",             "192.0.2.5",   "none"},
        {"0/25.2.0.192.in-addr.arpa",   "", "192.0.2.5",   "5.0/25.2.0.192.in-addr.arpa"},
        {"0/25.2.0.192.in-addr.arpa",   "", "192.0.2.127", "127.0/25.2.0.192.in-addr.arpa"},
        {"0/25.2.0.192.in-addr.arpa",   "", "192.0.2.128", "none"},
        {"128/25.2.0.192.in-addr.arpa", "", "192.0.2.128", "128.128/25.2.0.192.in-addr.arpa"},
        {"0-25.2.0.192.in-addr.arpa",   "", "192.0.2.5",   "5.0-25.2.0.192.in-addr.arpa"},
        {"0-127.2.0.192.in-addr.arpa",  "", "192.0.2.127", "127.0-127.2.0.192.in-addr.arpa"},
        {"0-127.2.0.192.in-addr.arpa",  "", "192.0.2.128", "none"},
        {"64-127.2.0.192.in-addr.arpa", "", "192.0.2.64",  "64.64-127.2.0.192.in-addr.arpa"},
        {"64-127.2.0.192.in-addr.arpa", "", "192.0.2.63",  "none"},
        {"30-31.2.0.192.in-addr.arpa",  "", "192.0.2.31",  "31.30-31.2.0.192.in-addr.arpa"},
        {"0-31.2.0.192.in-addr.arpa",   "", "192.0.2.5",   "none"},
        {"0-31.2.0.192.in-addr.arpa",   "192.0.2.0/27",  "192.0.2.5",  "5.0-31.2.0.192.in-addr.arpa"},
        {"64.2.0.192.in-addr.arpa",     "192.0.2.64/26", "192.0.2.70", "70.64.2.0.192.in-addr.arpa"},
        {"acme.2.0.192.in-addr.arpa",   "192.0.2.64/26", "192.0.2.70", "70.acme.2.0.192.in-addr.arpa"},
        {"acme.2.0.192.in-addr.arpa",   "",              "192.0.2.70", "none"},
        {"3/25.2.0.192.in-addr.arpa",   "",              "192.0.2.5",  "none"},
    };
    // clang-format on

    for (const auto& row : rows) {
        SCOPED_TRACE(row.zone + " " + row.network + " " + row.address);
        const DeclaredZone zone = zone_of(row.zone, row.network);
        const IpAddress address = parse_address(row.address);
        const auto name = ptr_name(zone, address);
        EXPECT_EQ(name.value_or("none"), row.name);
        if (name) {
            EXPECT_EQ(address_of_ptr(zone, *name), address);
        }
    }
}

TEST(AddressOfPtr, IsNothingForOtherNames) {
    // clang-format off
    const struct { std::string zone; std::string name; } rows[] = {
        {"2.0.192.in-addr.arpa",      "2.0.192.in-addr.arpa"},
        {"2.0.192.in-addr.arpa",      "www.2.0.192.in-addr.arpa"},
        {"2.0.192.in-addr.arpa",      "256.2.0.192.in-addr.arpa"},
        {"2.0.192.in-addr.arpa",      "05.2.0.192.in-addr.arpa"},
        {"8.b.d.0.1.0.0.2.ip6.arpa",  "8.b.d.0.1.0.0.2.ip6.arpa"},
        {"8.b.d.0.1.0.0.2.ip6.arpa",  "g.b.d.0.1.0.0.2.ip6.arpa"},
        {"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"},
        {"0/25.2.0.192.in-addr.arpa", "x.0/25.2.0.192.in-addr.arpa"},
        {"example.com",               "vm1.example.com"},
    };
    // clang-format on

    for (const auto& row : rows)
        EXPECT_EQ(address_of_ptr(zone_of(row.zone), row.name), std::nullopt) << row.name;
}

TEST(HostName, IsRefusedWithWhatIsWrongAndTheCure) {
    const std::string label(64, 'a');
    // clang-format off
    const struct { std::string name; std::string error; } rows[] = {
        {"vm1.example.com",     "nothing"},
        {"VM1.Example.com.",    "nothing"},
        {"5546-1776530154.puqcloud.com", "nothing"},
        {"xn--mnchen-3ya.de",   "nothing"},
        {"",                    "host name '': it is empty"},
        {"vm1",                 "host name vm1: it has no domain; write vm1.example.com"},
        {"vm_1.example.com",    "host name vm_1.example.com: '_' may not stand in it; letters, digits and hyphens may"},
        {"vm 1.example.com",    "host name vm 1.example.com: a space may not stand in it; letters, digits and hyphens may"},
        {"-vm.example.com",     "host name -vm.example.com: -vm begins or ends with a hyphen"},
        {"vm-.example.com",     "host name vm-.example.com: vm- begins or ends with a hyphen"},
        {"vm..example.com",     "host name vm..example.com: there is nothing between two dots"},
        {"192.0.2.5",           "host name 192.0.2.5: it ends with a number, as only addresses do"},
        {"münchen.de",          "host name münchen.de: other letters than a to z are written in punycode, such as xn--mnchen-3ya"},
        {label + ".com",        "host name " + label + ".com: a part between dots has at most 63 letters"},
    };
    // clang-format on

    for (const auto& row : rows) EXPECT_EQ(error_of([&] { check_host_name(row.name); }), row.error);
    const std::string part = std::string(60, 'a') + ".";
    const std::string long_name = part + part + part + part + part + "com";
    EXPECT_EQ(error_of([&] { check_host_name(long_name); }),
              "host name " + long_name + ": it is longer than 253 letters");
}

TEST(Zone, IsRefusedWithWhatIsWrongAndTheCure) {
    const std::string declare =
        ": its name does not say which addresses it is for; declare its network, such as "
        "192.0.2.0/25";
    const std::string part =
        ": a classless zone is for a part of one IPv4 /24, such as 192.0.2.0/25";
    const std::string digits =
        ": below ip6.arpa stand up to 32 hexadecimal digits, each between dots, such as "
        "8.b.d.0.1.0.0.2.ip6.arpa";
    // clang-format off
    const struct { std::string name; std::string network; std::string error; } rows[] = {
        {"example.com",                 "", "nothing"},
        {"local",                       "", "nothing"},
        {"2.0.192.in-addr.arpa",        "", "nothing"},
        {"8.b.d.0.1.0.0.2.ip6.arpa",    "", "nothing"},
        {"0/25.2.0.192.in-addr.arpa",   "", "nothing"},
        {"0-127.2.0.192.in-addr.arpa",  "", "nothing"},
        {"0-31.2.0.192.in-addr.arpa",   "192.0.2.0/27", "nothing"},
        {"0-31.2.0.192.in-addr.arpa",   "", "zone 0-31.2.0.192.in-addr.arpa" + declare},
        {"acme.2.0.192.in-addr.arpa",   "", "zone acme.2.0.192.in-addr.arpa" + declare},
        {"acme.2.0.192.in-addr.arpa",   "192.0.0.0/22", "zone acme.2.0.192.in-addr.arpa" + part},
        {"acme.2.0.192.in-addr.arpa",   "2001:db8::/64", "zone acme.2.0.192.in-addr.arpa" + part},
        {"example.com",                 "192.0.2.0/25", "zone example.com: network is for reverse zones of IPv4 below in-addr.arpa"},
        {"db8.2001.ip6.arpa",           "", "zone db8.2001.ip6.arpa" + digits},
        {"exa/mple.com",                "", "zone exa/mple.com: '/' may not stand in it; letters, digits and hyphens may"},
        {"",                            "", "zone '': it is empty"},
    };
    // clang-format on

    for (const auto& row : rows)
        EXPECT_EQ(error_of([&] { check_zone(zone_of(row.name, row.network)); }), row.error);
    DeclaredZone hasty = zone_of("example.com");
    hasty.ttl = 0;
    EXPECT_EQ(error_of([&] { check_zone(hasty); }), "zone example.com: a ttl of 0 seconds is none");
}

}  // namespace
}  // namespace slipway
