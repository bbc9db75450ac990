#include "schema/database.h"

#include <stdexcept>

#include "schema/conninfo.h"

namespace slipway {

Dialect dialect_of(const DatabaseSettings& settings) {
    const std::string_view url = settings.url;
    if (url.starts_with("sqlite:") && url.size() > 7) return Dialect::Sqlite;
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
        return Dialect::PostgreSql;
    }
    const auto equals = url.find('=');
    if (equals != std::string_view::npos &&
        url.substr(0, equals).find_first_of(":/@") == std::string_view::npos) {
        return Dialect::PostgreSql;
    }
    throw std::runtime_error(
        "the database url is none of sqlite:PATH, sqlite::memory:, "
        "postgresql://user@host/database");
}

bool is_in_memory(const DatabaseSettings& settings) {
    return settings.url == "sqlite::memory:";
}

std::string without_password(const DatabaseSettings& settings) {
    if (dialect_of(settings) == Dialect::Sqlite) return settings.url;
    return read_conninfo(settings.url).shown;
}

}  // namespace slipway
