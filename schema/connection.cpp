#include "schema/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "schema/conninfo.h"

namespace slipway {
namespace {

// Every plan is made once per connection, often on an empty table, and used for years: so none may
// be right for an empty table only.
constexpr const char* postgresql_settings[] = {
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
    "SET client_min_messages = warning",
    "SET TIME ZONE 'UTC'",
    "SET lock_timeout = '20s'",
    "SET statement_timeout = '60s'",
    "SET idle_in_transaction_session_timeout = '60s'",
};

constexpr const char* sqlite_settings[] = {
    "PRAGMA busy_timeout = 20000",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    "PRAGMA wal_autocheckpoint = 4000",
};

std::string sqlite_connect_string(const std::string& url) {
    const std::string path = url.substr(7);
    if (path.find('"') != std::string::npos) {
        throw std::runtime_error("the path of the database must not contain a double quote");
    }
    return fmt::format("dbname=\"{}\"", path);
}

// The first to open a database changes its file for that. SQLite does not wait for another who does
// so at the same time, whatever the busy timeout: it would be a deadlock.
void use_wal(soci::session& session) {
    for (int attempts_left = 500;; --attempts_left) {
        try {
            session.once << "PRAGMA journal_mode = WAL";
            return;
        } catch (const soci::soci_error& error) {
            const bool locked = error.get_error_message().ends_with("database is locked");
            if (!locked || attempts_left == 0) throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

// A prepared statement and the places it reads its values from and puts its answer to.
struct Prepared {
    explicit Prepared(soci::session& session) : statement(session) {}

    void use_number() {
        auto& place = values.emplace_back(0LL);
        statement.exchange(soci::use(std::get<long long>(place), is_null.emplace_back(soci::i_ok)));
    }
    void use_text() {
        auto& place = values.emplace_back(std::string());
        statement.exchange(
            soci::use(std::get<std::string>(place), is_null.emplace_back(soci::i_ok)));
    }
    void answer_with(int columns) {
        for (int i = 0; i < columns; ++i) {
            std::string& cell = cells.emplace_back();
            statement.exchange(soci::into(cell, is_null_cell.emplace_back(soci::i_ok)));
        }
    }

    soci::statement statement;
    std::deque<std::variant<long long, std::string>> values;  // stay where they are: see SOCI
    std::deque<soci::indicator> is_null;
    std::deque<std::string> cells;
    std::deque<soci::indicator> is_null_cell;
};

bool is_unique_violation(const soci::soci_error& error) {
    const auto* postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    return postgresql && postgresql->sqlstate() == "23505";
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

bool in_name(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Every j.column becomes ?number, and only the columns that are used are left to be bound.
void use_parameters(Sql& sql) {
    std::vector<RowColumn> used;
    std::string text;
    for (std::size_t i = 0; i < sql.text.size();) {
        const bool begins = i == 0 || !in_name(sql.text[i - 1]);
        if (!begins || sql.text.compare(i, 2, "j.") != 0) {
            text += sql.text[i++];
            continue;
        }
        std::size_t end = i += 2;
        while (end < sql.text.size() && in_name(sql.text[end])) ++end;
        const std::string_view name = std::string_view(sql.text).substr(i, end - i);
        i = end;
        const auto is_it = [&](const RowColumn& column) { return column.name == name; };
        const auto known = std::find_if(used.begin(), used.end(), is_it);
        text += fmt::format("?{}", known - used.begin() + 1);
        if (known != used.end()) continue;
        const auto column = std::find_if(sql.row_columns.begin(), sql.row_columns.end(), is_it);
        if (column == sql.row_columns.end()) {
            throw std::logic_error(fmt::format("no column j.{}", name));
        }
        used.push_back(*column);
    }
    sql.text = std::move(text);
    sql.row_columns = std::move(used);
}

std::unique_ptr<Prepared> prepare(soci::session& session,
                                  const Sql& sql,
                                  std::span<const SqlValue> values) {
    auto prepared = std::make_unique<Prepared>(session);
    prepared->statement.alloc();
    for (const SqlValue& value : values) {
        if (std::holds_alternative<std::int64_t>(value)) {
            prepared->use_number();
        } else {
            prepared->use_text();
        }
    }
    prepared->answer_with(sql.columns);
    prepared->statement.prepare(sql.text);
    prepared->statement.define_and_bind();
    return prepared;
}

std::unique_ptr<Prepared> prepare_for_rows(soci::session& session, const Sql& sql) {
    auto prepared = std::make_unique<Prepared>(session);
    prepared->statement.alloc();
    for (const RowColumn& column : sql.row_columns) {
        if (column.is_text()) {
            prepared->use_text();
        } else {
            prepared->use_number();
        }
    }
    prepared->answer_with(sql.columns);
    prepared->statement.prepare(sql.text);
    prepared->statement.define_and_bind();
    return prepared;
}

void set_value(std::variant<long long, std::string>& place, const SqlValue& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        std::get<long long>(place) = *number;
    } else {
        std::get<std::string>(place) = std::get<std::string_view>(value);
    }
}

void execute(Prepared& prepared, Rows& rows) {
    if (prepared.cells.empty()) {
        prepared.statement.execute(true);
        return;
    }
    prepared.statement.execute(false);
    while (prepared.statement.fetch()) {
        for (std::size_t i = 0; i < prepared.cells.size(); ++i) {
            if (prepared.is_null_cell[i] == soci::i_null) {
                rows.add(std::nullopt);
            } else {
                rows.add(prepared.cells[i]);
            }
        }
    }
}

void execute_each(Prepared& prepared, const Sql& sql, const RowBatch& batch, Rows& rows) {
    const std::vector<std::size_t> places = batch.places_of(sql.row_columns);
    for (std::size_t row = 0; row < batch.size(); ++row) {
        for (std::size_t i = 0; i < places.size(); ++i) {
            const bool is_null = batch.is_null(row, places[i]);
            prepared.is_null[i] = is_null ? soci::i_null : soci::i_ok;
            if (is_null) continue;
            if (auto* text = std::get_if<std::string>(&prepared.values[i])) {
                *text = batch.text(row, places[i]);
            } else {
                std::get<long long>(prepared.values[i]) = batch.number(row, places[i]);
            }
        }
        execute(prepared, rows);
    }
}

}  // namespace

Sql over_rows(Dialect dialect, std::string_view text, std::string_view list, int columns) {
    Sql sql{std::string(text), columns, row_columns(list)};
    std::string table;
    if (dialect == Dialect::PostgreSql) {
        table = RowBatch::json_table(sql.row_columns, ":rows");
    } else {
        use_parameters(sql);
    }
    replace_all(sql.text, "{from_rows}", table.empty() ? "" : "FROM " + table);
    replace_all(sql.text, "{rows_and}", table.empty() ? "" : table + " CROSS JOIN");
    return sql;
}

const std::string& Rows::text(std::size_t row, std::size_t column) const {
    static const std::string nothing;
    const auto& value = cell(row, column);
    return value ? *value : nothing;
}

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
    const std::string& digits = text(row, column);
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

int Rows::small(std::size_t row, std::size_t column) const {
    return static_cast<int>(number(row, column));
}

Time Rows::time(std::size_t row, std::size_t column) const {
    return Time(std::chrono::microseconds(number(row, column)));
}

std::optional<Time> Rows::maybe_time(std::size_t row, std::size_t column) const {
    if (is_null(row, column)) return std::nullopt;
    return time(row, column);
}

struct Connection::Driver {
    std::vector<std::string> secrets;
    soci::session session;
    std::unordered_map<const Sql*, std::unique_ptr<Prepared>> prepared;  // goes before the session
    bool in_transaction = false;

    // SOCI's what() quotes statement and values; a row may hold what no log should.
    template <typename Action>
    auto guard(Action action) {
        try {
            return action();
        } catch (const soci::soci_error& error) {
            const std::string text = hide("database: " + error.get_error_message(), secrets);
            if (is_unique_violation(error)) throw KeyTaken(text);
            throw std::runtime_error(text);
        }
    }

    PGconn* postgresql() {
        return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
    }
};

Connection::Connection(const DatabaseSettings& settings, Access access)
    : dialect_(dialect_of(settings)), driver_(std::make_unique<Driver>()) {
    driver_->guard([&] {
        soci::session& session = driver_->session;
        if (dialect_ == Dialect::PostgreSql) {
            const Conninfo info = read_conninfo(settings.url);
            driver_->secrets = info.secrets;
            session.open(soci::postgresql, info.connect);
            for (const char* setting : postgresql_settings) session.once << setting;
        } else {
            session.open(soci::sqlite3, sqlite_connect_string(settings.url));
            for (const char* setting : sqlite_settings) session.once << setting;
            if (access == Access::Read)
                session.once << "PRAGMA query_only = ON";
            else if (!is_in_memory(settings))
                use_wal(session);
        }
    });
}

Connection::~Connection() = default;

Rows Connection::run(const Sql& sql, std::initializer_list<SqlValue> values) {
    return driver_->guard([&] {
        auto& prepared = driver_->prepared[&sql];
        if (!prepared) prepared = prepare(driver_->session, sql, values);
        std::size_t i = 0;
        for (const SqlValue& value : values) set_value(prepared->values[i++], value);
        Rows rows(sql.columns);
        execute(*prepared, rows);
        return rows;
    });
}

Rows Connection::run(const Sql& sql, const RowBatch& batch) {
    if (batch.empty()) return Rows(sql.columns);
    if (dialect_ == Dialect::PostgreSql) {
        return run(sql, {std::string_view(batch.json(sql.row_columns))});
    }
    return driver_->guard([&] {
        auto& prepared = driver_->prepared[&sql];
        if (!prepared) prepared = prepare_for_rows(driver_->session, sql);
        Rows rows(sql.columns);
        execute_each(*prepared, sql, batch, rows);
        return rows;
    });
}

Rows Connection::run_once(std::string text, int columns) {
    return driver_->guard([&] {
        const Sql sql{std::move(text), columns};
        Rows rows(columns);
        execute(*prepare(driver_->session, sql, {}), rows);
        return rows;
    });
}

void Connection::begin() {
    static const Sql sqlite_begin{"BEGIN IMMEDIATE"};
    static const Sql postgresql_begin{"BEGIN"};
    run(dialect_ == Dialect::Sqlite ? sqlite_begin : postgresql_begin);
    driver_->in_transaction = true;
}

void Connection::commit() {
    static const Sql sql{"COMMIT"};
    run(sql);
    driver_->in_transaction = false;
}

bool Connection::recover() {
    driver_->prepared.clear();  // a statement that failed half way is not to be trusted
    try {
        if (dialect_ == Dialect::PostgreSql && PQstatus(driver_->postgresql()) != CONNECTION_OK) {
            return false;
        }
        if (driver_->in_transaction) driver_->session.once << "ROLLBACK";
        driver_->in_transaction = false;
        return true;
    } catch (const soci::soci_error&) {
        // SQLite ends some transactions by itself; in memory the connection is the database.
        driver_->in_transaction = false;
        return dialect_ == Dialect::Sqlite;
    }
}

}  // namespace slipway
