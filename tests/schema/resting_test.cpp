// What was released: rests for its time, and is given out again after it. Released here by hand, in
// the rows themselves.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "schema/connection.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/contract/store_contract.h"
#include "tests/live/postgres_server.h"
#include "tests/live/skipping.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

class RestingOn : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        const bool postgresql = std::string(GetParam()) == "postgresql";
        if (postgresql)
            if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
        settings_.url = postgresql ? PostgresServer::shared().create_database()
                                   : "sqlite:" + (folder_.path() / "resting.db").string();
        migrate(settings_);
        store_ = open_store(settings_);
    }

    Store& store() { return *store_; }

    void release_address(std::string_view address, std::int64_t rests_until) {
        run(fmt::format("UPDATE ip_address SET rests_until = {} WHERE address = '{}'",
                        at(rests_until).time_since_epoch().count(),
                        address));
    }
    void release_number(std::int64_t number, std::int64_t rests_until) {
        run(fmt::format("UPDATE vmid SET state = 'released', rests_until = {} WHERE vmid = {}",
                        at(rests_until).time_since_epoch().count(),
                        number));
    }
    std::string read(std::string_view column, std::string_view from) {
        return Connection(settings_, Access::Read)
            .run_once(fmt::format("SELECT {} FROM {}", column, from), 1)
            .text(0, 0);
    }

    // What a VM holds after it has asked for addresses at that moment.
    std::string address_of(std::string_view id, int count, std::int64_t when) {
        PoolRanges a = pool("a", {"10.0.0.1-10.0.0.2", "10.0.0.5-10.0.0.6"});
        a.quarantine = std::chrono::seconds(60);
        Change change = claiming(load_or_begin(id), {{.count = count, .pools = {std::move(a)}}});
        return after(change, when);
    }
    std::string number_of(std::string_view id, std::vector<std::int64_t> taken, std::int64_t when) {
        const NumberClaim claim{.cluster = "pve",
                                .first = 100,
                                .last = 102,
                                .taken = std::move(taken),
                                .rest = std::chrono::seconds(5)};
        Change change = claiming(load_or_begin(id), claim);
        const bool is_left = store().has_number(claim, at(when));
        std::string number = after(change, when);
        EXPECT_EQ(is_left, !number.empty());
        return number;
    }

  private:
    Vm load_or_begin(std::string_view id) {
        const auto vm = load_one(store(), id);
        return vm ? *vm : begun(store(), id);
    }
    std::string after(Change& change, std::int64_t when) {
        change.log.ended = at(when);
        EXPECT_TRUE(save_one(store(), change).won);
        return holds(store(), change.next.service_id);
    }
    void run(const std::string& sql) { Connection(settings_, Access::Write).run_once(sql); }

    const TempFolder folder_;
    DatabaseSettings settings_;
    std::unique_ptr<Store> store_;
};

TEST_P(RestingOn, AnAddressIsFreeAgainOnceItHasRested) {
    address_of("1", 3, 0);
    release_address("10.0.0.1", 5000);
    release_address("10.0.0.2", 3000);
    EXPECT_EQ(holds(store(), "1"), "10.0.0.5 (a)");

    EXPECT_EQ(address_of("2", 1, 2999), "10.0.0.6 (a)");
    EXPECT_EQ(address_of("3", 1, 2999), "") << "what is left rests";
    EXPECT_EQ(address_of("3", 1, 3000), "10.0.0.2 (a)");
    EXPECT_EQ(address_of("1", 1, 6000), "10.0.0.5 (a), 10.0.0.1 (a)")
        << "place goes on after what it holds";
    EXPECT_EQ(address_of("4", 1, 9000), "");
}

TEST_P(RestingOn, TheLowestFreeAddressIsGivenWhetherItHasRestedOrIsNew) {
    address_of("1", 2, 0);
    release_address("10.0.0.2", 1000);

    EXPECT_EQ(address_of("2", 2, 2000), "10.0.0.2 (a), 10.0.0.5 (a)");
    EXPECT_EQ(address_of("3", 1, 2000), "10.0.0.6 (a)");
}

TEST_P(RestingOn, AnAddressThatIsGivenAgainIsWhollyItsNewVms) {
    address_of("1", 1, 0);
    release_address("10.0.0.1", 1000);

    address_of("2", 1, 2000);

    EXPECT_EQ(read("service_id || ' ' || run || ' ' || place || ' ' || quarantine || ' ' || "
                   "coalesce(rests_until, 0)",
                   "ip_address"),
              "2 1 1 60000000 0");
    EXPECT_EQ(read("count(*)", "ip_address"), "1");
    EXPECT_EQ(holds(store(), "1"), "");
}

// It was left out of the pool meanwhile.
TEST_P(RestingOn, AnAddressThatHasRestedIsNotGivenOutsideOfTheRanges) {
    Change change =
        claiming(begun(store(), "1"), {{.count = 3, .pools = {pool("a", {"10.0.0.1-10.0.0.9"})}}});
    save_one(store(), change);
    for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) release_address(address, 1000);

    EXPECT_EQ(address_of("2", 3, 2000), "10.0.0.1 (a), 10.0.0.2 (a), 10.0.0.5 (a)");
}

TEST_P(RestingOn, PoolsAreUsedByWhatIsHeldAndByWhatRests) {
    address_of("1", 3, 0);
    release_address("10.0.0.1", 1000);
    release_address("10.0.0.2", 3000);

    const std::vector<PoolUse> use = store().pool_use(at(2000));

    ASSERT_EQ(use.size(), 1U);
    EXPECT_EQ(fmt::format("{} {} {}", use[0].pool, use[0].held, use[0].resting), "a 1 1");
    const PoolUse within =
        store().pool_use({.pool = "a", .ranges = {parse_range("10.0.0.1-10.0.0.2")}}, at(2000));
    EXPECT_EQ(fmt::format("{} {}", within.held, within.resting), "0 1");
}

TEST_P(RestingOn, ANumberIsGivenAgainOnceNoneIsLeftAndItHasRested) {
    EXPECT_EQ(number_of("1", {}, 0), "number 100");
    EXPECT_EQ(number_of("2", {}, 0), "number 101");
    release_number(100, 5000);
    release_number(101, 3000);
    EXPECT_EQ(holds(store(), "1"), "");

    EXPECT_EQ(number_of("3", {}, 9000), "number 102") << "never given out before";
    EXPECT_EQ(number_of("4", {}, 2999), "");
    EXPECT_EQ(number_of("4", {101}, 4000), "") << "somebody has made a VM of it meanwhile";
    EXPECT_EQ(number_of("4", {}, 4000), "number 101");
    EXPECT_EQ(number_of("1", {}, 9000), "number 100");
    EXPECT_EQ(read("service_id || ' ' || state || ' ' || rest || ' ' || coalesce(rests_until, 0)",
                   "vmid WHERE vmid = 101"),
              "4 held 5000000 0");
}

INSTANTIATE_TEST_SUITE_P(Databases,
                         RestingOn,
                         testing::Values("sqlite", "postgresql"),
                         [](const auto& which) { return std::string(which.param); });

}  // namespace
}  // namespace slipway
