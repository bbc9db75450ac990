#pragma once
// Proxmox's JSON as it comes: the same value is a number here and a text there, and one that is
// absent, null or of another kind is no reason to stop.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

using JsonValue = nlohmann::json;

// nullopt if `object` is no object, or has no such member, or one that cannot be read like this.
// A number or a truth is read as the text of it; a text that holds a number as that number.
std::optional<std::string> text_at(const JsonValue& object, std::string_view name);
std::optional<std::int64_t> whole_at(const JsonValue& object, std::string_view name);
std::optional<double> number_at(const JsonValue& object, std::string_view name);
std::optional<bool> flag_at(const JsonValue& object, std::string_view name);

// The same of one value.
std::optional<std::string> text_of(const JsonValue& value);
std::optional<std::int64_t> whole_of(const JsonValue& value);
std::optional<double> number_of(const JsonValue& value);
std::optional<bool> flag_of(const JsonValue& value);

// The whole of a text as a number; nullopt if it is none.
std::optional<std::int64_t> whole_in(std::string_view text);
std::optional<double> number_in(std::string_view text);

}  // namespace slipway
