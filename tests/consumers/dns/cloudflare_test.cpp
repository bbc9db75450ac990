#include "consumers/dns/cloudflare.h"

#include <gtest/gtest.h>

#include "tests/consumers/dns/box_http.h"
#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

struct Talk {
    SimClock clock = {};
    BoxHttp http{clock};
    sandbox::DnsBox& box = http.add("api.cloudflare.com",
                                    {.kind = sandbox::DnsBoxKind::Cloudflare,
                                     .secret = "s-e-c",
                                     .zones = {"example.com", "2.0.192.in-addr.arpa"}});
    DeclaredDnsProvider declared{
        .name = "cloudflare", .kind = DnsKind::Cloudflare, .secret = "s-e-c"};
    DeclaredZone zone{.name = "example.com", .provider = "cloudflare"};

    std::string write(Cloudflare& cloudflare, const std::vector<DnsSet>& sets) {
        return text_of(cloudflare.write(zone, sets, {clock.since_boot() + 20s}));
    }
    std::string error() {
        Cloudflare cloudflare(http, clock, declared);
        return error_of([&] { cloudflare.check(zone); });
    }
    // "zones, dns_records, batch": the last part of each path.
    std::string calls() {
        std::string text;
        for (const std::string& call : http.take_calls())
            text += (text.empty() ? "" : ", ") + call.substr(call.rfind('/') + 1);
        return text;
    }
};

DnsSet a_of(const std::string& name, std::vector<std::string> values) {
    return {.name = name, .type = DnsType::A, .ttl = 300, .values = std::move(values)};
}

TEST(Cloudflare, LooksUpAZoneOnceAndWritesInOneBatch) {
    Talk talk;
    Cloudflare cloudflare(talk.http, talk.clock, talk.declared);
    talk.box.add_record("example.com",
                        {.name = "vm1.example.com", .type = "A", .value = "192.0.2.1"});
    talk.box.add_record(
        "example.com",
        {.name = "vm1.example.com", .type = "A", .value = "192.0.2.5", .ttl = 1, .proxied = true});
    talk.box.add_record("example.com", {.name = "vm1.example.com", .type = "MX", .value = "mail"});

    EXPECT_EQ(talk.write(cloudflare,
                         {a_of("vm1.example.com", {"192.0.2.5", "192.0.2.6"}),
                          {.name = "vm1.example.com",
                           .type = DnsType::Aaaa,
                           .ttl = 60,
                           .values = {"2001:db8::5"}}}),
              "ok\nok\n");
    EXPECT_EQ(talk.calls(), "zones, dns_records, batch");
    EXPECT_EQ(talk.box.print(),
              "2.0.192.in-addr.arpa\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n"
              "  vm1.example.com 300 A 192.0.2.6\n"
              "  vm1.example.com 300 MX mail\n"
              "  vm1.example.com 60 AAAA 2001:db8::5\n");
    EXPECT_EQ(talk.write(cloudflare,
                         {a_of("vm1.example.com", {}), a_of("vm2.example.com", {"192.0.2.7"})}),
              "ok\nok\n");
    EXPECT_EQ(talk.calls(), "dns_records, batch");
    EXPECT_EQ(talk.write(cloudflare, {a_of("vm2.example.com", {"192.0.2.7"})}), "ok\n");
    EXPECT_EQ(talk.calls(), "dns_records") << "what is so already is not written";
}

TEST(Cloudflare, ReadsManyNamesByWhatTheyEndWith) {
    Talk talk;
    talk.zone.name = "2.0.192.in-addr.arpa";
    Cloudflare cloudflare(talk.http, talk.clock, talk.declared);
    for (int i = 1; i <= 4; ++i)
        talk.box.add_record("2.0.192.in-addr.arpa",
                            {.name = std::to_string(i) + ".2.0.192.in-addr.arpa",
                             .type = "PTR",
                             .value = "vm" + std::to_string(i) + ".example.com"});
    const std::vector<std::string> names = {"2.2.0.192.in-addr.arpa", "4.2.0.192.in-addr.arpa"};

    EXPECT_EQ(text_of(cloudflare.read(talk.zone, names)),
              "2.2.0.192.in-addr.arpa 300 PTR [vm2.example.com]\n"
              "4.2.0.192.in-addr.arpa 300 PTR [vm4.example.com]\n");
    EXPECT_NE(talk.http.last().url.find("name.endswith=2.0.192.in-addr.arpa&"), std::string::npos);
    EXPECT_EQ(talk.calls(), "zones, dns_records");
}

TEST(Cloudflare, FindsTheSetThatIsRefused) {
    Talk talk;
    Cloudflare cloudflare(talk.http, talk.clock, talk.declared);
    talk.box.add_record("example.com",
                        {.name = "b.example.com", .type = "CNAME", .value = "www.example.com"});
    DnsSet hasty = a_of("c.example.com", {"192.0.2.7"});
    hasty.ttl = 30;

    EXPECT_EQ(
        talk.write(
            cloudflare,
            {a_of("a.example.com", {"192.0.2.5"}), a_of("b.example.com", {"192.0.2.6"}), hasty}),
        "ok\n"
        "400 An A, AAAA, or CNAME record with that host already exists. (code 81053)\n"
        "400 Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic. (code "
        "9021)\n");
    EXPECT_EQ(talk.calls(), "zones, dns_records, batch, batch, batch, batch");
}

// Another process makes the same record between our look and our batch.
TEST(Cloudflare, TakesWhatSomebodyElseMadeMeanwhile) {
    Talk talk;
    Cloudflare cloudflare(talk.http, talk.clock, talk.declared);
    struct Meanwhile final : Http {
        Talk& talk;
        bool is_done = false;
        explicit Meanwhile(Talk& t) : talk(t) {}
        HttpAnswer send(const HttpRequest& request) override {
            if (request.method == "POST" && !std::exchange(is_done, true))
                talk.box.add_record("example.com",
                                    {.name = "vm1.example.com", .type = "A", .value = "192.0.2.5"});
            return talk.http.send(request);
        }
    } meanwhile(talk);
    Cloudflare disturbed(meanwhile, talk.clock, talk.declared);

    EXPECT_EQ(talk.write(
                  disturbed,
                  {a_of("vm1.example.com", {"192.0.2.5"}), a_of("vm2.example.com", {"192.0.2.6"})}),
              "ok\nok\n");
    EXPECT_EQ(talk.box.print(),
              "2.0.192.in-addr.arpa\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n"
              "  vm2.example.com 300 A 192.0.2.6\n");
}

TEST(Cloudflare, SendsNoMoreInABatchThanTheSmallestPlanTakes) {
    Talk talk;
    Cloudflare cloudflare(talk.http, talk.clock, talk.declared);
    DnsSet big = a_of("vm1.example.com", {});
    for (int i = 0; i < 250; ++i) big.values.push_back("192.0.2." + std::to_string(i));

    EXPECT_EQ(talk.write(cloudflare, {big}), "ok\n");
    EXPECT_EQ(talk.calls(), "zones, dns_records, batch, batch");
}

TEST(Cloudflare, SaysWhatIsWrongWithoutTheSecret) {
    Talk talk;
    EXPECT_EQ(talk.error(), "nothing");
    talk.zone.name = "example.org";
    EXPECT_EQ(talk.error(),
              "the token sees no zone example.org; it needs Zone:Read and DNS:Edit for that zone");
    talk.zone.id = "0123456789abcdef0123456789abcdef";
    EXPECT_EQ(talk.error(),
              "404 Could not route to /zones/0123456789abcdef0123456789abcdef, perhaps your object "
              "identifier is invalid? (code 7003)");
    talk.declared.secret = "wrong";
    EXPECT_EQ(talk.error(), "403 Invalid access token (code 9109)");
    talk.declared.secret = "s-e-c";
    talk.box.misbehaviour().add({.fault = sandbox::Fault::ErrorBefore});
    EXPECT_EQ(talk.error(), "500 its answer is not Cloudflare's");
}

}  // namespace
}  // namespace slipway
