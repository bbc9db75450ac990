#pragma once
// The database half of the ceiling: a step's durable work in one grouped statement, through the
// databases' own C libraries. What this reaches is what anything above it is measured against.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace slipway {

// One step of one VM that waits to be saved.
struct CeilingStep {
    std::uint32_t vm = 0;
    std::int64_t version = 0;  // the one it was decided on; saving raises it by one
};

class CeilingStore {
  public:
    virtual ~CeilingStore() = default;
    // Makes the tables anew, with `vms` rows at version 1.
    virtual void prepare(std::size_t vms) = 0;
    // Commits all of them durably, a row of the log each, and says whose compare-and-set won.
    virtual std::vector<std::uint32_t> save(std::span<const CeilingStep> steps) = 0;
};

// `database` is a conninfo or URL of PostgreSQL, or the file of an SQLite database.
std::unique_ptr<CeilingStore> open_postgres(const std::string& database);
std::unique_ptr<CeilingStore> open_sqlite(const std::string& database);

// The fifteen-step table that the ceiling walks round and round: a run is fifteen versions.
constexpr int ceiling_steps = 15;
std::string ceiling_state(std::int64_t version);

}  // namespace slipway
