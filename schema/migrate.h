#pragma once
// Brings a database to the schema this binary knows. The migrations are schema/migrations/*.sql,
// compiled in; schema/schema.sql shows what they leave.

#include <string>
#include <vector>

#include "schema/database.h"

namespace slipway {

class Connection;

// Applies what is missing, all of it or nothing, and names it. Safe when several processes do it at
// once: they take turns. Throws std::runtime_error if the database is newer than this binary.
std::vector<std::string> migrate(const DatabaseSettings& settings);
std::vector<std::string> migrate(Connection& connection);

// Number of the newest migration applied; 0 for a database without any.
int schema_version(const DatabaseSettings& settings);
int schema_version(Connection& connection);

// Number of the newest migration this binary knows.
int newest_schema_version();

// The tables and indexes there are now, as SQL.
std::string describe_schema(const DatabaseSettings& settings);

}  // namespace slipway
