#include "consumers/proxmox/property_string.h"

#include <fmt/format.h>

#include <algorithm>

#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t text_most = 64 * 1024;

[[noreturn]] void wrong(std::string_view text, std::string_view what) {
    throw Error(fmt::format("\"{}\" {}", clean_text(text.substr(0, 200)), what));
}

bool is_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool stays_one(std::string_view value) {
    return std::none_of(value.begin(), value.end(), [](char c) {
        return c == ',' || static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    });
}

}  // namespace

std::vector<Property> parse_properties(std::string_view text, std::string_view default_key) {
    if (text.size() > text_most) wrong(text, "is longer than 64 KiB");
    if (clean_text(text) != text) wrong(text, "is not valid UTF-8");
    std::vector<Property> properties;
    std::string_view rest = text;
    while (true) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view part = rest.substr(0, comma);
        const std::size_t equals = part.find('=');
        const bool bare = equals == std::string_view::npos;
        const std::string_view key = bare ? default_key : part.substr(0, equals);
        const std::string_view value = bare ? part : part.substr(equals + 1);
        if (part.empty()) wrong(text, "has an empty part between two commas, or is empty");
        if (!is_key(key)) wrong(text, "has a part that is not key=value");
        if (!stays_one(value)) wrong(text, "holds a control character");
        if (find_property(properties, key) != nullptr)
            wrong(text, fmt::format("has the key \"{}\" twice", key));
        properties.push_back({.key = std::string(key), .value = std::string(value)});
        if (comma == rest.size()) return properties;
        rest.remove_prefix(comma + 1);
    }
}

std::string print_properties(const std::vector<Property>& properties) {
    std::string out;
    for (const Property& property : properties) {
        if (!is_key(property.key)) wrong(property.key, "is no key of a property");
        if (!stays_one(property.value))
            wrong(property.value,
                  fmt::format("cannot be the value of \"{}\": it holds a comma or a line end",
                              property.key));
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", property.key, property.value);
    }
    return out;
}

const std::string* find_property(const std::vector<Property>& properties, std::string_view key) {
    for (const Property& property : properties)
        if (property.key == key) return &property.value;
    return nullptr;
}

void set_property(std::vector<Property>& properties, std::string_view key, std::string value) {
    for (Property& property : properties) {
        if (property.key != key) continue;
        property.value = std::move(value);
        return;
    }
    properties.push_back({.key = std::string(key), .value = std::move(value)});
}

void erase_property(std::vector<Property>& properties, std::string_view key) {
    std::erase_if(properties, [&](const Property& property) { return property.key == key; });
}

}  // namespace slipway
