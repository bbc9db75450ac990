// One value of the configuration: from text, to text, and what is said when it does not fit.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "consumers/runtime/config_keys.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t ms;
};
constexpr Unit units[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

std::optional<std::int64_t> parse_whole(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

void check_limits(std::int64_t value, const ConfigKey& key) {
    if (value < key.limits.least || value > key.limits.most)
        throw Error(fmt::format("is out of range; it is a {}", type_text(key)));
}

struct Setter {
    Config& config;
    const ConfigKey& key;
    const std::string& text;

    void operator()(std::string& (*place)(Config&)) const {
        const auto length = static_cast<std::int64_t>(text.size());
        if (length < key.limits.least) throw Error("must not be empty");
        if (length > key.limits.most)
            throw Error(fmt::format("is too long; {} bytes at most", key.limits.most));
        place(config) = text;
    }
    void operator()(int& (*place)(Config&)) const {
        const auto value = parse_whole(text);
        if (!value) throw Error(fmt::format("\"{}\" is not a {}", text, type_text(key)));
        check_limits(*value, key);
        place(config) = static_cast<int>(*value);
    }
    void operator()(bool& (*place)(Config&)) const {
        if (text != "true" && text != "false")
            throw Error(fmt::format("\"{}\" is neither true nor false", text));
        place(config) = text == "true";
    }
    void operator()(milliseconds& (*place)(Config&)) const {
        const auto value = parse_duration(text);
        if (!value)
            throw Error(
                fmt::format("\"{}\" is not a duration; write 250ms, 30s, 10m, 2h or 7d", text));
        check_limits(value->count(), key);
        place(config) = *value;
    }
    void operator()(std::map<std::string, std::string>& (*)(Config&)) const {
        throw Error("is a map: write name: value below it, a line each");
    }
    void operator()(const Choice& choice) const {
        const auto found = std::find(choice.words.begin(), choice.words.end(), text);
        if (found != choice.words.end()) {
            choice.set(config, static_cast<int>(found - choice.words.begin()));
            return;
        }
        const auto near = nearest(text, choice.words);
        throw Error(fmt::format("\"{}\" is not one of {}{}",
                                text,
                                fmt::join(choice.words, ", "),
                                near ? fmt::format("; did you mean {}?", *near) : ""));
    }
};

std::string map_text(const std::map<std::string, std::string>& map, Show show) {
    std::string out;
    for (const auto& [name, value] : map)
        out += fmt::format("{}{}: {}",
                           out.empty() ? "" : ", ",
                           name,
                           show == Show::Masked && is_secret_property(name) ? "***" : value);
    return "{" + out + "}";
}

struct Getter {
    Config& config;
    Show show;

    std::string operator()(std::string& (*place)(Config&)) const { return place(config); }
    std::string operator()(int& (*place)(Config&)) const { return std::to_string(place(config)); }
    std::string operator()(bool& (*place)(Config&)) const {
        return place(config) ? "true" : "false";
    }
    std::string operator()(milliseconds& (*place)(Config&)) const {
        return duration_text(place(config));
    }
    std::string operator()(std::map<std::string, std::string>& (*place)(Config&)) const {
        return map_text(place(config), show);
    }
    std::string operator()(const Choice& choice) const {
        return std::string(choice.words[static_cast<std::size_t>(choice.get(config))]);
    }
};

struct TypeText {
    Limits limits;

    std::string operator()(std::string& (*)(Config&)) const { return "text"; }
    std::string operator()(int& (*)(Config&)) const {
        return fmt::format("whole number from {} to {}", limits.least, limits.most);
    }
    std::string operator()(bool& (*)(Config&)) const { return "true or false"; }
    std::string operator()(milliseconds& (*)(Config&)) const {
        return fmt::format("duration from {} to {}",
                           duration_text(milliseconds(limits.least)),
                           duration_text(milliseconds(limits.most)));
    }
    std::string operator()(std::map<std::string, std::string>& (*)(Config&)) const {
        return "map of name: value";
    }
    std::string operator()(const Choice& choice) const {
        return fmt::format("{}", fmt::join(choice.words, " or "));
    }
};

// How many letters must be added, dropped or changed to make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string environment_name(std::string_view path) {
    std::string name = "SLIPWAY_";
    for (const char c : path)
        name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return name;
}

std::string type_text(const ConfigKey& key) {
    return std::visit(TypeText{key.limits}, key.place);
}

void set_value(Config& config, const ConfigKey& key, const std::string& text) {
    std::visit(Setter{config, key, text}, key.place);
}

std::string value_text(const Config& config, const ConfigKey& key, Show show) {
    Config copy = config;  // the places of the table speak of a Config that may be changed
    std::string text = std::visit(Getter{copy, show}, key.place);
    if (show == Show::Plain || text.empty()) return text;
    return key.secret == Secret::Whole ? "***" : masked_url(text);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_whole(text.substr(0, digits));
    if (!number || *number > 1'000'000'000) return std::nullopt;
    for (const Unit& unit : units)
        if (text.substr(digits) == unit.name) return milliseconds(*number * unit.ms);
    return std::nullopt;
}

std::string duration_text(milliseconds duration) {
    for (const Unit& unit : units)
        if (duration.count() != 0 && duration.count() % unit.ms == 0)
            return fmt::format("{}{}", duration.count() / unit.ms, unit.name);
    return "0s";
}

bool is_secret_property(std::string_view name) {
    for (const std::string_view word :
         {"password", "secret", "pem", "token", "sasl.oauthbearer.config"})
        if (name.find(word) != std::string_view::npos) return true;
    return false;
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> words) {
    std::optional<std::string_view> best;
    std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : words) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance >= least) continue;
        least = distance;
        best = candidate;
    }
    return best;
}

}  // namespace slipway
