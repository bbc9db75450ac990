// The harness itself: what the live tests believe about their PostgreSQL is true.

#include "tests/live/postgres_server.h"

#include <gtest/gtest.h>

#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

std::string query(const std::string& url, const std::string& sql) {
    return run_to_end(
        {.program = find_program("psql"),
         .arguments =
             {"--no-psqlrc", "--tuples-only", "--no-align", "--quiet", url, "--command=" + sql},
         .output = {}},
        20s);
}

TEST(PostgresServer, KeepsWhatWasCommittedThroughKillAndRestart) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    PostgresServer server;
    const std::string url = server.create_database();
    query(url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");

    server.kill9();
    EXPECT_ANY_THROW(query(url, "SELECT 1"));
    server.start();
    query(url, "INSERT INTO kept VALUES (2)");
    server.stop();
    server.start();

    EXPECT_EQ(query(url, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM kept"), "1 2\n");
}

TEST(PostgresServer, IsDurableAndGivesEachCallerADatabaseOfItsOwn) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    PostgresServer& server = PostgresServer::shared();
    const std::string one = server.create_database();
    const std::string two = server.create_database();
    query(one, "CREATE TABLE only_here (n int)");

    EXPECT_ANY_THROW(query(two, "SELECT * FROM only_here"));
    EXPECT_EQ(query(one, "SHOW fsync"), "on\n");
    EXPECT_EQ(query(one, "SHOW synchronous_commit"), "on\n");
}

TEST(PostgresServer, SaysNothingWhileFrozenAndGoesOnWhenThawed) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    PostgresServer server;
    const TempFolder folder;
    server.freeze();
    ChildProcess asking({.program = find_program("psql"),
                         .arguments = {server.url(), "--command=SELECT 'answer'"},
                         .output = folder.path() / "output"});

    EXPECT_FALSE(asking.wait(300ms));
    server.thaw();

    EXPECT_EQ(asking.wait(20s), 0) << asking.tail();
}

}  // namespace
}  // namespace slipway
