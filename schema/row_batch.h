#pragma once
// Many rows as the parameter of one statement, which sees them as a table `j`.
//
// PostgreSQL gets them all at once, as JSON. SQLite, to which a call costs next to nothing, runs
// the prepared statement once per row: reading JSON there costs five times as much as the update.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/vm.h"

namespace slipway {

// A column of such a table, as a statement declares it.
struct RowColumn {
    std::string name;
    std::string type;  // text, integer or bigint
    bool may_be_null = false;

    bool is_text() const { return type == "text"; }
};

// "id text, version bigint, wake_at bigint null" taken apart.
std::vector<RowColumn> row_columns(std::string_view list);

class RowBatch {
  public:
    RowBatch& row();  // begins the next one; every row has the same columns in the same order
    // Throws std::runtime_error for a text with a NUL character, which neither database keeps whole
    // and only one of them refuses.
    RowBatch& add(std::string_view column, std::string_view text);
    RowBatch& add(std::string_view column, std::int64_t number);
    RowBatch& add(std::string_view column, Time time);
    RowBatch& add(std::string_view column, const std::optional<Time>& time);

    bool empty() const { return rows_ == 0; }
    std::size_t size() const { return rows_; }

    // An array of objects with these columns, called c0, c1 … and left out where the text is empty
    // or the number 0: reading JSON is a third of the database's time, and it grows with every
    // byte.
    std::string json(std::span<const RowColumn> columns) const;
    // The same as a table for FROM, given the parameter; every column has its name again.
    static std::string json_table(std::span<const RowColumn> columns, std::string_view parameter);

    // For binding: where the columns stand in a row, and what is in it.
    std::vector<std::size_t> places_of(std::span<const RowColumn> columns) const;
    bool is_null(std::size_t row, std::size_t place) const;
    std::int64_t number(std::size_t row, std::size_t place) const;
    std::string_view text(std::size_t row, std::size_t place) const;

  private:
    enum class Kind : std::uint8_t { Null, Number, Text };
    struct Cell {
        Kind kind = Kind::Null;
        std::uint32_t length = 0;
        std::int64_t number = 0;  // or where its text begins
    };

    static bool is_default(const Cell& cell) {
        return cell.kind == Kind::Text ? cell.length == 0 : cell.number == 0;
    }
    void add(std::string_view column, Cell cell);
    const Cell& cell(std::size_t row, std::size_t place) const {
        return cells_[row * columns_.size() + place];
    }

    std::vector<std::string> columns_;
    std::vector<Cell> cells_;
    std::string texts_;  // all of them, one after the other
    std::size_t rows_ = 0;
};

}  // namespace slipway
