#pragma once
// One connection with its prepared statements. Only connection.cpp knows SOCI and the drivers.
//
// Not for two threads at once; connection_pool.h hands connections out.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/database.h"
#include "schema/row_batch.h"
#include "schema/vm.h"

namespace slipway {

// A statement that is prepared once per connection. It must outlive the connections that ran it,
// since its address is its name there. Each parameter (:name) stands in the text once, and values
// are given in that order.
struct Sql {
    std::string text;
    int columns = 0;                          // of the answer; 0 if it gives none
    std::vector<RowColumn> row_columns = {};  // of the rows it is run with: see over_rows()
};

// A statement that is run with rows, which it sees as a table `j`, in one of two places:
// "… {from_rows} WHERE …" or "… FROM {rows_and} another WHERE …". `list` names its columns, such as
// "id text, version bigint". On SQLite there is no such table, every j.column is a parameter.
Sql over_rows(Dialect dialect, std::string_view text, std::string_view list, int columns = 0);

using SqlValue = std::variant<std::int64_t, std::string_view>;

// What a statement answered, row by row, as text.
class Rows {
  public:
    explicit Rows(int columns) : columns_(static_cast<std::size_t>(columns)) {}

    std::size_t size() const { return columns_ == 0 ? 0 : cells_.size() / columns_; }
    bool empty() const { return cells_.empty(); }
    bool is_null(std::size_t row, std::size_t column) const { return !cell(row, column); }
    const std::string& text(std::size_t row, std::size_t column) const;  // NULL is empty
    std::int64_t number(std::size_t row, std::size_t column) const;      // NULL is 0
    int small(std::size_t row, std::size_t column) const;
    Time time(std::size_t row, std::size_t column) const;
    std::optional<Time> maybe_time(std::size_t row, std::size_t column) const;

    void add(std::optional<std::string> cell) { cells_.push_back(std::move(cell)); }

  private:
    const std::optional<std::string>& cell(std::size_t row, std::size_t column) const {
        return cells_[row * columns_ + column];
    }

    std::size_t columns_;
    std::vector<std::optional<std::string>> cells_;
};

enum class Access { Write, Read };

// PostgreSQL alone: a key that was to be new is taken. Nothing of the statement happened.
struct KeyTaken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Connection {
  public:
    // Throws std::runtime_error, as every method here, with a text that has no password.
    Connection(const DatabaseSettings& settings, Access access);
    ~Connection();

    Dialect dialect() const { return dialect_; }

    Rows run(const Sql& sql, std::initializer_list<SqlValue> values = {});
    Rows run(const Sql& sql, const RowBatch& rows);
    // For what is said once and never again: migrations.
    Rows run_once(std::string text, int columns = 0);

    void begin();  // takes SQLite's write lock at once, so that no statement can fail for it later
    void commit();
    // After an exception: ends what was begun. False: this connection is of no use any more.
    bool recover();

  private:
    struct Driver;

    Dialect dialect_;
    std::unique_ptr<Driver> driver_;
};

}  // namespace slipway
