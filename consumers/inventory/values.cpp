#include "consumers/inventory/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "consumers/runtime/config_keys.h"
#include "consumers/runtime/error.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view clone_kinds[] = {"linked", "full"};
constexpr std::string_view dns_kinds[] = {"powerdns", "hestiacp", "cloudflare"};

[[noreturn]] void wrong(std::string_view text, std::string_view what) {
    throw Error(fmt::format("\"{}\" {}", text, what));
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::int64_t whole_number(const std::string& text, Bounds bounds) {
    const auto value = parse<std::int64_t>(text);
    if (!value || *value < bounds.least || *value > bounds.most)
        wrong(text, fmt::format("is not a whole number from {} to {}", bounds.least, bounds.most));
    return *value;
}

std::int64_t duration(const std::string& text, Bounds bounds) {
    const auto value = parse_duration(text);
    if (!value) wrong(text, "is not a duration; write 30s, 10m, 2h or 7d");
    if (value->count() < bounds.least || value->count() > bounds.most)
        wrong(text,
              fmt::format("is out of range; it is a duration from {} to {}",
                          duration_text(milliseconds(bounds.least)),
                          duration_text(milliseconds(bounds.most))));
    return value->count();
}

std::string size_text(std::int64_t count, std::string_view units) {
    while (units.size() > 1 && count != 0 && count % 1024 == 0) {
        count /= 1024;
        units.remove_prefix(1);
    }
    return fmt::format("{}{}", count, units.front());
}

// In the first of the units, each of which is 1,024 of the one before.
std::int64_t size(const std::string& text, std::string_view units, Bounds bounds) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse<std::int64_t>(std::string_view(text).substr(0, digits));
    const std::string_view unit = std::string_view(text).substr(digits);
    const std::size_t place = unit.size() == 1 ? units.find(unit) : std::string_view::npos;
    if (text == "0" && bounds.least == 0) return 0;
    if (!number || place == std::string_view::npos)
        wrong(text,
              fmt::format("is not a size; write a whole number and its unit, such as 20{}",
                          units.substr(0, 1)));
    const std::int64_t factor = std::int64_t{1} << (10 * place);
    if (*number > bounds.most / factor || *number * factor < bounds.least)
        wrong(text,
              fmt::format("is out of range; it is a size from {} to {}",
                          size_text(bounds.least, units),
                          size_text(bounds.most, units)));
    return *number * factor;
}

constexpr std::string_view from_mebi = "MGT";
constexpr std::string_view from_gibi = "GT";

bool consists_of(std::string_view text, std::string_view letters) {
    return text.find_first_not_of(letters) == std::string_view::npos;
}

constexpr std::string_view small_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view large_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

std::string in_small_letters(std::string text) {
    for (char& c : text) {
        const std::size_t place = large_letters.find(c);
        if (place != std::string_view::npos) c = small_letters[place];
    }
    return text;
}

void check_length(const std::string& text, Bounds bounds) {
    const auto length = static_cast<std::int64_t>(text.size());
    if (length < bounds.least) throw Error("must not be empty");
    if (length > bounds.most)
        throw Error(fmt::format("is too long: {} bytes, {} at most", length, bounds.most));
}

void check_label(std::string_view label, std::string_view domain) {
    const std::string letters = fmt::format("{}{}-_/", small_letters, digits);
    if (label.empty() || label.size() > 63 || !consists_of(label, letters) ||
        label.starts_with('-') || label.ends_with('-'))
        wrong(domain, "is no domain: letters, digits and - between dots, such as example.com");
}

template <typename Kind>
void take_word(Kind& place, const std::string& text, std::span<const std::string_view> words) {
    std::string word;
    take(Word{word, words}, text, {});
    place = static_cast<Kind>(std::find(words.begin(), words.end(), word) - words.begin());
}

// What the parsers of addresses throw is no Error, but says as much.
template <typename Place, typename Parse>
void take_parsed(Place& place, const std::string& text, Parse parser) {
    try {
        place = parser(text);
    } catch (const std::runtime_error& error) {
        throw Error(error.what());
    }
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> words) {
    const auto near = nearest(word, words);
    return near ? fmt::format("; did you mean {}?", *near) : "";
}

std::string unknown_key(std::string_view key, std::span<const std::string_view> keys) {
    const std::string near = did_you_mean(key, keys);
    return "unknown key" +
           (near.empty() ? "; ops/config/inventory.example.yaml has all there are" : near);
}

void take(std::string& place, const std::string& text, Bounds bounds) {
    check_length(text, bounds);
    if (std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }))
        throw Error("is one line without control characters");
    place = text;
}

void take(Name place, const std::string& text, Bounds bounds) {
    check_length(text, {bounds.least, std::min<std::int64_t>(bounds.most, 64)});
    const std::string letters = fmt::format("{}{}{}._-", small_letters, large_letters, digits);
    if (!consists_of(text, letters) || text.starts_with('.') || text.starts_with('-'))
        wrong(text, "is no name: letters, digits and . _ - inside");
    place.text = text;
}

void take(Domain place, const std::string& text, Bounds bounds) {
    std::string domain = in_small_letters(text);
    if (domain.ends_with('.')) domain.pop_back();
    if (domain.starts_with('.')) domain.erase(0, 1);
    check_length(domain, {bounds.least, std::min<std::int64_t>(bounds.most, 253)});
    std::string_view left = domain;
    while (!left.empty()) {
        const std::size_t dot = std::min(left.find('.'), left.size());
        check_label(left.substr(0, dot), text);
        left.remove_prefix(std::min(dot + 1, left.size()));
    }
    if (domain.ends_with('.')) check_label("", text);
    place.text = domain;
}

void take(Prose place, const std::string& text, Bounds bounds) {
    check_length(text, bounds);
    if (std::any_of(text.begin(), text.end(), [](char c) {
            return c >= 0 && c < ' ' && c != '\n' && c != '\t';
        }))
        throw Error("may have lines, but no other control characters");
    place.text = text;
}

void take(Word place, const std::string& text, Bounds) {
    if (std::find(place.words.begin(), place.words.end(), text) == place.words.end())
        wrong(text,
              fmt::format("is not one of {}{}",
                          fmt::join(place.words, ", "),
                          did_you_mean(text, place.words)));
    place.text = text;
}

void take(Mebibytes place, const std::string& text, Bounds bounds) {
    place.count = size(text, from_mebi, bounds);
}
void take(Gibibytes place, const std::string& text, Bounds bounds) {
    place.count = size(text, from_gibi, bounds);
}
void take(int& place, const std::string& text, Bounds bounds) {
    place = static_cast<int>(whole_number(text, bounds));
}
void take(std::int64_t& place, const std::string& text, Bounds bounds) {
    place = whole_number(text, bounds);
}
void take(std::optional<int>& place, const std::string& text, Bounds bounds) {
    place = static_cast<int>(whole_number(text, bounds));
}
void take(double& place, const std::string& text, Bounds bounds) {
    const auto value = parse<double>(text);
    if (!value || !std::isfinite(*value) || std::signbit(*value) ||
        *value < static_cast<double>(bounds.least) || *value > static_cast<double>(bounds.most))
        wrong(text, fmt::format("is not a number from {} to {}", bounds.least, bounds.most));
    place = *value;
}
void take(bool& place, const std::string& text, Bounds) {
    if (text != "true" && text != "false") wrong(text, "is neither true nor false");
    place = text == "true";
}
void take(seconds& place, const std::string& text, Bounds bounds) {
    const std::int64_t ms = duration(text, bounds);
    if (ms % 1'000 != 0) wrong(text, "is not a duration in whole seconds");
    place = seconds(ms / 1'000);
}
void take(milliseconds& place, const std::string& text, Bounds bounds) {
    place = milliseconds(duration(text, bounds));
}
void take(IpAddress& place, const std::string& text, Bounds) {
    take_parsed(place, text, parse_address);
}
void take(IpNetwork& place, const std::string& text, Bounds) {
    take_parsed(place, text, parse_network);
}
void take(std::optional<IpNetwork>& place, const std::string& text, Bounds) {
    take_parsed(place, text, parse_network);
}
void take(IpRange& place, const std::string& text, Bounds) {
    take_parsed(place, text, parse_range);
}
void take(CloneKind& place, const std::string& text, Bounds) {
    take_word(place, text, clone_kinds);
}
void take(DnsKind& place, const std::string& text, Bounds) {
    take_word(place, text, dns_kinds);
}

std::string print(const std::string& value) {
    return value;
}
std::string print(const Name& value) {
    return value.text;
}
std::string print(const Domain& value) {
    return value.text;
}
std::string print(const Prose& value) {
    return value.text;
}
std::string print(const Word& value) {
    return value.text;
}
std::string print(const Mebibytes& value) {
    return size_text(value.count, from_mebi);
}
std::string print(const Gibibytes& value) {
    return size_text(value.count, from_gibi);
}
std::string print(const int& value) {
    return std::to_string(value);
}
std::string print(const std::int64_t& value) {
    return std::to_string(value);
}
std::string print(const std::optional<int>& value) {
    return value ? std::to_string(*value) : "";
}
std::string print(const double& value) {
    return fmt::format("{}", value);
}
std::string print(const bool& value) {
    return value ? "true" : "false";
}
std::string print(const seconds& value) {
    return duration_text(value);
}
std::string print(const milliseconds& value) {
    return duration_text(value);
}
std::string print(const IpAddress& value) {
    return print_address(value);
}
std::string print(const IpNetwork& value) {
    return print_network(value);
}
std::string print(const std::optional<IpNetwork>& value) {
    return value ? print_network(*value) : "";
}
std::string print(const IpRange& value) {
    return print_range(value);
}
std::string print(const CloneKind& value) {
    return std::string(clone_kinds[static_cast<std::size_t>(value)]);
}
std::string print(const DnsKind& value) {
    return std::string(dns_kinds[static_cast<std::size_t>(value)]);
}

}  // namespace slipway
