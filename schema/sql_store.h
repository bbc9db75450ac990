#pragma once
// The Store on SQLite or PostgreSQL.

#include <memory>

#include "schema/database.h"
#include "schema/store.h"

namespace slipway {

// Throws std::runtime_error if the database cannot be reached or is not at the schema version of
// this binary (see migrate.h). sqlite::memory: gets its tables here.
//
// A connection that breaks is replaced: the call that met it throws, the next one works as soon as
// the database does.
std::unique_ptr<Store> open_store(const DatabaseSettings& settings);

}  // namespace slipway
