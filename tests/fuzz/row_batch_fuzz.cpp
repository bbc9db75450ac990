// Rows of any bytes: what goes into a batch comes out of it, as parameters and as the JSON that
// PostgreSQL reads.
//
// The input is a row for each line, and a column for each tab in it.

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "schema/base64.h"
#include "schema/row_batch.h"
#include "tests/fuzz/property.h"
#include "topics/event.h"

namespace slipway {
namespace {

using Json = nlohmann::json;

std::vector<std::string_view> parts(std::string_view text, char separator) {
    std::vector<std::string_view> found;
    while (true) {
        const auto part = text.substr(0, text.find(separator));
        found.push_back(part);
        if (part.size() == text.size()) return found;
        text.remove_prefix(part.size() + 1);
    }
}

struct Row {
    std::string text;
    std::int64_t number = 0;
    std::optional<Time> time;
    std::string more;
};

// Numbers are made of the bytes of a text, so that all sizes and signs come up.
std::int64_t number_of(std::string_view text) {
    std::uint64_t number = 0;
    for (const char letter : text) number = number << 8 | static_cast<unsigned char>(letter);
    return static_cast<std::int64_t>(number);
}

// Text is valid UTF-8 before it gets to a batch; what a NUL does there is checked apart.
std::vector<Row> rows_of(std::string_view text) {
    std::vector<Row> rows;
    for (const auto line : parts(text, '\n')) {
        auto columns = parts(line, '\t');
        columns.resize(4);
        Row row{.text = clean_text(columns[0]), .number = number_of(columns[1])};
        if (!columns[2].empty()) row.time = Time(std::chrono::microseconds(number_of(columns[2])));
        row.more = clean_text(columns[3]);
        rows.push_back(std::move(row));
    }
    return rows;
}

void check_parameters(const RowBatch& batch, const std::vector<Row>& rows) {
    const auto places =
        batch.places_of(row_columns("more text, text text, number bigint, time bigint"));
    for (std::size_t row = 0; row < rows.size(); ++row) {
        must(batch.text(row, places[0]) == rows[row].more, "the last text", rows[row].more);
        must(batch.text(row, places[1]) == rows[row].text, "the first text", rows[row].text);
        must(batch.number(row, places[2]) == rows[row].number, "the number");
        must(batch.is_null(row, places[3]) == !rows[row].time, "no time is null");
    }
}

void check_json(const RowBatch& batch, const std::vector<Row>& rows) {
    const auto columns = row_columns("text text, number bigint, time bigint null, more text");
    const std::string json = batch.json(columns);
    const auto read = Json::parse(json);
    must(read.size() == rows.size(), "a row each", json);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Json& row = read[i];
        must(row.value("c0", "") == rows[i].text, "the first text in JSON", json);
        must(row.value("c1", std::int64_t{0}) == rows[i].number, "the number in JSON", json);
        must(row.contains("c2") == rows[i].time.has_value(), "only no time is left out", json);
        if (rows[i].time)
            must(row["c2"] == rows[i].time->time_since_epoch().count(), "the time", json);
        must(row.value("c3", "") == rows[i].more, "the last text in JSON", json);
    }
}

void check_nul(std::string_view text) {
    RowBatch batch;
    bool refused = false;
    try {
        batch.row().add("text", text);
    } catch (const std::runtime_error&) {
        refused = true;
    }
    must(refused == (text.find('\0') != std::string_view::npos), "a NUL is refused, else nothing");
}

void check_rows(std::string_view text) {
    const auto rows = rows_of(text);
    RowBatch batch;
    for (const auto& row : rows) {
        batch.row()
            .add("text", row.text)
            .add("number", row.number)
            .add("time", row.time)
            .add("more", row.more);
    }
    must(batch.size() == rows.size(), "as many rows as were added");
    check_parameters(batch, rows);
    check_json(batch, rows);
    check_nul(text);
    must(from_base64(base64(text)) == text, "base64 there and back", text);
    from_base64(text);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    slipway::check_rows(slipway::as_text(bytes, size));
    return 0;
}
