// Any bytes as text: clean_text() against a decoder of another make, and through JSON and back.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/fuzz/property.h"
#include "topics/event.h"
#include "topics/json.h"

namespace slipway {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Bytes of the character that `text` begins with, by arithmetic; 0 if there is none.
std::size_t decoded_length(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    std::size_t length = 1;
    std::uint32_t code_point = byte(0);
    if (code_point >= 0x80) {
        if (code_point < 0xC0 || code_point >= 0xF8) return 0;
        length = code_point >= 0xF0 ? 4 : code_point >= 0xE0 ? 3 : 2;
        code_point &= 0xFFU >> (length + 1);
    }
    if (text.size() < length) return 0;
    for (std::size_t at = 1; at < length; ++at) {
        if (byte(at) >> 6 != 2) return 0;
        code_point = code_point << 6 | (byte(at) & 0x3FU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return code_point < least[length] || code_point > 0x10FFFF || surrogate ? 0 : length;
}

std::string cleaned_otherwise(std::string_view text) {
    std::string clean;
    while (!text.empty()) {
        const auto length = decoded_length(text);
        if (length == 0) clean += replacement;
        if (length > 0 && text[0] != '\0') clean += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

void check_text(std::string_view text) {
    const std::string clean = clean_text(text);
    must(clean == cleaned_otherwise(text), "clean text is what another decoder makes of it", clean);
    must(clean_text(clean) == clean, "clean text is left as it is", clean);

    JsonWriter writer(16);
    writer.text("before", "b");
    writer.text("text", text);
    writer.number("after", -1);
    const std::string json = writer.done();
    const JsonObject ours(json, "json");
    must(ours.find("text")->as_text() == clean, "our JSON reads back as it was written", json);
    const auto theirs = nlohmann::json::parse(json);
    must(theirs["text"].get<std::string>() == clean, "others read our JSON as we do", json);
    must(theirs["after"] == -1 && ours.find("after")->raw == "-1", "what follows is whole", json);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    slipway::check_text(slipway::as_text(bytes, size));
    return 0;
}
