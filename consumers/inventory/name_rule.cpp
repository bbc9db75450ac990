#include "consumers/inventory/name_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "consumers/inventory/values.h"
#include "consumers/runtime/error.h"

namespace slipway {
namespace {

struct KnownMacro {
    std::string_view name;
    NameMacro macro;
};
constexpr KnownMacro macros[] = {
    {"client_id", NameMacro::ClientId},
    {"service_id", NameMacro::ServiceId},
    {"random_digit_", NameMacro::RandomDigits},
    {"random_letter_", NameMacro::RandomLetters},
    {"unixtime", NameMacro::UnixTime},
    {"year", NameMacro::Year},
    {"month", NameMacro::Month},
    {"day", NameMacro::Day},
    {"hour", NameMacro::Hour},
    {"minute", NameMacro::Minute},
    {"second", NameMacro::Second},
};
constexpr int most_random = 32;
constexpr std::size_t longest_label = 63;

// How many letters it has at least, so that no rule can only make names that are too long.
std::size_t least_length(const NamePart& part) {
    if (part.macro == NameMacro::Text) return part.text.size();
    if (part.macro == NameMacro::UnixTime) return 10;
    if (part.macro == NameMacro::Year) return 4;
    if (part.count > 0) return static_cast<std::size_t>(part.count);
    return part.macro == NameMacro::ClientId || part.macro == NameMacro::ServiceId ? 1 : 2;
}

std::string example_of(const KnownMacro& known) {
    return fmt::format("{}{}", known.name, known.name.ends_with('_') ? "6" : "");
}

[[noreturn]] void unknown(std::string_view macro) {
    std::vector<std::string> examples;
    for (const KnownMacro& known : macros) examples.push_back(example_of(known));
    const std::vector<std::string_view> words(examples.begin(), examples.end());
    throw Error(fmt::format("there is no macro {{{}}}{}", macro, did_you_mean(macro, words)));
}

NamePart parse_macro(std::string_view text) {
    for (const KnownMacro& known : macros) {
        if (!known.name.ends_with('_')) {
            if (text == known.name) return {.macro = known.macro};
            continue;
        }
        if (!text.starts_with(known.name)) continue;
        const std::string_view digits = text.substr(known.name.size());
        NamePart part{.macro = known.macro};
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), part.count);
        if (error != std::errc() || end != digits.data() + digits.size() || part.count < 1 ||
            part.count > most_random)
            throw Error(fmt::format("{{{}}} ends with how many, from 1 to {}: {{{}}}",
                                    text,
                                    most_random,
                                    example_of(known)));
        return part;
    }
    unknown(text);
}

NamePart parse_text(std::string_view text) {
    for (const char c : text)
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '.')
            throw Error("a name consists of letters, digits, - and . only; macros stand in {…}");
    return {.text = std::string(text)};
}

void check_whole(const std::vector<NamePart>& parts, std::string_view rule) {
    const bool is_unique = std::any_of(parts.begin(), parts.end(), [](const NamePart& part) {
        return part.macro == NameMacro::ServiceId || part.count >= 4;
    });
    if (!is_unique)
        throw Error(
            "gives several VMs the same name; put {service_id} into it, or {random_digit_6}");
    if (rule.starts_with('-') || rule.starts_with('.') || rule.ends_with('-') ||
        rule.ends_with('.') || rule.find("..") != std::string_view::npos)
        throw Error("a name neither begins nor ends with - or ., and has no two dots in a row");
    std::size_t length = 0;
    for (const NamePart& part : parts) length += least_length(part);
    if (length > longest_label)
        throw Error(fmt::format("makes names longer than {} letters", longest_label));
}

}  // namespace

std::vector<NamePart> parse_name_rule(std::string_view rule) {
    std::vector<NamePart> parts;
    std::string_view left = rule;
    while (!left.empty()) {
        const std::size_t open = std::min(left.find('{'), left.size());
        if (open > 0) {
            parts.push_back(parse_text(left.substr(0, open)));
            left.remove_prefix(open);
            continue;
        }
        const std::size_t close = left.find('}');
        if (close == std::string_view::npos) throw Error(fmt::format("{} has no closing }}", left));
        parts.push_back(parse_macro(left.substr(1, close - 1)));
        left.remove_prefix(close + 1);
    }
    check_whole(parts, rule);
    return parts;
}

}  // namespace slipway
