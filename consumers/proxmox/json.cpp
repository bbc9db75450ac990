#include "consumers/proxmox/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace slipway {
namespace {

const JsonValue* member(const JsonValue& object, std::string_view name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

template <typename Number>
std::optional<Number> parsed(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// Whole numbers are exact in a double up to here.
constexpr double exact_most = 9'007'199'254'740'992.0;

}  // namespace

std::optional<std::int64_t> whole_in(std::string_view text) {
    return parsed<std::int64_t>(text);
}

std::optional<double> number_in(std::string_view text) {
    const auto value = parsed<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::string> text_of(const JsonValue& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
    if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
    if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
    if (value.is_number_float()) return fmt::format("{}", value.get<double>());
    return std::nullopt;
}

std::optional<std::int64_t> whole_of(const JsonValue& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (const auto whole = whole_in(text)) return whole;
    }
    const auto number = number_of(value);
    if (!number || std::abs(*number) > exact_most || *number != std::trunc(*number))
        return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

std::optional<double> number_of(const JsonValue& value) {
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) return number_in(value.get_ref<const std::string&>());
    return std::nullopt;
}

std::optional<bool> flag_of(const JsonValue& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_string() && value.get_ref<const std::string&>().empty()) return false;
    const auto number = number_of(value);
    return number ? std::optional(*number != 0) : std::nullopt;
}

std::optional<std::string> text_at(const JsonValue& object, std::string_view name) {
    const JsonValue* value = member(object, name);
    return value != nullptr ? text_of(*value) : std::nullopt;
}

std::optional<std::int64_t> whole_at(const JsonValue& object, std::string_view name) {
    const JsonValue* value = member(object, name);
    return value != nullptr ? whole_of(*value) : std::nullopt;
}

std::optional<double> number_at(const JsonValue& object, std::string_view name) {
    const JsonValue* value = member(object, name);
    return value != nullptr ? number_of(*value) : std::nullopt;
}

std::optional<bool> flag_at(const JsonValue& object, std::string_view name) {
    const JsonValue* value = member(object, name);
    return value != nullptr ? flag_of(*value) : std::nullopt;
}

}  // namespace slipway
