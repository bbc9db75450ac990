// The schema as the database itself tells it, in one order and one layout.

#include <fmt/format.h>

#include "schema/connection.h"
#include "schema/migrate.h"

namespace slipway {
namespace {

constexpr std::string_view sqlite_query =
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
    "ORDER BY tbl_name, type DESC, name";

constexpr std::string_view postgresql_tables =
    "SELECT c.oid, c.relname, coalesce(array_to_string(c.reloptions, ', '), '') FROM pg_class c "
    "WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace) "
    "ORDER BY c.relname";

constexpr std::string_view postgresql_columns =
    "SELECT a.attname || ' ' || upper(format_type(a.atttypid, a.atttypmod)) "
    "|| CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN ' COLLATE ' || "
    "quote_ident(l.collname) ELSE '' END "
    "|| CASE WHEN a.attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END "
    "|| CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END "
    "|| CASE WHEN d.adbin IS NULL THEN '' ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN pg_collation l ON l.oid = a.attcollation "
    "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

constexpr std::string_view postgresql_constraints =
    "SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE conrelid = {} ORDER BY contype DESC, conname";

constexpr std::string_view postgresql_indexes =
    "SELECT replace(pg_get_indexdef(i.indexrelid), current_schema() || '.', '') "
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = {} "
    "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) "
    "ORDER BY c.relname";

std::string describe_sqlite(Connection& connection) {
    std::string text;
    const Rows rows = connection.run_once(std::string(sqlite_query), 1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::string statement = rows.text(i, 0);
        while (statement.ends_with('\n')) statement.pop_back();
        text += statement + ";\n\n";
    }
    return text;
}

std::string describe_postgresql(Connection& connection) {
    std::string text;
    const Rows tables = connection.run_once(std::string(postgresql_tables), 3);
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const auto ask = [&](std::string_view query) {
            return connection.run_once(fmt::format(fmt::runtime(query), tables.text(i, 0)), 1);
        };
        std::string lines;
        for (const std::string_view query : {postgresql_columns, postgresql_constraints}) {
            const Rows rows = ask(query);
            for (std::size_t k = 0; k < rows.size(); ++k)
                lines += fmt::format("{}    {}", lines.empty() ? "" : ",\n", rows.text(k, 0));
        }
        text += fmt::format("CREATE TABLE {} (\n{}\n)", tables.text(i, 1), lines);
        if (!tables.text(i, 2).empty()) text += fmt::format(" WITH ({})", tables.text(i, 2));
        text += ";\n\n";
        const Rows indexes = ask(postgresql_indexes);
        for (std::size_t k = 0; k < indexes.size(); ++k) text += indexes.text(k, 0) + ";\n\n";
    }
    return text;
}

}  // namespace

std::string describe_schema(const DatabaseSettings& settings) {
    Connection connection(settings, Access::Write);
    return connection.dialect() == Dialect::Sqlite ? describe_sqlite(connection)
                                                   : describe_postgresql(connection);
}

}  // namespace slipway
