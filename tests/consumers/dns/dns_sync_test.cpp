#include "consumers/dns/dns.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "tests/consumers/dns/box_http.h"
#include "tests/consumers/dns/dns_text.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using sandbox::DnsBoxKind;

// Two PowerDNS, both with a forward and a reverse zone, and a VM of five addresses.
struct House {
    SimClock clock = {};
    BoxHttp http{clock};
    Dns dns{http, clock, {.providers_at_once = 1}};
    Inventory inventory = {};
    DnsWanted wanted{.name = "vm1.example.com"};
    std::vector<DnsRecordRow> rows = {};

    House() {
        for (const std::string name : {"pdns-1", "pdns-2"}) {
            http.add(name,
                     {.kind = DnsBoxKind::PowerDns,
                      .secret = "s-e-c",
                      .zones = {"example.com", "2.0.192.in-addr.arpa"}});
            inventory.dns_providers.push_back(
                {.name = name, .url = "http://" + name + ":8081", .secret = "s-e-c"});
            inventory.zones.push_back({.name = "example.com", .provider = name});
            inventory.zones.push_back({.name = "2.0.192.in-addr.arpa", .provider = name});
        }
        give({5, 6, 7, 8, 9});
    }

    void give(const std::vector<int>& last_octets) {
        wanted.addresses.clear();
        for (const int octet : last_octets)
            wanted.addresses.push_back(parse_address("192.0.2." + std::to_string(octet)));
        wanted.ipv4 =
            wanted.addresses.empty() ? std::optional<IpAddress>() : wanted.addresses.front();
    }
    DnsPlan plan() const { return plan_dns(inventory, wanted); }
    Deadline soon() const { return {clock.since_boot() + 20s}; }

    using Way = DnsDone (Dns::*)(const DnsOrder&);
    // Keeps the rows, as the step's commit would.
    DnsDone go(Way way = &Dns::sync) {
        const DnsPlan now = plan();
        DnsDone done = (dns.*way)({inventory, now, rows, soon()});
        rows = done.records;
        return done;
    }
};

const std::string five_lines = R"(fwd OK [pdns-1] example.com ← vm1.example.com (1 IP)
fwd OK [pdns-2] example.com ← vm1.example.com (1 IP)
rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.5 → vm1.example.com
rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.6 → vm1.example.com
rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.7 → vm1.example.com
rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.8 → vm1.example.com
rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.9 → vm1.example.com
rev OK [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.5 → vm1.example.com
rev OK [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.6 → vm1.example.com
rev OK [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.7 → vm1.example.com
rev OK [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.8 → vm1.example.com
rev OK [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.9 → vm1.example.com
)";

TEST(Dns, TakesFourCallsForFiveAddressesOnTwoProviders) {
    House house;

    const DnsDone done = house.go();

    EXPECT_EQ(house.http.take_calls().size(), 4U);
    EXPECT_EQ(text_of(done.lines), five_lines);
    EXPECT_EQ(text_of(done.errors), "");
    EXPECT_EQ(done.records.size(), 12U);
    EXPECT_EQ(house.http.box("pdns-1").print(), house.http.box("pdns-2").print());
}

TEST(Dns, AsksNobodyWhenNothingChanged) {
    House house;
    house.go();
    const std::vector<DnsRecordRow> before = house.rows;
    house.http.take_calls();

    const DnsDone again = house.go();

    EXPECT_EQ(again, (DnsDone{.records = before, .lines = {}, .errors = {}}));
    EXPECT_EQ(text_of(house.http.take_calls()), "");
}

TEST(Dns, WritesOnlyWhatDiffersAndRemovesWhatIsNoLongerWanted) {
    House house;
    house.inventory.zones.erase(house.inventory.zones.begin() + 2, house.inventory.zones.end());
    house.give({5, 6});
    house.go();
    house.http.take_calls();
    house.give({5, 7});

    const DnsDone done = house.go();

    EXPECT_EQ(text_of(done.lines),
              "rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.7 → vm1.example.com\n"
              "rev-del OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.6\n");
    EXPECT_EQ(house.http.take_calls().size(), 1U);
    EXPECT_EQ(text_of(done.records),
              "pdns-1 example.com: vm1.example.com 300 A 192.0.2.5\n"
              "pdns-1 2.0.192.in-addr.arpa: 5.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n"
              "pdns-1 2.0.192.in-addr.arpa: 7.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n");
    EXPECT_EQ(house.http.box("pdns-1").print(),
              "2.0.192.in-addr.arpa\n"
              "  5.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n"
              "  7.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n"
              "example.com\n"
              "  vm1.example.com 300 A 192.0.2.5\n");
}

TEST(Dns, KeepsTheRowsOfWhatFailedAndMendsItTheNextTime) {
    House house;
    house.give({5});
    house.go();
    const std::vector<DnsRecordRow> before = house.rows;
    house.give({6});
    house.http.pull_the_plug("pdns-2");

    const DnsDone done = house.go();

    EXPECT_EQ(text_of(done.lines),
              "fwd OK [pdns-1] example.com ← vm1.example.com (1 IP)\n"
              "fwd ERR [pdns-2] example.com ← vm1.example.com: pdns-2:8081: connection refused\n"
              "rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.6 → vm1.example.com\n"
              "rev-del OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.5\n"
              "rev ERR [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.6: passed over for another 30 s: "
              "pdns-2:8081: connection refused\n"
              "rev-del ERR [pdns-2] 2.0.192.in-addr.arpa ← 192.0.2.5: passed over for another 30 "
              "s: pdns-2:8081: connection refused\n");
    EXPECT_EQ(text_of(done.errors),
              "pdns-2, example.com: pdns-2:8081: connection refused\n"
              "pdns-2, 2.0.192.in-addr.arpa: passed over for another 30 s: pdns-2:8081: connection "
              "refused\n");
    EXPECT_EQ(text_of(done.records),
              "pdns-1 example.com: vm1.example.com 300 A 192.0.2.6\n"
              "pdns-2 example.com: vm1.example.com 300 A 192.0.2.5\n"
              "pdns-1 2.0.192.in-addr.arpa: 6.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n"
              "pdns-2 2.0.192.in-addr.arpa: 5.2.0.192.in-addr.arpa 300 PTR vm1.example.com\n");
    house.http.plug_in("pdns-2");
    house.clock.advance(30s);
    EXPECT_EQ(text_of(house.go().errors), "");
    EXPECT_EQ(house.http.box("pdns-2").print(), house.http.box("pdns-1").print());
}

TEST(Dns, PassesOverASickProviderForHalfAMinute) {
    House house;
    house.http.box("pdns-1").misbehaviour().add({.fault = sandbox::Fault::Slow, .times = 0});
    const auto began = house.clock.since_boot();

    EXPECT_EQ(house.go().errors.front(), "pdns-1, example.com: pdns-1:8081: timeout");
    EXPECT_EQ(house.clock.since_boot() - began, 5s) << "one timeout, and not one per zone";
    house.http.take_calls();
    house.clock.advance(5s);
    EXPECT_EQ(text_of(house.go().errors),
              "pdns-1, example.com: passed over for another 25 s: pdns-1:8081: timeout\n"
              "pdns-1, 2.0.192.in-addr.arpa: passed over for another 25 s: pdns-1:8081: timeout\n");
    EXPECT_EQ(error_of([&] { house.dns.check(house.inventory, house.inventory.zones[0]); }),
              "pdns-1: passed over for another 25 s: pdns-1:8081: timeout");
    EXPECT_EQ(text_of(house.http.take_calls()), "");
    house.clock.advance(25s);
    house.go();
    EXPECT_EQ(house.http.take_calls().size(), 1U) << "one looks, and finds it sick still";
    house.http.box("pdns-1").misbehaviour().clear();
    house.clock.advance(30s);
    EXPECT_EQ(text_of(house.go().errors), "");
}

TEST(Dns, ForgetsTheSicknessOfAProviderThatIsDeclaredAnew) {
    House house;
    house.http.pull_the_plug("pdns-1");
    house.go();
    house.http.plug_in("pdns-1");
    house.inventory.dns_providers[0].timeout = 4s;

    EXPECT_EQ(text_of(house.go().errors), "");
}

TEST(Dns, ChangesNothingAfterTheDeadline) {
    House house;
    const DnsPlan plan = house.plan();
    const Deadline deadline = house.soon();
    house.clock.advance(20s);

    const DnsDone done = house.dns.sync({house.inventory, plan, {}, deadline});

    EXPECT_EQ(text_of(house.http.take_calls()), "");
    EXPECT_EQ(text_of(done.records), "");
    EXPECT_EQ(
        done.errors.front(),
        "pdns-1, example.com: the step's deadline passed before it could act; it looks again");
}

TEST(Dns, MendsWhatIsServedWhateverTheRowsSay) {
    House house;
    house.inventory.zones.pop_back();
    house.give({5});
    house.go();
    house.go(&Dns::remove);
    house.http.box("pdns-1").add_record(
        "example.com", {.name = "vm1.example.com", .type = "AAAA", .value = "2001:db8::9"});
    house.http.box("pdns-2").add_record(
        "example.com", {.name = "vm1.example.com", .type = "A", .value = "192.0.2.5"});
    house.http.take_calls();

    const DnsDone done = house.go(&Dns::mend);

    EXPECT_EQ(text_of(done.lines),
              "fwd OK [pdns-1] example.com ← vm1.example.com (1 IP)\n"
              "fwd-del OK [pdns-1] example.com ← vm1.example.com\n"
              "rev OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.5 → vm1.example.com\n");
    EXPECT_EQ(house.http.take_calls().size(), 5U);
    EXPECT_EQ(done.records.size(), 3U);
    EXPECT_EQ(text_of(house.go(&Dns::mend).lines), "");
}

TEST(Dns, CountsWhatItCouldNotReadAsFailed) {
    House house;
    house.give({5});
    house.go();
    const std::vector<DnsRecordRow> before = house.rows;
    house.http.pull_the_plug("pdns-1");
    house.http.pull_the_plug("pdns-2");

    const DnsDone done = house.go(&Dns::mend);

    EXPECT_EQ(done.lines.size(), 4U);
    EXPECT_EQ(text_of(done.records), text_of(before));
}

TEST(Dns, RemovesEverythingOfAVmWithOrWithoutRows) {
    House house;
    house.inventory.zones.resize(2);
    house.give({5});
    house.go();
    house.http.box("pdns-1").add_record(
        "example.com", {.name = "vm2.example.com", .type = "A", .value = "192.0.2.9"});
    house.rows.clear();
    house.http.take_calls();

    const DnsDone done = house.go(&Dns::remove);

    EXPECT_EQ(text_of(done.lines),
              "fwd-del OK [pdns-1] example.com ← vm1.example.com\n"
              "rev-del OK [pdns-1] 2.0.192.in-addr.arpa ← 192.0.2.5\n");
    EXPECT_EQ(text_of(done.records), "");
    EXPECT_EQ(house.http.take_calls().size(), 2U);
    EXPECT_EQ(house.http.box("pdns-1").print(),
              "2.0.192.in-addr.arpa\nexample.com\n  vm2.example.com 300 A 192.0.2.9\n");
}

TEST(Dns, LeavesRecordsAloneWhoseZoneIsDeclaredNoMore) {
    House house;
    house.inventory.zones.resize(2);
    house.give({5});
    house.go();
    const std::vector<DnsRecordRow> before = house.rows;
    house.inventory.zones.erase(house.inventory.zones.begin());

    const DnsDone done = house.go();

    EXPECT_EQ(text_of(done.errors),
              "pdns-1, example.com: this zone is declared no more, so its records stay there\n");
    EXPECT_EQ(done.records.size(), before.size());
}

TEST(Dns, SaysWhatDrifted) {
    House house;
    house.inventory.zones.resize(3);
    house.give({5});
    house.go();
    house.http.box("pdns-1").add_record(
        "example.com", {.name = "vm1.example.com", .type = "AAAA", .value = "2001:db8::9"});
    house.give({6});
    house.http.pull_the_plug("pdns-2");

    std::string text;
    for (const DnsDrift& drift : house.dns.drift(house.inventory, house.plan()))
        text += print(drift) + "\n";

    EXPECT_EQ(text,
              "differs [pdns-1] example.com: A vm1.example.com is 192.0.2.5 (ttl 300), should be "
              "192.0.2.6 (ttl 300)\n"
              "extra [pdns-1] example.com: AAAA vm1.example.com is 2001:db8::9 (ttl 300)\n"
              "unknown [pdns-2] example.com: pdns-2:8081: connection refused\n"
              "missing [pdns-1] 2.0.192.in-addr.arpa: PTR 6.2.0.192.in-addr.arpa should be "
              "vm1.example.com (ttl 300)\n");
}

// Both are on their way at once: each answers only when the other has been asked.
TEST(Dns, AsksProvidersSideBySide) {
    struct Meeting final : Http {
        BoxHttp& boxes;
        std::mutex mutex;
        std::condition_variable came;
        std::set<std::string> here;
        explicit Meeting(BoxHttp& b) : boxes(b) {}
        HttpAnswer send(const HttpRequest& request) override {
            std::unique_lock lock(mutex);
            here.insert(parse_url(request.url).host);
            came.notify_all();
            const bool met = came.wait_for(lock, 10s, [&] { return here.size() == 2; });
            if (!met) throw HttpError(Sent::No, "nobody else came");
            return boxes.send(request);
        }
    };
    House house;
    Meeting meeting(house.http);
    Dns dns(meeting, house.clock, {.providers_at_once = 2});
    const DnsPlan plan = house.plan();

    const DnsDone done = dns.sync({house.inventory, plan, {}, house.soon()});

    EXPECT_EQ(text_of(done.lines), five_lines);
}

}  // namespace
}  // namespace slipway
