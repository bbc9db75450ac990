#include "schema/migrate.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "schema/connection.h"
#include "schema/migrations.h"

namespace slipway {
namespace {

// Any number, the same in every process that migrates.
constexpr std::string_view take_turns = "SELECT pg_advisory_xact_lock(5371932804)";

bool is_mark(std::string_view line, std::string_view database) {
    const std::string mark = fmt::format("-- only: {}", database);
    return line.ends_with(mark);
}

bool has_table(Connection& connection, std::string_view name) {
    const char* query = connection.dialect() == Dialect::Sqlite
                            ? "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{}'"
                            : "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() "
                              "AND tablename = '{}'";
    return !connection.run_once(fmt::format(fmt::runtime(query), name), 1).empty();
}

std::int64_t now_microseconds() {
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

void apply(Connection& connection, const Migration& migration) {
    for (std::string& statement : statements_for(connection.dialect(), migration.text)) {
        connection.run_once(std::move(statement));
    }
    connection.run_once(
        fmt::format("INSERT INTO migration (number, name, applied_at) VALUES ({}, '{}', {})",
                    migration.number,
                    migration.name,
                    now_microseconds()));
}

}  // namespace

std::vector<std::string> statements_for(Dialect dialect, std::string_view text) {
    const std::string_view other = dialect == Dialect::Sqlite ? "postgresql" : "sqlite";
    std::vector<std::string> statements;
    std::string statement;
    while (!text.empty()) {
        const std::string_view whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), whole.size() + 1));
        if (is_mark(whole, other)) continue;
        std::string_view line = whole.substr(0, whole.find("--"));
        while (line.ends_with(' ')) line.remove_suffix(1);
        if (line.empty()) continue;
        const bool last = line.ends_with(';');
        if (last) line.remove_suffix(1);
        if (!line.empty()) statement.append(line).append("\n");
        if (last) statements.push_back(std::exchange(statement, {}));
    }
    if (!statement.empty()) throw std::runtime_error("a migration ends without a semicolon");
    return statements;
}

std::vector<std::string> migrate(Connection& connection) {
    std::vector<std::string> applied;
    if (connection.dialect() == Dialect::PostgreSql) {
        connection.run_once("SET lock_timeout = 0");
        connection.run_once("SET statement_timeout = 0");
    }
    connection.begin();
    if (connection.dialect() == Dialect::PostgreSql) {
        connection.run_once(std::string(take_turns), 1);
    }
    const int version = schema_version(connection);
    if (version > newest_schema_version()) {
        connection.recover();
        throw std::runtime_error(
            fmt::format("the database is at schema version {} and this slipway knows only {}: use "
                        "the newer slipway",
                        version,
                        newest_schema_version()));
    }
    if (version == 0) {
        connection.run_once(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
            "applied_at BIGINT NOT NULL)");
    }
    for (const Migration& migration : migrations()) {
        if (migration.number <= version) continue;
        apply(connection, migration);
        applied.emplace_back(migration.name);
    }
    connection.commit();
    return applied;
}

std::vector<std::string> migrate(const DatabaseSettings& settings) {
    Connection connection(settings, Access::Write);
    return migrate(connection);
}

int schema_version(Connection& connection) {
    if (!has_table(connection, "migration")) return 0;
    return connection.run_once("SELECT max(number) FROM migration", 1).small(0, 0);
}

int schema_version(const DatabaseSettings& settings) {
    Connection connection(settings, Access::Write);
    return schema_version(connection);
}

int newest_schema_version() {
    return migrations().back().number;
}

}  // namespace slipway
