// What goes into a statement: rows as JSON, bytes as base64, rows as parameters.

#include "schema/row_batch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "schema/base64.h"
#include "schema/connection.h"

namespace slipway {
namespace {

TEST(RowBatch, IsAnArrayOfObjectsWithTheColumnsAskedFor) {
    const auto columns = row_columns("at bigint null, id text, n bigint");
    RowBatch rows;
    EXPECT_TRUE(rows.empty());
    EXPECT_EQ(rows.json(columns), "[]");
    rows.row().add("id", "a").add("more", 1).add("n", -5).add("at", std::optional<Time>());
    rows.row()
        .add("id", "")
        .add("more", 2)
        .add("n", 1LL << 62)
        .add("at", Time(std::chrono::microseconds(7)));

    EXPECT_EQ(rows.json(columns), R"([{"c1":"a","c2":-5},{"c0":7,"c2":4611686018427387904}])");
    EXPECT_EQ(rows.json(row_columns("more bigint, id text")), R"([{"c0":1,"c1":"a"},{"c0":2}])");
    EXPECT_EQ(RowBatch::json_table(columns, "$1"),
              "(SELECT c0 AS at, coalesce(c1, '') AS id, coalesce(c2, 0) AS n FROM "
              "json_to_recordset(CAST($1 AS json)) AS r(c0 bigint, c1 text, c2 bigint)) AS j");
    EXPECT_EQ(rows.size(), 2U);
    const auto places = rows.places_of(columns);
    EXPECT_EQ(rows.text(0, places[1]), "a");
    EXPECT_EQ(rows.number(1, places[0]), 7);
    EXPECT_TRUE(rows.is_null(0, places[0]));
    EXPECT_THROW(rows.places_of(row_columns("nothing text")), std::logic_error);
}

TEST(RowBatch, LeavesOutAZeroUnlessItCouldBeTakenForNothing) {
    RowBatch rows;
    rows.row().add("n", 0).add("at", Time());
    rows.row().add("n", 0).add("at", std::optional<Time>());

    EXPECT_EQ(rows.json(row_columns("n bigint, at bigint null")), R"([{"c1":0},{}])");
}

TEST(RowBatch, EscapesSoThatAnyReaderGetsTheSameTextBack) {
    std::string text = "\"\\/\b\f\n\r\t \x7F \xC3\xA9 \xF0\x9F\x98\x80 \xE2\x80\xA8 '";
    for (char c = 1; c < 0x20; ++c) text += c;
    RowBatch rows;
    rows.row().add("t", text);

    const std::string json = rows.json(row_columns("t text"));

    EXPECT_EQ(nlohmann::json::parse(json)[0]["c0"].get<std::string>(), text);
}

TEST(RowBatch, RefusesANulWhichNoDatabaseKeeps) {
    RowBatch rows;
    EXPECT_THROW(rows.row().add("t", std::string_view("a\0b", 3)), std::runtime_error);
}

TEST(Base64, GoesThereAndBack) {
    struct Row {
        std::string bytes, text;
    };
    const Row rows[] = {{"", ""},
                        {"f", "Zg=="},
                        {"fo", "Zm8="},
                        {"foo", "Zm9v"},
                        {"foob", "Zm9vYg=="},
                        {std::string("\0\xFF\xFE", 3), "AP/+"}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(base64(row.bytes), row.text);
        EXPECT_EQ(from_base64(row.text), row.bytes);
    }
}

TEST(OverRows, IsATableOnPostgresqlAndParametersOnSqlite) {
    constexpr std::string_view text =
        "UPDATE vm SET state = j.state, phase = obj.x, run = j.run {from_rows} "
        "WHERE vm.id = j.id AND run < j.run";
    constexpr std::string_view columns = "id text, run bigint, unused text, state text";

    const Sql sqlite = over_rows(Dialect::Sqlite, text, columns);
    const Sql postgresql = over_rows(Dialect::PostgreSql, text, columns);

    EXPECT_EQ(sqlite.text,
              "UPDATE vm SET state = ?1, phase = obj.x, run = ?2  WHERE vm.id = ?3 AND run < ?2");
    ASSERT_EQ(sqlite.row_columns.size(), 3U);
    EXPECT_EQ(sqlite.row_columns[0].name, "state");
    EXPECT_EQ(sqlite.row_columns[1].name, "run");
    EXPECT_EQ(sqlite.row_columns[2].name, "id");
    EXPECT_EQ(postgresql.text,
              "UPDATE vm SET state = j.state, phase = obj.x, run = j.run FROM " +
                  RowBatch::json_table(row_columns(columns), ":rows") +
                  " WHERE vm.id = j.id AND run < j.run");
    EXPECT_THROW(over_rows(Dialect::Sqlite, "SELECT j.typo", columns), std::logic_error);
}

}  // namespace
}  // namespace slipway
