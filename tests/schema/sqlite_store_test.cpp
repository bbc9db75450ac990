// What is true of SQLite alone: its plans, and two processes with one file.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "schema/connection.h"
#include "schema/migrate.h"
#include "schema/sql_rows.h"
#include "schema/sql_store.h"
#include "tests/contract/store_contract.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

struct File {
    TempFolder folder;
    DatabaseSettings settings{.url = fmt::format("sqlite:{}", (folder.path() / "x.db").string())};

    File() { migrate(settings); }
};

TEST(SqliteStore, DueSearchesItsIndexAndScansNothingElse) {
    const File file;
    const Rows rows = Connection(file.settings, Access::Write)
                          .run_once("EXPLAIN QUERY PLAN " + take_due_sql(Dialect::Sqlite).text, 4);

    std::string plan;
    for (std::size_t i = 0; i < rows.size(); ++i) plan += rows.text(i, 3) + "\n";
    EXPECT_NE(plan.find("SEARCH vm USING COVERING INDEX vm_wake_at (wake_at<?)"), std::string::npos)
        << plan;
    EXPECT_EQ(plan.find("SCAN vm"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
}

TEST(SqliteStore, CommitsReachTheDisk) {
    const File file;
    Connection writer(file.settings, Access::Write);

    EXPECT_EQ(writer.run_once("PRAGMA journal_mode", 1).text(0, 0), "wal");
    EXPECT_EQ(writer.run_once("PRAGMA synchronous", 1).text(0, 0), "2");
}

TEST(SqliteStore, AReaderReadsWhileAWriterHoldsTheFile) {
    const File file;
    const auto store = open_store(file.settings);
    begun(*store, "5546");
    Connection other_process(file.settings, Access::Write);
    other_process.begin();
    other_process.run_once("UPDATE vm SET state = 'not yet'");

    EXPECT_EQ(load_one(*store, "5546")->state, "creation");

    other_process.commit();
    EXPECT_EQ(load_one(*store, "5546")->state, "not yet");
}

TEST(SqliteStore, AWriterWaitsForAnotherProcess) {
    const File file;
    const auto store = open_store(file.settings);
    const Vm vm = begun(*store, "5546");
    Connection other_process(file.settings, Access::Write);
    other_process.begin();
    other_process.run_once("UPDATE vm SET queued = 1");

    std::jthread saves([&] { EXPECT_TRUE(save_one(*store, step_to(vm, "set_ip")).won); });
    other_process.commit();
    saves.join();

    EXPECT_EQ(load_one(*store, "5546")->state, "set_ip");
    EXPECT_EQ(load_one(*store, "5546")->queued, 1);
}

TEST(SqliteStore, AFailedCallInMemoryLosesNothing) {
    const auto store = open_store({.url = "sqlite::memory:"});
    const Vm vm = begun(*store, "5546");

    EXPECT_THROW(save_one(*store, step_to(vm, "")), std::runtime_error);

    EXPECT_EQ(load_one(*store, "5546")->state, "creation");
    EXPECT_TRUE(save_one(*store, step_to(vm, "set_ip")).won);
}

}  // namespace
}  // namespace slipway
