#include "consumers/dns/power_dns.h"

#include <gtest/gtest.h>

#include "tests/consumers/dns/box_http.h"
#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string path = "powerdns PATCH /api/v1/servers/localhost/zones/example.com.\n";

struct Talk {
    SimClock clock = {};
    BoxHttp http{clock};
    sandbox::DnsBox& box = http.add("powerdns",
                                    {.kind = sandbox::DnsBoxKind::PowerDns,
                                     .secret = "s-e-c",
                                     .zones = {"example.com", "0/25.2.0.192.in-addr.arpa"}});
    DeclaredDnsProvider declared{.name = "powerdns",
                                 .kind = DnsKind::PowerDns,
                                 .url = "http://powerdns:8081/",
                                 .secret = "s-e-c"};
    DeclaredZone zone{.name = "Example.com.", .provider = "powerdns"};

    Deadline soon() const { return {clock.since_boot() + 20s}; }
    std::string write(const std::vector<DnsSet>& sets) {
        PowerDns powerdns(http, clock, declared);
        return text_of(powerdns.write(zone, sets, soon()));
    }
    std::string error() {
        PowerDns powerdns(http, clock, declared);
        return error_of([&] { powerdns.check(zone); });
    }
};

DnsSet a_of(const std::string& name, std::vector<std::string> values) {
    return {.name = name, .type = DnsType::A, .ttl = 300, .values = std::move(values)};
}

TEST(PowerDns, WritesAllSetsOfAZoneInOneCall) {
    Talk talk;
    talk.box.add_record("example.com",
                        {.name = "old.example.com", .type = "A", .value = "192.0.2.1"});

    EXPECT_EQ(talk.write({a_of("vm1.example.com", {"192.0.2.5", "192.0.2.6"}),
                          {.name = "vm1.example.com",
                           .type = DnsType::Aaaa,
                           .ttl = 60,
                           .values = {"2001:db8::5"}},
                          a_of("old.example.com", {})}),
              "ok\nok\nok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), path);
    EXPECT_EQ(talk.box.print(),
              "0/25.2.0.192.in-addr.arpa\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n"
              "  vm1.example.com 300 A 192.0.2.6\n"
              "  vm1.example.com 60 AAAA 2001:db8::5\n");
}

TEST(PowerDns, WritesIntoAClasslessZone) {
    Talk talk;
    talk.zone.name = "0/25.2.0.192.in-addr.arpa";

    EXPECT_EQ(talk.write({{.name = "5.0/25.2.0.192.in-addr.arpa",
                           .type = DnsType::Ptr,
                           .values = {"vm1.example.com"}}}),
              "ok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()),
              "powerdns PATCH /api/v1/servers/localhost/zones/0%3D2F25.2.0.192.in-addr.arpa.\n");
    EXPECT_EQ(talk.box.print(),
              "0/25.2.0.192.in-addr.arpa\n"
              "  5.0/25.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n"
              "example.com\n");
}

TEST(PowerDns, FindsTheSetThatIsRefused) {
    Talk talk;
    talk.box.add_record("example.com",
                        {.name = "b.example.com", .type = "CNAME", .value = "www.example.com"});

    EXPECT_EQ(talk.write({a_of("a.example.com", {"192.0.2.5"}),
                          a_of("b.example.com", {"192.0.2.6"}),
                          a_of("c.example.com", {"192.0.2.7"})}),
              "ok\n"
              "422 RRset b.example.com. IN A: Conflicts with pre-existing RRset\n"
              "ok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), path + path + path + path);
}

TEST(PowerDns, ReadsFewNamesOneByOneAndManyInOneCall) {
    Talk talk;
    PowerDns powerdns(talk.http, talk.clock, talk.declared);
    for (const char* name : {"a.example.com", "b.example.com", "z.example.com"})
        talk.box.add_record("example.com", {.name = name, .type = "A", .value = "192.0.2.5"});
    talk.box.add_record("example.com", {.name = "a.example.com", .type = "MX", .value = "mail"});
    const std::vector<std::string> few = {"a.example.com", "b.example.com"};
    const std::vector<std::string> many = {
        "a.example.com", "b.example.com", "c.example.com", "d.example.com"};
    const std::string both =
        "a.example.com 300 A [192.0.2.5]\n"
        "b.example.com 300 A [192.0.2.5]\n";

    EXPECT_EQ(text_of(powerdns.read(talk.zone, few)), both);
    EXPECT_EQ(talk.http.take_calls().size(), 2U);
    EXPECT_EQ(text_of(powerdns.read(talk.zone, many)), both);
    EXPECT_EQ(talk.http.take_calls().size(), 1U);
}

TEST(PowerDns, SaysWhatIsWrongWithoutTheSecret) {
    Talk talk;
    EXPECT_EQ(talk.error(), "nothing");
    talk.zone.name = "example.org";
    EXPECT_EQ(talk.error(), "it has no zone example.org, or is no server localhost (404)");
    talk.zone.name = "example.com";
    talk.declared.server = "other";
    EXPECT_EQ(talk.error(), "it has no zone example.com, or is no server other (404)");
    talk.declared.server = "localhost";
    talk.declared.secret = "wrong";
    EXPECT_EQ(talk.error(), "it does not accept the API key (401)");
    talk.declared.secret = "s-e-c";
    talk.box.misbehaviour().add(
        {.fault = sandbox::Fault::ErrorBefore, .text = "bad\nluck with s-e-c"});
    EXPECT_EQ(talk.error(), "500 bad luck with ***");
}

TEST(PowerDns, SendsNothingAfterTheDeadlineAndSaysItToWhoeverSends) {
    Talk talk;
    PowerDns powerdns(talk.http, talk.clock, talk.declared);
    const std::vector<DnsSet> sets = {a_of("vm1.example.com", {"192.0.2.5"})};
    const Deadline deadline = talk.soon();

    EXPECT_EQ(text_of(powerdns.write(talk.zone, sets, deadline)), "ok\n");
    EXPECT_EQ(talk.http.last().send_before, deadline.since_boot);
    talk.http.take_calls();
    talk.clock.advance(20s);
    EXPECT_EQ(error_of([&] { powerdns.write(talk.zone, sets, deadline); }),
              "the step's deadline passed before it could act; it looks again");
    EXPECT_EQ(text_of(talk.http.take_calls()), "");
}

TEST(PowerDns, IsTrustedAndWaitedForAsDeclared) {
    Talk talk;
    talk.declared.url = "https://powerdns";
    talk.declared.ca_file = "ca.pem";
    talk.declared.verify = false;
    talk.declared.timeout = 7s;

    EXPECT_EQ(talk.error(), "nothing");
    const HttpRequest request = talk.http.last();
    EXPECT_EQ(request.trust, (HttpTrust{.ca_file = "ca.pem", .anybody = true}));
    EXPECT_EQ(request.timeout, 7s);
    EXPECT_EQ(request.send_before, std::nullopt) << "looking does no harm at any time";
}

}  // namespace
}  // namespace slipway
