#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "topics/json.h"

namespace slipway {

namespace {

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Appends `value` as the inside of a JSON text.
void append_escaped(std::string& out, std::string_view value) {
    std::size_t plain_from = 0;
    std::size_t at = 0;
    const auto flush = [&] { out.append(value.substr(plain_from, at - plain_from)); };
    while (at < value.size()) {
        const auto byte = static_cast<unsigned char>(value[at]);
        if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
            ++at;
            continue;
        }
        const auto length = byte >= 0x80 ? utf8_length(value.substr(at)) : 0;
        if (length > 0) {
            at += length;
            continue;
        }
        flush();
        if (byte >= 0x80) {
            out += "\xEF\xBF\xBD";
        } else if (byte == '"' || byte == '\\') {
            out += '\\';
            out += static_cast<char>(byte);
        } else if (byte == '\n') {
            out += "\\n";
        } else if (byte != 0) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        }
        ++at;
        plain_from = at;
    }
    flush();
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    if (first >= 0xC2 && first <= 0xDF) length = 2;
    if (first >= 0xE0 && first <= 0xEF) length = 3;
    if (first >= 0xF0 && first <= 0xF4) length = 4;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t at = 1; at < length; ++at) {
        if (!is_continuation(text[at])) return 0;
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    const auto second = static_cast<unsigned char>(text[1]);
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    if (first == 0xF0 && second < 0x90) return 0;
    if (first == 0xF4 && second > 0x8F) return 0;
    return length;
}

JsonWriter::JsonWriter(std::size_t expected_bytes) {
    out_.reserve(expected_bytes);
    out_ += '{';
}

void JsonWriter::name(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
}

void JsonWriter::text(std::string_view name_of, std::string_view value) {
    name(name_of);
    out_ += '"';
    append_escaped(out_, value);
    out_ += '"';
}

void JsonWriter::number(std::string_view name_of, std::int64_t value) {
    name(name_of);
    char digits[24];
    const auto written = std::to_chars(digits, digits + sizeof digits, value);
    out_.append(digits, written.ptr);
}

std::string JsonWriter::done() {
    out_ += '}';
    return std::move(out_);
}

}  // namespace slipway
