// Migrations: once each, by one process at a time, never backwards; and schema.sql tells the truth.

#include "schema/migrate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "schema/connection.h"
#include "schema/migrations.h"
#include "schema/sql_store.h"
#include "tests/live/postgres_server.h"
#include "tests/live/skipping.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

const std::string schema_file = std::string(SOURCE_FOLDER) + "/schema/schema.sql";

// A fresh database of each kind that can be had here.
struct Databases {
    TempFolder folder;
    std::vector<DatabaseSettings> all = {
        {.url = fmt::format("sqlite:{}", (folder.path() / "test.db").string())}};

    Databases() {
        if (!cannot_run(PostgresServer::missing()))
            all.push_back({.url = PostgresServer::shared().create_database()});
    }
};

std::string thrown_by(const auto& action) {
    try {
        action();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing";
}

TEST(Migrate, AppliesEachMigrationOnce) {
    const Databases databases;
    for (const DatabaseSettings& settings : databases.all) {
        SCOPED_TRACE(without_password(settings));
        EXPECT_EQ(schema_version(settings), 0);

        const auto applied = migrate(settings);

        EXPECT_EQ(applied.size(), migrations().size());
        EXPECT_EQ(applied.at(0), "0001_vm_run_request");
        EXPECT_TRUE(migrate(settings).empty());
        EXPECT_EQ(schema_version(settings), newest_schema_version());
    }
}

TEST(Migrate, ProcessesThatMigrateAtOnceTakeTurns) {
    const Databases databases;
    for (const DatabaseSettings& settings : databases.all) {
        SCOPED_TRACE(without_password(settings));
        std::atomic<std::size_t> applied = 0;

        std::vector<std::jthread> processes;
        for (int i = 0; i < 4; ++i)
            processes.emplace_back([&] { applied += migrate(settings).size(); });
        processes.clear();

        EXPECT_EQ(applied, migrations().size());
    }
}

TEST(Migrate, RefusesADatabaseThatIsNewerAndAStoreThatDoesNotFit) {
    const Databases databases;
    for (const DatabaseSettings& settings : databases.all) {
        SCOPED_TRACE(without_password(settings));
        EXPECT_EQ(thrown_by([&] { open_store(settings); }),
                  fmt::format("the database is at schema version 0 and this slipway needs {}: run "
                              "`slipway migrate`",
                              newest_schema_version()));
        migrate(settings);
        Connection(settings, Access::Write)
            .run_once("INSERT INTO migration (number, name, applied_at) VALUES (999, 'later', 0)");

        EXPECT_EQ(thrown_by([&] { migrate(settings); }),
                  fmt::format("the database is at schema version 999 and this slipway knows only "
                              "{}: use the newer slipway",
                              newest_schema_version()));
        EXPECT_NE(thrown_by([&] { open_store(settings); }).find("use the newer slipway"),
                  std::string::npos);
    }
}

TEST(Migrate, AMigrationThatFailsLeavesNothingBehind) {
    const Databases databases;
    for (const DatabaseSettings& settings : databases.all) {
        SCOPED_TRACE(without_password(settings));
        Connection(settings, Access::Write).run_once("CREATE TABLE writer (in_the_way INTEGER)");

        EXPECT_NE(thrown_by([&] { migrate(settings); }), "nothing");

        EXPECT_EQ(schema_version(settings), 0);
        Connection(settings, Access::Write).run_once("DROP TABLE writer");
        EXPECT_EQ(migrate(settings).size(), migrations().size());
    }
}

TEST(Migrate, LeavesOutTheLinesOfTheOtherDatabase) {
    constexpr std::string_view text =
        "-- a remark\n"
        "CREATE TABLE a (\n"
        "    x TEXT, -- only: sqlite\n"
        "    x BYTEA, -- only: postgresql\n"
        "    y TEXT -- why\n"
        ")\n"
        "    WITHOUT ROWID -- only: sqlite\n"
        ";\n"
        "\n"
        "CREATE INDEX i ON a (y);\n";

    const auto sqlite = statements_for(Dialect::Sqlite, text);
    const auto postgresql = statements_for(Dialect::PostgreSql, text);

    ASSERT_EQ(sqlite.size(), 2U);
    EXPECT_EQ(sqlite[0], "CREATE TABLE a (\n    x TEXT,\n    y TEXT\n)\n    WITHOUT ROWID\n");
    EXPECT_EQ(postgresql[0], "CREATE TABLE a (\n    x BYTEA,\n    y TEXT\n)\n");
    EXPECT_EQ(postgresql[1], "CREATE INDEX i ON a (y)\n");
    EXPECT_THROW(statements_for(Dialect::Sqlite, "SELECT 1\n"), std::runtime_error);
}

// SLIPWAY_REFRESH_SCHEMA=1 writes the file instead of comparing.
TEST(Migrate, SchemaSqlShowsWhatTheMigrationsLeave) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    const Databases databases;
    std::string expected =
        "-- The schema as the migrations leave it, told by the databases themselves. Made by a "
        "test,\n"
        "-- which also compares it; why things are so stands in schema/migrations.\n";
    for (const DatabaseSettings& settings : databases.all) {
        migrate(settings);
        expected +=
            dialect_of(settings) == Dialect::Sqlite ? "\n-- SQLite\n\n" : "-- PostgreSQL\n\n";
        expected += describe_schema(settings);
    }
    expected.pop_back();
    if (std::getenv("SLIPWAY_REFRESH_SCHEMA")) std::ofstream(schema_file) << expected;

    std::stringstream found;
    found << std::ifstream(schema_file).rdbuf();

    EXPECT_EQ(found.str(), expected)
        << "schema/schema.sql is not what the migrations leave. To refresh it:\n"
        << "    SLIPWAY_REFRESH_SCHEMA=1 ctest --test-dir BUILD -R migrate_test\n";
}

}  // namespace
}  // namespace slipway
