#include "consumers/dns/hestia_cp.h"

#include <gtest/gtest.h>

#include "tests/consumers/dns/box_http.h"
#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string listed = "hestiacp POST /api/ v-list-dns-records\n";
const std::string added = "hestiacp POST /api/ v-add-dns-record\n";
const std::string deleted = "hestiacp POST /api/ v-delete-dns-record\n";

struct Talk {
    SimClock clock = {};
    BoxHttp http{clock};
    sandbox::DnsBox& box = http.add("hestiacp",
                                    {.kind = sandbox::DnsBoxKind::HestiaCp,
                                     .secret = "s-e&c r",
                                     .zones = {"example.com", "2.0.192.in-addr.arpa"}});
    DeclaredDnsProvider declared{.name = "hestiacp",
                                 .kind = DnsKind::HestiaCp,
                                 .url = "https://hestiacp:8083",
                                 .user = "admin",
                                 .zone_owner = "web",
                                 .secret = "s-e&c r"};
    DeclaredZone zone{.name = "example.com", .provider = "hestiacp"};

    std::string write(const std::vector<DnsSet>& sets) {
        HestiaCp hestia(http, clock, declared);
        return text_of(hestia.write(zone, sets, {clock.since_boot() + 20s}));
    }
    std::string error() {
        HestiaCp hestia(http, clock, declared);
        return error_of([&] { hestia.check(zone); });
    }
};

DnsSet a_of(const std::string& name, std::vector<std::string> values) {
    return {.name = name, .type = DnsType::A, .ttl = 300, .values = std::move(values)};
}

TEST(HestiaCp, AddsWhatIsMissingByItsShortName) {
    Talk talk;

    EXPECT_EQ(
        talk.write({a_of("vm1.example.com", {"192.0.2.5"}), a_of("example.com", {"192.0.2.6"})}),
        "ok\nok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), listed + added + added);
    EXPECT_EQ(
        talk.write({a_of("vm1.example.com", {"192.0.2.5"}), a_of("example.com", {"192.0.2.6"})}),
        "ok\nok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), listed) << "nothing is made twice";
    talk.zone.name = "2.0.192.in-addr.arpa";
    EXPECT_EQ(talk.write({{.name = "5.2.0.192.in-addr.arpa",
                           .type = DnsType::Ptr,
                           .ttl = 60,
                           .values = {"vm1.example.com"}}}),
              "ok\n");
    EXPECT_EQ(talk.box.print(),
              "2.0.192.in-addr.arpa\n"
              "  5.2.0.192.in-addr.arpa 60 PTR vm1.example.com\n"
              "example.com\n"
              "  example.com 300 A 192.0.2.6\n"
              "  vm1.example.com 300 A 192.0.2.5\n");
}

TEST(HestiaCp, RemovesWhatIsTooMuchAfterAddingWhatIsNew) {
    Talk talk;
    for (const char* value : {"192.0.2.1", "192.0.2.5", "192.0.2.5"})
        talk.box.add_record("example.com",
                            {.name = "vm1.example.com", .type = "A", .value = value});
    talk.box.add_record("example.com",
                        {.name = "vm1.example.com", .type = "AAAA", .value = "2001:db8::5"});

    EXPECT_EQ(talk.write({a_of("vm1.example.com", {"192.0.2.5", "192.0.2.7"}),
                          {.name = "vm1.example.com", .type = DnsType::Aaaa, .values = {}}}),
              "ok\nok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), listed + added + deleted + deleted + deleted);
    EXPECT_EQ(talk.box.print(),
              "2.0.192.in-addr.arpa\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n"
              "  vm1.example.com 300 A 192.0.2.7\n");
}

TEST(HestiaCp, RenewsARecordWhoseTtlChangesUnlessTheZoneSaysIt) {
    Talk talk;
    talk.box.add_record("example.com",
                        {.name = "vm1.example.com", .type = "A", .value = "192.0.2.5", .ttl = 60});
    talk.box.add_record("example.com",
                        {.name = "vm2.example.com", .type = "A", .value = "192.0.2.6", .ttl = 0});

    EXPECT_EQ(talk.write(
                  {a_of("vm1.example.com", {"192.0.2.5"}), a_of("vm2.example.com", {"192.0.2.6"})}),
              "ok\nok\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), listed + deleted + added);
    EXPECT_EQ(talk.box.print(),
              "2.0.192.in-addr.arpa\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n"
              "  vm2.example.com 0 A 192.0.2.6\n");
}

TEST(HestiaCp, SaysWhichSetItDoesNotTake) {
    Talk talk;

    EXPECT_EQ(talk.write({a_of("vm1.example.com", {"192.0.2.5"}),
                          a_of("v m.example.com", {"192.0.2.6"}),
                          a_of("vm3.example.com", {"192.0.2.7"})}),
              "ok\n"
              "v-add-dns-record: it takes the name, the value or the ttl for invalid (code 2)\n"
              "ok\n");
}

TEST(HestiaCp, KeepsWhatWasDoneWhenItStopsAnswering) {
    Talk talk;
    talk.box.misbehaviour().add({.fault = sandbox::Fault::ResetBefore, .nth = 3});

    EXPECT_EQ(talk.write({a_of("vm1.example.com", {"192.0.2.5"}),
                          a_of("vm2.example.com", {"192.0.2.6"}),
                          a_of("vm3.example.com", {"192.0.2.7"})}),
              "ok\n"
              "hestiacp:8083: connection reset\n"
              "passed over for another 30 s: hestiacp:8083: connection reset\n");
    EXPECT_EQ(text_of(talk.http.take_calls()), listed + added + added);
}

TEST(HestiaCp, SaysWhatIsWrongAndTakesAKeyInsteadOfAUser) {
    Talk talk;
    EXPECT_EQ(talk.error(), "nothing");
    talk.zone.name = "example.org";
    EXPECT_EQ(talk.error(), "v-list-dns-records: dns example.org doesn't exist");
    talk.zone.name = "example.com";
    talk.declared.user = "";
    EXPECT_EQ(talk.error(), "nothing");
    EXPECT_NE(talk.http.last().body.find("hash=s-e%26c%20r&"), std::string::npos);
    talk.declared.secret = "wrong";
    EXPECT_EQ(talk.error(), "v-list-dns-records: authentication failed");
    talk.declared.user = "admin";
    EXPECT_EQ(talk.error(), "v-list-dns-records: authentication failed");
    talk.declared.secret = "s-e&c r";
    talk.declared.zone_owner = "nobody";
    EXPECT_EQ(talk.error(), "v-list-dns-records: user nobody doesn't exist");
    talk.box.misbehaviour().add({.fault = sandbox::Fault::ErrorBefore});
    EXPECT_EQ(talk.error(), "v-list-dns-records: Internal Server Error");
}

}  // namespace
}  // namespace slipway
