#pragma once
// Which database, and how we talk about it without giving its password away.

#include <string>
#include <string_view>

namespace slipway {

struct DatabaseSettings {
    // sqlite:PATH, sqlite::memory:, postgresql://user@host:port/database?key=value, or libpq's
    // key=value form.
    std::string url;
    // PostgreSQL: at most so many at once. SQLite: one of them writes, the others read.
    int connections = 4;
};

enum class Dialect { Sqlite, PostgreSql };

// Throws std::runtime_error for a url of no form we know.
Dialect dialect_of(const DatabaseSettings& settings);

// In memory there is nothing before open_store() and nothing after: it makes the tables itself.
bool is_in_memory(const DatabaseSettings& settings);

// The url as it may be shown.
std::string without_password(const DatabaseSettings& settings);

}  // namespace slipway
