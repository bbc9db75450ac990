// What is true of PostgreSQL alone: plans, pages, passwords, a server that goes away.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "schema/connection.h"
#include "schema/conninfo.h"
#include "schema/migrate.h"
#include "schema/sql_rows.h"
#include "schema/sql_store.h"
#include "tests/contract/store_contract.h"
#include "tests/live/postgres_server.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

class PostgresqlStore : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
        the_settings.url = PostgresServer::shared().create_database();
        migrate(the_settings);
        the_store = open_store(the_settings);
    }

    // One row and one column, as nobody's store would ask.
    std::int64_t ask(const std::string& query) {
        return Connection(the_settings, Access::Write).run_once(query, 1).number(0, 0);
    }

    // 20,000 VMs in `ready` with a wake_at made of n.
    void fill(const std::string& wake_at) {
        Connection(the_settings, Access::Write)
            .run_once("INSERT INTO vm SELECT 'vm' || n, 'deploy', 'ready', '', 1, 1, " + wake_at +
                      ", 0, 0, 0, '', 0, 0, '', '' FROM generate_series(1, 20000) AS n");
    }

    DatabaseSettings the_settings;
    std::unique_ptr<Store> the_store;
};

std::string thrown_by(const auto& action) {
    try {
        action();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing";
}

// What rests is in no index that the sweep reads, so that a million such rows cost it nothing.
TEST_F(PostgresqlStore, RowsAtRestAreNotInTheIndexThatDueReads) {
    fill("NULL");

    EXPECT_TRUE(the_store->take_due(at(0), at(1), 2000).empty());
    EXPECT_FALSE(the_store->next_wake());

    EXPECT_LE(ask("SELECT pg_relation_size('vm_wake_at')"), 8192);
    EXPECT_EQ(ask("SELECT count(*) FROM pg_indexes WHERE tablename = 'vm' "
                  "AND indexdef LIKE '%wake_at%'"),
              1);
}

TEST_F(PostgresqlStore, DueReadsAFewPagesOfItsIndexWhenNothingIsDue) {
    fill("CASE WHEN n % 10 = 0 THEN 9000000 + n END");
    std::string query = take_due_sql(Dialect::PostgreSql).text;
    for (const char* name : {":now", ":most", ":until"})
        query.replace(query.find(name), std::string_view(name).size(), "5");

    const Rows rows = Connection(the_settings, Access::Write)
                          .run_once("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query, 1);

    const std::string& plan = rows.text(0, 0);
    EXPECT_NE(plan.find("vm_wake_at"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("\"Sort\""), std::string::npos) << plan;
    const auto touched = nlohmann::json::parse(plan)[0]["Plan"];
    EXPECT_LE(touched["Shared Hit Blocks"].get<int>() + touched["Shared Read Blocks"].get<int>(), 5)
        << plan;
}

TEST_F(PostgresqlStore, AStepThatLeavesWakeAtAloneStaysOnItsPage) {
    constexpr int steps = 200;
    Vm vm = begun(*the_store, "5546");
    for (int i = 0; i < steps; ++i) {
        const Change change = step_to(vm, i % 2 == 0 ? "set_ip" : "clone");
        ASSERT_TRUE(save_one(*the_store, change).won);
        vm = change.next;
    }
    the_store.reset();  // a session reports its counts when it ends

    const std::string counts = "FROM pg_stat_user_tables WHERE relname = 'vm'";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (ask("SELECT n_tup_upd " + counts) < steps &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    EXPECT_EQ(ask("SELECT n_tup_upd " + counts), steps);
    EXPECT_GE(ask("SELECT n_tup_hot_upd " + counts), steps * 9 / 10);
}

// A server of its own, which may go away.
class PostgresqlRestarts : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
        the_server = std::make_unique<PostgresServer>();
        const DatabaseSettings settings{.url = the_server->create_database()};
        migrate(settings);
        the_store = open_store(settings);
    }

    std::unique_ptr<PostgresServer> the_server;
    std::unique_ptr<Store> the_store;
};

TEST_F(PostgresqlRestarts, TheNextCallAfterALostServerWorks) {
    const Vm vm = begun(*the_store, "5546");

    the_server->kill9();
    EXPECT_NE(thrown_by([&] { load_one(*the_store, "5546"); }), "nothing");
    EXPECT_NE(thrown_by([&] { save_one(*the_store, step_to(vm, "set_ip")); }), "nothing");
    the_server->start();

    EXPECT_EQ(load_one(*the_store, "5546")->state, "creation");
    EXPECT_TRUE(save_one(*the_store, step_to(vm, "set_ip")).won);
}

// Every idle connection has lost the same server: one call fails, not one for each of them. What
// the failed call was about is found out by looking.
TEST_F(PostgresqlRestarts, OneCallFailsAfterARestartAndLookingTellsWhetherItHappened) {
    const Vm vm = begun(*the_store, "5546");
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int k = 0; k < 20; ++k) load_one(*the_store, "5546");
        });
    callers.clear();
    the_server->stop();
    the_server->start();
    const Change change = step_to(vm, "set_ip");

    EXPECT_NE(thrown_by([&] { save_one(*the_store, change); }), "nothing");

    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(thrown_by([&] { load_one(*the_store, "5546"); }), "nothing");
    EXPECT_FALSE(the_store->was_saved("writer", change.log.told_as));
    EXPECT_TRUE(save_one(*the_store, change).won);
    EXPECT_TRUE(the_store->was_saved("writer", change.log.told_as));
}

TEST(Passwords, AreInNoTextThatLeavesHere) {
    const std::string urls[] = {
        "postgresql://someone:s3cr%26t@127.0.0.1:1/x",
        "postgresql://someone@127.0.0.1:1/x?password=s3cr%26t",
        "host=127.0.0.1 port=1 user=someone password='s3cr&t' dbname=x",
        "postgresql://someone:s3cr%26t@127.0.0.1:notaport/x",
        "postgresql://someone:s3cr%26t@127.0.0.1:1/x?no_such_option=1",
        "postgresql://someone:s3cr%2@127.0.0.1:1/x",
        "mysql://someone:s3cr&t@127.0.0.1/x",
    };
    for (const std::string& url : urls) {
        SCOPED_TRACE(url);
        const DatabaseSettings settings{.url = url};
        const std::string texts[] = {
            thrown_by([&] { open_store(settings); }),
            thrown_by([&] { migrate(settings); }),
            thrown_by([&] { throw std::runtime_error(without_password(settings)); })};
        for (const std::string& text : texts) {
            EXPECT_NE(text, "nothing");
            EXPECT_EQ(text.find("s3cr"), std::string::npos) << text;
        }
    }
    EXPECT_EQ(without_password({.url = "postgresql://me:s3cr%26t@db:5433/slipway?sslmode=require"}),
              "user='me' password='***' dbname='slipway' host='db' port='5433' sslmode='require'");
    EXPECT_EQ(hide("a s3 b s3", {"s3"}), "a *** b ***");
}

TEST(DatabaseUrl, SaysWhichDatabase) {
    EXPECT_EQ(dialect_of({.url = "sqlite:/var/lib/slipway.db"}), Dialect::Sqlite);
    EXPECT_EQ(dialect_of({.url = "sqlite::memory:"}), Dialect::Sqlite);
    EXPECT_EQ(dialect_of({.url = "postgresql://me@host/db"}), Dialect::PostgreSql);
    EXPECT_EQ(dialect_of({.url = "postgres://me@host/db"}), Dialect::PostgreSql);
    EXPECT_EQ(dialect_of({.url = "host=db dbname=x"}), Dialect::PostgreSql);
    for (const char* wrong : {"", "sqlite:", "slipway.db", "mysql://host/db?a=b"})
        EXPECT_THROW(dialect_of({.url = wrong}), std::runtime_error) << wrong;
}

}  // namespace
}  // namespace slipway
