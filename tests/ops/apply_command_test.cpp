// slipway apply and slipway get, in this process, on SQLite in a file.

#include <gtest/gtest.h>

#include "consumers/inventory/inventory_book.h"
#include "consumers/inventory/inventory_json.h"
#include "ops/slipway/apply.h"
#include "ops/slipway/get.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/consumers/inventory/whole_inventory.h"
#include "tests/contract/store_contract.h"
#include "tests/live/temp_folder.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

class Declaring {
  public:
    Declaring() { migrate(settings_); }

    std::string apply(const std::string& yaml, const ApplyOptions& options = {}) {
        const auto store = open();
        return apply_inventory(
            {*store, box_, clock_}, parse_inventory(yaml, "inventory.yaml"), options);
    }
    std::string refusal(const std::string& yaml, const ApplyOptions& options = {}) {
        try {
            return "applied: " + apply(yaml, options);
        } catch (const Error& error) {
            return error.what();
        }
    }
    std::string get(const GetWanted& wanted, const std::vector<PoolUse>& use = {}) {
        return print_inventory(inventory_without_secrets(open()->inventory()), use, wanted);
    }
    std::unique_ptr<Store> open() { return open_store(settings_); }
    const SecretBox& box() const { return box_; }
    const Clock& clock() const { return clock_; }

  private:
    TempFolder folder_;
    DatabaseSettings settings_{.url = "sqlite:" + (folder_.path() / "slipway.db").string()};
    SecretBox box_{std::string(32, 'k')};
    SimClock clock_;
};

constexpr ApplyOptions dry = {.run = ApplyRun::Dry};
constexpr ApplyOptions removing = {.absent = Absent::Removed};

constexpr const char* all_new =
    "+ cluster lab\n"
    "+ template debian-12@lab\n"
    "+ package vps-start\n"
    "+ pool public\n"
    "+ dns_provider pdns\n"
    "+ zone example.com@pdns\n"
    "+ letter vm-ready\n";

TEST(Apply, DeclaresWhatIsNewOnce) {
    Declaring lab;

    EXPECT_EQ(lab.apply(small_inventory, dry),
              all_new + std::string("7 new, 0 changed, 0 removed, if it were not a dry run\n"));
    EXPECT_EQ(lab.open()->inventory_revision(), 0) << "a dry run changes nothing";

    EXPECT_EQ(lab.apply(small_inventory), all_new + std::string("7 new, 0 changed, 0 removed\n"));
    EXPECT_EQ(lab.apply(small_inventory), "nothing changes\n");
    EXPECT_EQ(lab.open()->inventory_revision(), 1);
}

TEST(Apply, ShowsWhatChangesButNoSecret) {
    Declaring lab;
    lab.apply(small_inventory);

    std::string yaml = small_with("=secret", "=other");
    yaml.replace(yaml.find("storage: local"), 14, "{size: 20G, storage: local}");

    EXPECT_EQ(lab.apply(yaml),
              "~ cluster lab\n"
              "    token: changed\n"
              "~ package vps-start\n"
              "    system_disk.size: 0G -> 20G\n"
              "0 new, 2 changed, 0 removed\n");
    EXPECT_EQ(inventory_of(lab.open()->inventory(), lab.box()).clusters[0].token,
              "root@pam!slipway=other");
}

TEST(Apply, KeepsWhatTheFileDoesNotNameUntilToldOtherwise) {
    Declaring lab;
    lab.apply(small_inventory);
    const std::string without_letter = small_inventory.substr(0, small_inventory.find("letters:"));

    EXPECT_EQ(lab.apply(without_letter),
              "kept: letter vm-ready is not in this file; --remove takes it out\n"
              "nothing changes\n");
    EXPECT_EQ(lab.apply(without_letter, removing),
              "- letter vm-ready\n"
              "0 new, 0 changed, 1 removed\n");
    EXPECT_EQ(lab.get({.what = "letters"}), "no letters declared; see slipway apply --help\n");
}

TEST(Apply, WakesWhoFailsWhenEveryProcessKnowsOfIt) {
    Declaring lab;
    const auto store = lab.open();
    Change failing = again(begun(*store, "fails"));
    failing.repeats = false;
    failing.next.failures = 3;
    failing.next.wake_at = lab.clock().now() + std::chrono::seconds(90);
    save_one(*store, failing);

    lab.apply(small_inventory);

    EXPECT_EQ(load_one(*store, "fails")->wake_at, lab.clock().now() + InventoryBook::good_for);
}

TEST(Apply, ChecksTheMergedWholeAndChangesNothingIfItIsWrong) {
    Declaring lab;
    lab.apply(small_inventory);

    EXPECT_EQ(lab.refusal("packages:\n"
                          "  - name: vps-big\n"
                          "    cluster: lab\n"
                          "    template: debian-12\n"
                          "    system_disk:\n"
                          "      storage: ceph\n"
                          "pools:\n"
                          "  - name: public\n"
                          "    cluster: lab\n"
                          "    bridge: vmbr0\n"
                          "    vlan: 4\n"
                          "    network: 10.0.0.0/24\n"
                          "    gateway: 10.0.9.1\n"
                          "    range: 10.0.0.2\n"),
              "inventory.yaml:6: packages.vps-big.system_disk.storage: there is no storage ceph "
              "(cluster lab)\n"
              "inventory.yaml:13: pools.public.gateway: 10.0.9.1 is outside the network "
              "10.0.0.0/24");
    EXPECT_EQ(lab.open()->inventory_revision(), 1);
    EXPECT_EQ(lab.refusal("", removing),
              "applied: "
              "- cluster lab\n- template debian-12@lab\n"
              "- package vps-start\n- pool public\n"
              "- dns_provider pdns\n- zone example.com@pdns\n"
              "- letter vm-ready\n0 new, 0 changed, 7 removed\n");
}

TEST(Apply, SaysWhichDeclarationOutsideTheFileIsBroken) {
    Declaring lab;
    lab.apply(small_inventory);

    EXPECT_EQ(lab.refusal("clusters:\n"
                          "  - name: lab\n"
                          "    endpoints: https://pve1:8006\n"),
              "inventory.yaml: packages.vps-start.system_disk.storage: there is no storage local "
              "(cluster lab)");
}

TEST(Apply, RefusesToRemoveWhatVmsHave) {
    Declaring lab;
    lab.apply(small_inventory);
    const auto store = lab.open();
    Change change = step_to(begun(*store, "5546"), "set_ip");
    change.changes_detail = true;
    change.next.cluster = "lab";
    change.next.product = "vps-start";
    save_one(*store, change);

    const std::string without_package =
        small_inventory.substr(0, small_inventory.find("packages:"));

    const std::string why = lab.refusal(without_package, removing);
    EXPECT_EQ(why,
              "nothing was changed, since what VMs have cannot be removed:\n"
              "    package vps-start is in use: 1 VMs have it");
    EXPECT_EQ(store->inventory_revision(), 1);
}

// Somebody else applies between our reading and our writing.
TEST(Apply, SaysWhoCameFirst) {
    Declaring lab;
    lab.apply(small_inventory);
    const auto store = lab.open();
    const InventoryPlan plan =
        plan_inventory(inventory_of(store->inventory(), lab.box()),
                       parse_inventory(small_with("vmid: 9000", "vmid: 9001"), "a"),
                       Absent::Kept);
    lab.apply(small_with("vmid: 9000", "vmid: 9002"));

    EXPECT_FALSE(store->change_inventory(
        plan.revision, rows_to_put(plan, lab.box()), {}, lab.clock().now()));
    EXPECT_EQ(inventory_of(store->inventory(), lab.box()).templates[0].vmid, 9'002);
}

TEST(Apply, WithoutAKeyRefusesSecretsAndSaysWhatToDo) {
    Declaring lab;
    const auto store = lab.open();
    const SecretBox none;
    try {
        apply_inventory({*store, none, lab.clock()}, parse_inventory(small_inventory, "a"), {});
        FAIL() << "applied";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("set secrets.key_file"), std::string::npos);
    }
    EXPECT_EQ(store->inventory_revision(), 0);
}

TEST(Get, PrintsPoolsWithTheirUsage) {
    Declaring lab;
    lab.apply(small_inventory);

    EXPECT_EQ(lab.get({.what = "pools"}, {{.pool = "public", .held = 7, .resting = 1}}),
              "POOL    CLUSTER  BRIDGE  VLAN  RANGE               USED\n"
              "public  lab      vmbr0   0     10.0.0.2-10.0.0.30  27.59% (8/29)\n");
    EXPECT_EQ(usage_text(0, 0), "0.00% (0/0)");
}

TEST(Get, PrintsWhatApplyTakes) {
    Declaring lab;
    lab.apply(small_inventory);

    const std::string yaml = lab.get({.what = "all", .form = GetForm::Yaml});

    EXPECT_EQ(yaml.find("secret"), std::string::npos) << yaml;
    EXPECT_EQ(lab.apply(yaml, removing), "nothing changes\n") << yaml;
}

TEST(Get, PrintsOneThingWhole) {
    Declaring lab;
    lab.apply(small_inventory);

    EXPECT_EQ(lab.get({.what = "templates", .name = "debian-12", .form = GetForm::Json}),
              "{\n"
              "  \"templates\": [\n"
              "    {\n"
              "      \"name\": \"debian-12\",\n"
              "      \"cluster\": \"lab\",\n"
              "      \"vmid\": 9000\n"
              "    }\n"
              "  ]\n"
              "}\n");
    EXPECT_EQ(lab.get({.what = "dns"}),
              "DNS PROVIDER  KIND      URL\n"
              "pdns          powerdns  http://dns:8081\n"
              "\n"
              "ZONE              TTL  NETWORK\n"
              "example.com@pdns  300  -\n");
}

TEST(Get, SaysWhatThereIsInstead) {
    Declaring lab;
    lab.apply(small_inventory);

    try {
        lab.get({.what = "packages", .name = "vps-strat"});
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "there is no vps-strat among the packages; did you mean vps-start?");
    }
}

}  // namespace
}  // namespace slipway
