#include "schema/row_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace slipway {
namespace {

constexpr std::string_view null_mark = " null";

bool is_plain(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        default:
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    std::size_t written = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_plain(text[i])) continue;
        out.append(text, written, i - written);
        append_escaped(out, text[i]);
        written = i + 1;
    }
    out.append(text, written);
    out += '"';
}

}  // namespace

std::vector<RowColumn> row_columns(std::string_view list) {
    std::vector<RowColumn> columns;
    while (!list.empty()) {
        while (list.starts_with(' ')) list.remove_prefix(1);
        const std::string_view column = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), column.size() + 1));
        const auto space = column.find(' ');
        std::string_view type = column.substr(space + 1);
        const bool may_be_null = type.ends_with(null_mark);
        if (may_be_null) type.remove_suffix(null_mark.size());
        columns.push_back({std::string(column.substr(0, space)), std::string(type), may_be_null});
    }
    return columns;
}

RowBatch& RowBatch::row() {
    ++rows_;
    return *this;
}

void RowBatch::add(std::string_view column, Cell cell) {
    if (rows_ == 1) columns_.emplace_back(column);
    cells_.push_back(cell);
}

RowBatch& RowBatch::add(std::string_view column, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        throw std::runtime_error(fmt::format("database: {} contains a NUL character", column));
    }
    const auto begin = static_cast<std::int64_t>(texts_.size());
    texts_ += text;
    add(column, Cell{Kind::Text, static_cast<std::uint32_t>(text.size()), begin});
    return *this;
}

RowBatch& RowBatch::add(std::string_view column, std::int64_t number) {
    add(column, Cell{Kind::Number, 0, number});
    return *this;
}

RowBatch& RowBatch::add(std::string_view column, Time time) {
    return add(column, std::int64_t{time.time_since_epoch().count()});
}

RowBatch& RowBatch::add(std::string_view column, const std::optional<Time>& time) {
    if (time) return add(column, *time);
    add(column, Cell{});
    return *this;
}

std::vector<std::size_t> RowBatch::places_of(std::span<const RowColumn> columns) const {
    std::vector<std::size_t> places;
    std::size_t place = 0;  // most often the next one
    for (const RowColumn& column : columns) {
        std::size_t tried = 0;
        while (tried < columns_.size() && columns_[place % columns_.size()] != column.name) {
            ++place;
            ++tried;
        }
        if (tried == columns_.size()) {
            throw std::logic_error(fmt::format("a batch has no column {}", column.name));
        }
        places.push_back(place++ % columns_.size());
    }
    return places;
}

std::string RowBatch::json(std::span<const RowColumn> columns) const {
    if (rows_ == 0) return "[]";
    const std::vector<std::size_t> places = places_of(columns);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < columns.size(); ++i) names.push_back(fmt::format("\"c{}\":", i));
    std::string out;
    out.reserve(texts_.size() + cells_.size() * 16);
    for (std::size_t row = 0; row < rows_; ++row) {
        out += row == 0 ? "[{" : "},{";
        bool first = true;
        for (std::size_t i = 0; i < places.size(); ++i) {
            const Cell& c = cell(row, places[i]);
            if (c.kind == Kind::Null || (is_default(c) && !columns[i].may_be_null)) continue;
            if (!first) out += ',';
            first = false;
            out += names[i];
            if (c.kind == Kind::Text) {
                append_quoted(out, text(row, places[i]));
            } else {
                const fmt::format_int digits(c.number);
                out.append(digits.data(), digits.size());
            }
        }
    }
    return out + "}]";
}

std::string RowBatch::json_table(std::span<const RowColumn> columns, std::string_view parameter) {
    std::string named, typed;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const char* comma = i == 0 ? "" : ", ";
        const char* instead = columns[i].is_text() ? "''" : "0";
        named += columns[i].may_be_null
                     ? fmt::format("{}c{} AS {}", comma, i, columns[i].name)
                     : fmt::format("{}coalesce(c{}, {}) AS {}", comma, i, instead, columns[i].name);
        typed += fmt::format("{}c{} {}", comma, i, columns[i].type);
    }
    return fmt::format("(SELECT {} FROM json_to_recordset(CAST({} AS json)) AS r({})) AS j",
                       named,
                       parameter,
                       typed);
}

bool RowBatch::is_null(std::size_t row, std::size_t place) const {
    return cell(row, place).kind == Kind::Null;
}

std::int64_t RowBatch::number(std::size_t row, std::size_t place) const {
    return cell(row, place).number;
}

std::string_view RowBatch::text(std::size_t row, std::size_t place) const {
    const Cell& c = cell(row, place);
    return std::string_view(texts_).substr(static_cast<std::size_t>(c.number), c.length);
}

}  // namespace slipway
