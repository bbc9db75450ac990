// slipway dns check, in this process: SQLite in a file, DNS providers in boxes behind plain HTTP.

#include "ops/slipway/dns_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "consumers/http/net_http.h"
#include "ops/sandbox/dns_box.h"
#include "ops/sandbox/server.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/contract/store_contract.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

struct Provider {
    explicit Provider(const std::string& called)
        : name(called),
          box({.kind = sandbox::DnsBoxKind::PowerDns, .secret = "k", .zones = {"example.com"}}),
          server(std::make_unique<sandbox::Server>(
              [this](const sandbox::Request& request, auto) { return box.answer(request); },
              sandbox::ServerSettings{.place = {"127.0.0.1", 0}, .wire = sandbox::Wire::Plain})) {}

    const std::string name;
    sandbox::DnsBox box;
    std::unique_ptr<sandbox::Server> server;
};

class Town {
  public:
    Town() {
        migrate(settings_);
        store_ = open_store(settings_);
        for (Provider* provider : {&one, &two}) {
            inventory.dns_providers.push_back(
                {.name = provider->name, .url = provider->server->url(), .secret = "k"});
            inventory.zones.push_back({.name = "example.com", .provider = provider->name});
        }
    }

    // A VM with one address that stands at `state`, and its records as its step would write them.
    void has(const std::string& service, const std::string& state, const std::string& address) {
        begun(*store_, service);
        const Vm vm = *load_one(*store_, service);
        save_one(*store_, claiming(vm, {{.count = 1, .pools = {pool("p", {address})}}}));
        Change change = step_to(*load_one(*store_, service), state);
        change.next.pipeline = "deploy";
        change.next.domain = service + ".example.com";
        change.changes_detail = true;
        save_one(*store_, change);
    }
    void serve(Provider& provider, const std::string& name, const std::string& address) {
        provider.server->while_nobody_asks([&] {
            provider.box.add_record("example.com", {.name = name, .type = "A", .value = address});
        });
    }

    DnsChecked all() {
        return check_dns({*store_, dns_, inventory}, [&](std::int64_t vms) { seen = vms; });
    }
    std::string check() { return print(all()); }
    std::string check_of(const std::string& service) {
        return print(check_dns_of({*store_, dns_, inventory}, service));
    }

    Provider one{"one"};
    Provider two{"two"};
    Inventory inventory = {};
    std::int64_t seen = 0;

  private:
    SystemClock clock_;
    TempFolder folder_;
    DatabaseSettings settings_{.url = "sqlite:" + (folder_.path() / "slipway.db").string()};
    std::unique_ptr<Store> store_;
    NetHttp http_{clock_};
    Dns dns_{http_, clock_};
};

TEST(DnsCheck, SaysWhatIsMissingAndWhatIsNot) {
    Town town;
    town.has("a", "ready", "192.0.2.5");
    town.has("b", "set_dns", "192.0.2.6");
    for (Provider* provider : {&town.one, &town.two})
        town.serve(*provider, "a.example.com", "192.0.2.5");
    town.serve(town.one, "b.example.com", "192.0.2.99");

    EXPECT_EQ(town.check(),
              "differs [one] example.com: A b.example.com is 192.0.2.99 (ttl 300), should be "
              "192.0.2.6 (ttl 300)\n"
              "missing [two] example.com: A b.example.com should be 192.0.2.6 (ttl 300)\n"
              "VMs looked at: 2; differences: 2\n");
    EXPECT_EQ(town.seen, 2);
    EXPECT_EQ(town.check_of("a"), "VMs looked at: 1; the providers serve what they should\n");
}

TEST(DnsCheck, LeavesOutWhoHasNotComeToItsRecordsYet) {
    Town town;
    town.has("a", "set_ip", "192.0.2.5");
    town.has("b", "clone", "192.0.2.6");
    town.has("c", "creation", "192.0.2.7");

    EXPECT_EQ(town.check(), "VMs looked at: 0; the providers serve what they should\n");
}

TEST(DnsCheck, SaysOnceWhichZoneCannotBeReached) {
    Town town;
    const std::string address = town.two.server->url().substr(std::string("http://").size());
    town.two.server.reset();
    town.inventory.zones.push_back({.name = "example.org", .provider = "one"});

    const std::string expected =
        "unknown [two] example.com: " + address + ": Connection refused\n" +
        "unknown [one] example.org: it has no zone example.org, or is no server localhost (404)\n"
        "VMs looked at: 0; differences: 2\n";
    EXPECT_EQ(town.check(), expected);
}

TEST(DnsCheck, LooksAtMoreVmsThanItAsksAboutAtOnce) {
    Town town;
    town.two.server.reset();
    for (int i = 0; i < 501; ++i)
        town.has(fmt::format("vm{:03}", i),
                 "ready",
                 fmt::format("192.0.{}.{}", 2 + i / 250, 1 + i % 250));

    const DnsChecked checked = town.all();

    EXPECT_EQ(checked.vms, 501);
    EXPECT_EQ(checked.drifts.size(), 502U) << "missing at one, and one line about the other";
    EXPECT_EQ(town.seen, 501);
}

TEST(DnsCheck, KnowsWhomItIsAskedAbout) {
    Town town;
    try {
        town.check_of("x");
        ADD_FAILURE() << "it found somebody";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "there is no service x; `slipway vm list` shows who is here");
    }
}

}  // namespace
}  // namespace slipway
