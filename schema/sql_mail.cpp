// Letters to customers: written with the step that is done, sent by the mailers.

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// The topic is faster. Should its message be lost, the letter is found here after that time.
constexpr std::chrono::minutes topic_has{1};

constexpr std::string_view letter_columns = "service_id, run, kind, at, attempts, sent_at, error";

struct MailSql {
    explicit MailSql(Dialect d)
        : insert(over_rows(d,
                           "INSERT INTO letter (service_id, run, kind, at, due_at) SELECT "
                           "j.service_id, j.run, j.kind, j.at, j.due_at {from_rows} WHERE true "
                           "ON CONFLICT DO NOTHING",
                           "service_id text, run bigint, kind text, at bigint, due_at bigint")),
          published(over_rows(d,
                              "UPDATE letter SET published_at = j.at {from_rows} WHERE "
                              "letter.service_id = j.service_id AND letter.run = j.run AND "
                              "letter.kind = j.kind",
                              "service_id text, run bigint, kind text, at bigint")),
          // An attempt may end late, after another one that was good, or while another is under
          // way: then all it can say is that it was sent.
          end(over_rows(
              d,
              "UPDATE letter SET sent_at = j.sent_at, due_at = j.due_at, tried_at = NULL, "
              "error = j.error {from_rows} WHERE letter.service_id = j.service_id AND "
              "letter.run = j.run AND letter.kind = j.kind AND letter.sent_at IS NULL AND "
              "(j.sent_at IS NOT NULL OR letter.attempts = j.attempts)",
              "service_id text, run bigint, kind text, attempts bigint, sent_at bigint null, "
              "due_at bigint null, error text")),
          unpublished{select("published_at IS NULL AND at < :older ORDER BY at LIMIT :most"), 7},
          due{select("due_at IS NOT NULL AND due_at <= :now ORDER BY due_at LIMIT :most"), 7},
          begin{
              "UPDATE letter SET attempts = attempts + 1, tried_at = :now WHERE "
              "service_id = :service AND run = :run AND kind = :kind AND sent_at IS NULL AND "
              "due_at IS NOT NULL AND (tried_at IS NULL OR tried_at < :since) RETURNING " +
                  std::string(letter_columns),
              7} {}

    static std::string select(std::string_view condition) {
        return "SELECT " + std::string(letter_columns) + " FROM letter WHERE " +
               std::string(condition);
    }

    Sql insert, published, end, unpublished, due, begin;
};

LetterRow read_letter(const Rows& rows, std::size_t row) {
    return {.service_id = rows.text(row, 0),
            .run = rows.number(row, 1),
            .kind = rows.text(row, 2),
            .at = rows.time(row, 3),
            .attempts = rows.small(row, 4),
            .sent_at = rows.maybe_time(row, 5),
            .error = rows.text(row, 6)};
}

std::vector<LetterRow> read_letters(const Rows& rows) {
    std::vector<LetterRow> letters;
    for (std::size_t i = 0; i < rows.size(); ++i) letters.push_back(read_letter(rows, i));
    return letters;
}

RowBatch& add_key(RowBatch& rows, const LetterRow& key) {
    return rows.row().add("service_id", key.service_id).add("run", key.run).add("kind", key.kind);
}

std::int64_t microseconds(Time time) {
    return time.time_since_epoch().count();
}

}  // namespace

void save_letters(Connection& connection, std::span<const Change* const> changes) {
    RowBatch rows;
    for (const Change* change : changes)
        if (change->letter)
            add_key(rows, *change->letter)
                .add("at", change->letter->at)
                .add("due_at", change->letter->at + topic_has);
    connection.run(statements_of<MailSql>(connection.dialect()).insert, rows);
}

std::vector<LetterRow> SqlStore::unpublished_letters(Time older_than, int most) {
    return read_letters(pool_.read([&](Connection& c) {
        return c.run(statements_of<MailSql>(dialect_).unpublished,
                     {microseconds(older_than), std::int64_t{most}});
    }));
}

void SqlStore::mark_letters_published(std::span<const LetterRow> letters, Time now) {
    RowBatch rows;
    for (const LetterRow& letter : letters) add_key(rows, letter).add("at", now);
    pool_.transaction(
        [&](Connection& c) { return c.run(statements_of<MailSql>(dialect_).published, rows); });
}

std::optional<LetterRow> SqlStore::begin_letter(const LetterRow& key, Time now, Time not_since) {
    const Rows rows = pool_.write([&](Connection& c) {
        return c.run(
            statements_of<MailSql>(dialect_).begin,
            {microseconds(now), key.service_id, key.run, key.kind, microseconds(not_since)});
    });
    if (rows.empty()) return std::nullopt;
    return read_letter(rows, 0);
}

void SqlStore::end_letter(const LetterRow& key,
                          Time now,
                          std::string_view error,
                          std::optional<Time> again_at) {
    const bool sent = error.empty();
    RowBatch row;
    add_key(row, key)
        .add("attempts", std::int64_t{key.attempts})
        .add("sent_at", sent ? std::optional(now) : std::nullopt)
        .add("due_at", sent ? std::nullopt : again_at)
        .add("error", error);
    pool_.write([&](Connection& c) { return c.run(statements_of<MailSql>(dialect_).end, row); });
}

std::vector<LetterRow> SqlStore::due_letters(Time now, int most) {
    return read_letters(pool_.read([&](Connection& c) {
        return c.run(statements_of<MailSql>(dialect_).due, {microseconds(now), std::int64_t{most}});
    }));
}

}  // namespace slipway
