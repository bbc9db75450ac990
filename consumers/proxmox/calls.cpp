#include "consumers/proxmox/calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/http/http.h"
#include "consumers/runtime/check.h"

namespace slipway {
namespace {

constexpr std::string_view base = "/api2/json";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Does net[n] stand for net3?
bool fits(std::string_view pattern, std::string_view name) {
    if (!pattern.ends_with("[n]")) return pattern == name;
    pattern.remove_suffix(3);
    if (!name.starts_with(pattern)) return false;
    name.remove_prefix(pattern.size());
    return !name.empty() && name.size() <= 3 && std::all_of(name.begin(), name.end(), is_digit);
}

// The type of a parameter as the table has it; nullopt if the call has no such parameter.
std::optional<std::string_view> type_of(const PveCall& call, std::string_view name) {
    std::string_view rest = call.parameters;
    while (!rest.empty()) {
        const std::size_t space = std::min(rest.find(' '), rest.size());
        const std::string_view one = rest.substr(0, space);
        const std::size_t colon = std::min(one.find(':'), one.size());
        if (fits(one.substr(0, colon), name))
            return colon == one.size() ? std::string_view("text") : one.substr(colon + 1);
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    return std::nullopt;
}

struct TextOf {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(bool flag) const { return flag ? "1" : "0"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
};

bool is_of_type(const ArgumentValue& value, std::string_view type) {
    const auto& held = value.value();
    if (type == "bool") return std::holds_alternative<bool>(held);
    if (type == "int") return std::holds_alternative<std::int64_t>(held);
    if (type == "number")
        return std::holds_alternative<std::int64_t>(held) || std::holds_alternative<double>(held);
    return std::holds_alternative<std::string>(held);
}

bool is_absent(const Argument& argument) {
    return std::holds_alternative<std::monostate>(argument.value.value());
}

// Puts the value into the path if that is where it belongs.
bool goes_into_path(std::string& path, const Argument& argument) {
    const std::string variable = "{" + argument.name + "}";
    const std::size_t at = path.find(variable);
    if (at == std::string::npos) return false;
    const std::string text = std::visit(TextOf(), argument.value.value());
    // An empty one, or dots, would be another path.
    check(!text.empty() && text != "." && text != "..", "a path's variables have values");
    path.replace(at, variable.size(), percent_encoded(text));
    return true;
}

}  // namespace

std::span<const PveCall> pve_calls() {
    return pve_call_table;
}

PreparedCall prepare(const PveCall& call, const std::vector<Argument>& arguments) {
    PreparedCall prepared{.call = &call};
    std::string path(call.path);
    std::string encoded;
    for (const Argument& argument : arguments) {
        if (goes_into_path(path, argument) || is_absent(argument)) continue;
        const auto type = type_of(call, argument.name);
        check(type.has_value(), fmt::format("{} has no parameter {}", call.name, argument.name));
        check(is_of_type(argument.value, *type),
              fmt::format("{} of {} is {}", argument.name, call.name, *type));
        const std::string text = std::visit(TextOf(), argument.value.value());
        if (*type == "secret") prepared.secrets.push_back(text);
        encoded += fmt::format("{}{}={}",
                               encoded.empty() ? "" : "&",
                               percent_encoded(argument.name),
                               percent_encoded(text));
    }
    check(path.find('{') == std::string::npos, fmt::format("the path of {} is whole", call.name));
    const bool in_query = call.method == "GET" || call.method == "DELETE";
    prepared.shown = fmt::format("{} {}", call.method, path);
    prepared.target = fmt::format("{}{}", base, path);
    if (in_query && !encoded.empty()) prepared.target += "?" + encoded;
    if (!in_query) prepared.form = std::move(encoded);
    return prepared;
}

}  // namespace slipway
