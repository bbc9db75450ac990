#pragma once
// JSON as events need it: a flat object written into one string, and read back without copying.
//
// State events pass through here tens of thousands of times a second, so neither direction builds a
// tree. The reader is as strict as a full parser: grammar, UTF-8, depth and NUL are checked in
// every corner of the text, also in fields nobody asks for.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// How deep arrays and objects may be nested in what we read.
inline constexpr int most_json_depth = 32;

// Bytes of the valid UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text);

class JsonWriter {
  public:
    explicit JsonWriter(std::size_t expected_bytes);

    // Written as clean_text() would leave it.
    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, std::int64_t value);

    // Closes the object. The writer is empty afterwards.
    std::string done();

  private:
    void name(std::string_view name);

    std::string out_;
};

enum class JsonKind { Null, Boolean, Number, Text, Array, Object };

struct JsonMember {
    std::string name;
    JsonKind kind = JsonKind::Null;
    std::string_view raw;  // as it stands in the source; a text with its quotes

    std::string as_text() const;  // escapes resolved; only for JsonKind::Text
};

// The members of one object. Views point into the source, which must outlive it.
class JsonObject {
  public:
    // `called` is what error texts call it. Throws Unreadable.
    JsonObject(std::string_view source, std::string_view called);

    const JsonMember* find(std::string_view name) const;

    // How error texts name a member of this object.
    std::string path(std::string_view name) const;

  private:
    std::string_view called_;
    std::vector<JsonMember> members_;
};

}  // namespace slipway
