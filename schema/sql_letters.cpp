// Activity and dead letters: kept until the broker has them, and dead letters until a person has
// dealt with them.

#include <fmt/format.h>

#include <map>

#include "schema/base64.h"
#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

constexpr std::string_view letter_columns =
    "key, kind, service_id, reason, at, origin_topic, origin_partition, origin_offset, raw, "
    "raw_length, raw_sha256";

// A VM that was parked, resolved and parked again in the same run is news again. A message read a
// second time is not.
constexpr std::string_view insert_letter_text =
    "j.key, j.kind, j.service_id, j.reason, j.at, j.origin_topic, j.origin_partition, "
    "j.origin_offset, j.raw, j.raw_length, j.raw_sha256 {from_rows} WHERE true ON CONFLICT (key) "
    "DO UPDATE SET reason = excluded.reason, "
    "at = excluded.at, published_at = NULL, resolved_at = NULL, resolved_by = '', "
    "resolved_how = '' WHERE dead_letter.resolved_at IS NOT NULL AND excluded.kind = 'parked'";

constexpr std::string_view letter_row_columns =
    "key text, kind text, service_id text, reason text, at bigint, origin_topic text, "
    "origin_partition integer, origin_offset bigint, raw text, raw_length bigint, raw_sha256 text";

struct LetterSql {
    explicit LetterSql(Dialect d)
        : insert(over_rows(d,
                           fmt::format("INSERT INTO dead_letter ({}) SELECT ", letter_columns) +
                               std::string(insert_letter_text),
                           letter_row_columns)),
          unpublished{fmt::format("SELECT {} FROM dead_letter WHERE published_at IS NULL "
                                  "AND at < :older ORDER BY at LIMIT :most",
                                  letter_columns),
                      11},
          published(over_rows(d,
                              "UPDATE dead_letter SET published_at = j.at {from_rows} "
                              "WHERE dead_letter.key = j.id",
                              "id text, at bigint")),
          unpublish{"UPDATE dead_letter SET published_at = NULL WHERE resolved_at IS NULL"},
          count{"SELECT count(*) FROM dead_letter WHERE kind = :kind", 1},
          activity{
              "SELECT service_id, run, kind, text, at FROM activity "
              "WHERE published_at IS NULL AND at < :older ORDER BY at LIMIT :most",
              5},
          activity_published(over_rows(d,
                                       "UPDATE activity SET published_at = j.at {from_rows} "
                                       "WHERE activity.service_id = j.id "
                                       "AND activity.run = j.run AND activity.kind = j.kind",
                                       "id text, run bigint, kind text, at bigint")) {}

    Sql insert, unpublished, published, unpublish, count, activity, activity_published;
};

std::int64_t microseconds(Time time) {
    return time.time_since_epoch().count();
}

DeadLetterRow read_letter(const Rows& rows, std::size_t row) {
    return {
        .key = rows.text(row, 0),
        .kind = rows.text(row, 1),
        .service_id = rows.text(row, 2),
        .reason = rows.text(row, 3),
        .at = rows.time(row, 4),
        .origin_topic = rows.text(row, 5),
        .origin_partition = rows.small(row, 6),
        .origin_offset = rows.number(row, 7),
        .raw = from_base64(rows.text(row, 8)),
        .raw_length = rows.number(row, 9),
        .raw_sha256 = rows.text(row, 10),
    };
}

}  // namespace

void insert_dead_letters(Connection& connection, std::span<const DeadLetterRow> letters) {
    if (letters.empty()) return;
    // Each key once, and in one order, so that two batches never wait for each other in a circle.
    std::map<std::string_view, const DeadLetterRow*> by_key;
    for (const DeadLetterRow& letter : letters) by_key.emplace(letter.key, &letter);
    RowBatch rows;
    for (const auto& [key, row] : by_key) {
        const DeadLetterRow& letter = *row;
        rows.row()
            .add("key", letter.key)
            .add("kind", letter.kind)
            .add("service_id", letter.service_id)
            .add("reason", letter.reason)
            .add("at", letter.at)
            .add("origin_topic", letter.origin_topic)
            .add("origin_partition", letter.origin_partition)
            .add("origin_offset", letter.origin_offset)
            .add("raw", base64(letter.raw))
            .add("raw_length", letter.raw_length)
            .add("raw_sha256", letter.raw_sha256);
    }
    connection.run(statements_of<LetterSql>(connection.dialect()).insert, rows);
}

void SqlStore::add_dead_letters(std::span<const DeadLetterRow> rows) {
    pool_.transaction([&](Connection& c) {
        insert_dead_letters(c, rows);
        return true;
    });
}

std::vector<DeadLetterRow> SqlStore::unpublished_dead_letters(Time older_than, int most) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LetterSql>(dialect_).unpublished,
                     {microseconds(older_than), std::int64_t{most}});
    });
    std::vector<DeadLetterRow> letters;
    for (std::size_t i = 0; i < rows.size(); ++i) letters.push_back(read_letter(rows, i));
    return letters;
}

std::vector<ActivityRow> SqlStore::unpublished_activity(Time older_than, int most) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LetterSql>(dialect_).activity,
                     {microseconds(older_than), std::int64_t{most}});
    });
    std::vector<ActivityRow> entries;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        entries.push_back({
            .service_id = rows.text(i, 0),
            .run = rows.number(i, 1),
            .kind = rows.text(i, 2),
            .text = rows.text(i, 3),
            .at = rows.time(i, 4),
        });
    }
    return entries;
}

void SqlStore::mark_dead_letters_published(std::span<const std::string> keys, Time now) {
    if (keys.empty()) return;
    RowBatch rows;
    for (const std::string& key : keys) rows.row().add("id", key).add("at", now);
    pool_.write(
        [&](Connection& c) { return c.run(statements_of<LetterSql>(dialect_).published, rows); });
}

void SqlStore::mark_activity_published(std::span<const ActivityRow> entries, Time now) {
    if (entries.empty()) return;
    RowBatch rows;
    for (const ActivityRow& entry : entries) {
        rows.row()
            .add("id", entry.service_id)
            .add("run", entry.run)
            .add("kind", entry.kind)
            .add("at", now);
    }
    pool_.transaction([&](Connection& c) {
        return c.run(statements_of<LetterSql>(dialect_).activity_published, rows);
    });
}

void SqlStore::unpublish_dead_letters() {
    pool_.write([&](Connection& c) { return c.run(statements_of<LetterSql>(dialect_).unpublish); });
}

std::int64_t SqlStore::count_dead_letters(std::string_view kind) {
    return pool_.read([&](Connection& c) {
        return c.run(statements_of<LetterSql>(dialect_).count, {kind}).number(0, 0);
    });
}

}  // namespace slipway
