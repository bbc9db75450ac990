#include "topics/json.h"

#include <fmt/format.h>

#include <charconv>

#include "topics/event.h"

namespace slipway {

namespace {

void append_utf8(std::string& out, std::uint32_t code_point) {
    const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
    if (code_point < 0x80) {
        byte(code_point);
    } else if (code_point < 0x800) {
        byte(0xC0 | (code_point >> 6));
        byte(0x80 | (code_point & 0x3F));
    } else if (code_point < 0x10000) {
        byte(0xE0 | (code_point >> 12));
        byte(0x80 | ((code_point >> 6) & 0x3F));
        byte(0x80 | (code_point & 0x3F));
    } else {
        byte(0xF0 | (code_point >> 18));
        byte(0x80 | ((code_point >> 12) & 0x3F));
        byte(0x80 | ((code_point >> 6) & 0x3F));
        byte(0x80 | (code_point & 0x3F));
    }
}

std::uint32_t hex4(std::string_view digits) {
    std::uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + 4, value, 16);
    return value;
}

// Walks over one JSON text, checking everything and keeping only where things begin and end.
class Scanner {
  public:
    Scanner(std::string_view source, std::string_view called) : source_(source), called_(called) {}

    std::vector<JsonMember> object() {
        skip_space();
        if (at_end()) throw Unreadable(fmt::format("{}: is empty, must be a JSON object", called_));
        if (source_[at_] != '{') {
            value(0);
            throw Unreadable(fmt::format("{}: is not an object, must be a JSON object", called_));
        }
        std::vector<JsonMember> members;
        members.reserve(8);
        members_of_object(1, &members);
        skip_space();
        if (!at_end()) fail("something follows the object");
        return members;
    }

  private:
    bool at_end() const { return at_ == source_.size(); }

    [[noreturn]] void fail(std::string_view what) const {
        if (at_end()) {
            throw Unreadable(fmt::format(
                "{}: ends too early, at byte {}, must be a whole JSON object", called_, at_));
        }
        throw Unreadable(fmt::format(
            "{}: is not JSON at byte {} ({}), must be a JSON object", called_, at_, what));
    }

    void skip_space() {
        while (!at_end() && (source_[at_] == ' ' || source_[at_] == '\n' || source_[at_] == '\t' ||
                             source_[at_] == '\r')) {
            ++at_;
        }
    }

    bool take(char wanted) {
        if (at_end() || source_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    JsonMember value(int depth) {
        skip_space();
        if (at_end()) fail("a value is missing");
        const auto from = at_;
        JsonMember found;
        switch (source_[at_]) {
            case '"':
                found.kind = JsonKind::Text;
                text();
                break;
            case '{':
                found.kind = JsonKind::Object;
                members_of_object(depth + 1, nullptr);
                break;
            case '[':
                found.kind = JsonKind::Array;
                array(depth + 1);
                break;
            case 't':
                found.kind = JsonKind::Boolean;
                word("true");
                break;
            case 'f':
                found.kind = JsonKind::Boolean;
                word("false");
                break;
            case 'n':
                found.kind = JsonKind::Null;
                word("null");
                break;
            default:
                found.kind = JsonKind::Number;
                number();
        }
        found.raw = source_.substr(from, at_ - from);
        return found;
    }

    void check_depth(int depth) const {
        if (depth > most_json_depth) {
            throw Unreadable(
                fmt::format("{}: is nested too deep at byte {}, must be at most {} levels",
                            called_,
                            at_,
                            most_json_depth));
        }
    }

    void members_of_object(int depth, std::vector<JsonMember>* keep) {
        check_depth(depth);
        ++at_;
        skip_space();
        if (take('}')) return;
        while (true) {
            skip_space();
            if (at_end() || source_[at_] != '"') fail("a field's name in quotes is missing");
            JsonMember name;
            const auto from = at_;
            text();
            name.raw = source_.substr(from, at_ - from);
            skip_space();
            if (!take(':')) fail("a colon is missing");
            auto member = value(depth);
            if (keep != nullptr) {
                member.name = name.as_text();
                keep->push_back(std::move(member));
            }
            skip_space();
            if (take('}')) return;
            if (!take(',')) fail("a comma or } is missing");
        }
    }

    void array(int depth) {
        check_depth(depth);
        ++at_;
        skip_space();
        if (take(']')) return;
        while (true) {
            value(depth);
            skip_space();
            if (take(']')) return;
            if (!take(',')) fail("a comma or ] is missing");
        }
    }

    void word(std::string_view wanted) {
        for (const char letter : wanted) {
            if (!take(letter)) fail("a value is missing");
        }
    }

    void digits() {
        const auto from = at_;
        while (!at_end() && source_[at_] >= '0' && source_[at_] <= '9') ++at_;
        if (at_ == from) fail("a value is missing");
    }

    void number() {
        take('-');
        if (!take('0')) digits();
        if (take('.')) digits();
        if (take('e') || take('E')) {
            if (!take('-')) take('+');
            digits();
        }
    }

    void text() {
        ++at_;
        while (!at_end()) {
            const auto byte = static_cast<unsigned char>(source_[at_]);
            if (byte == '"') {
                ++at_;
                return;
            }
            if (byte == '\\') {
                escape();
            } else if (byte < 0x20) {
                if (byte == 0) fail_nul();
                fail("a control character stands in a text");
            } else if (byte < 0x80) {
                ++at_;
            } else {
                const auto length = utf8_length(source_.substr(at_));
                if (length == 0) {
                    throw Unreadable(fmt::format(
                        "{}: is not UTF-8 at byte {}, must be valid UTF-8", called_, at_));
                }
                at_ += length;
            }
        }
        fail("a quote is missing");
    }

    [[noreturn]] void fail_nul() const {
        throw Unreadable(fmt::format(
            "{}: has a NUL character at byte {}, must be text without one", called_, at_));
    }

    std::uint32_t four_hex_digits() {
        const auto from = at_;
        for (int digit = 0; digit < 4; ++digit, ++at_) {
            if (at_end()) fail("a quote is missing");
            const char letter = source_[at_];
            const bool is_hex = (letter >= '0' && letter <= '9') ||
                                (letter >= 'a' && letter <= 'f') ||
                                (letter >= 'A' && letter <= 'F');
            if (!is_hex) fail("an escape is wrong");
        }
        return hex4(source_.substr(from, 4));
    }

    void escape() {
        ++at_;
        if (at_end()) fail("a quote is missing");
        if (std::string_view("\"\\/bfnrt").find(source_[at_]) != std::string_view::npos) {
            ++at_;
            return;
        }
        if (!take('u')) fail("an escape is wrong");
        const auto first = four_hex_digits();
        if (first == 0) fail_nul();
        if (first >= 0xDC00 && first <= 0xDFFF) fail("half a surrogate pair");
        if (first < 0xD800 || first > 0xDBFF) return;
        if (!take('\\') || !take('u')) fail("half a surrogate pair");
        const auto second = four_hex_digits();
        if (second < 0xDC00 || second > 0xDFFF) fail("half a surrogate pair");
    }

    std::string_view source_;
    std::string_view called_;
    std::size_t at_ = 0;
};

}  // namespace

std::string JsonMember::as_text() const {
    const auto inside = raw.substr(1, raw.size() - 2);
    auto backslash = inside.find('\\');
    if (backslash == std::string_view::npos) return std::string(inside);
    std::string text;
    text.reserve(inside.size());
    std::size_t from = 0;
    while (backslash != std::string_view::npos) {
        text.append(inside.substr(from, backslash - from));
        const char letter = inside[backslash + 1];
        from = backslash + 2;
        switch (letter) {
            case 'b':
                text += '\b';
                break;
            case 'f':
                text += '\f';
                break;
            case 'n':
                text += '\n';
                break;
            case 'r':
                text += '\r';
                break;
            case 't':
                text += '\t';
                break;
            case 'u': {
                auto code_point = hex4(inside.substr(from));
                from += 4;
                if (code_point >= 0xD800 && code_point <= 0xDBFF) {
                    code_point = 0x10000 + ((code_point - 0xD800) << 10) +
                                 (hex4(inside.substr(from + 2)) - 0xDC00);
                    from += 6;
                }
                append_utf8(text, code_point);
                break;
            }
            default:
                text += letter;
        }
        backslash = inside.find('\\', from);
    }
    text.append(inside.substr(from));
    return text;
}

JsonObject::JsonObject(std::string_view source, std::string_view called)
    : called_(called), members_(Scanner(source, called).object()) {}

const JsonMember* JsonObject::find(std::string_view name) const {
    const JsonMember* found = nullptr;
    for (const auto& member : members_) {
        if (member.name != name) continue;
        if (found != nullptr) throw Unreadable(path(name) + ": appears twice, must appear once");
        found = &member;
    }
    return found;
}

std::string JsonObject::path(std::string_view name) const {
    return fmt::format("{}.{}", called_, name);
}

}  // namespace slipway
