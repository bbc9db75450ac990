#include "ops/sandbox/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace slipway::sandbox {
namespace {

using Errors = std::map<std::string, std::string>;

constexpr const char* undefined =
    "property is not defined in schema and the schema does not allow additional properties";
constexpr const char* missing = "property is missing and it is not optional";
constexpr std::chrono::hours longest_time{24 * 365};

void add(Errors& errors, const std::string& path, const std::string& what) {
    std::string& text = errors[path];
    text += text.empty() ? what : "\\n" + what;
}

bool has_type(const std::string& type, const std::string& value) {
    if (type == "integer") return whole_number(value).has_value();
    if (type == "number") return number_in(value).has_value();
    if (type == "boolean") return value == "0" || value == "1";
    return true;
}

std::optional<std::string> wrong_format(const Schema& schema,
                                        const std::string& value,
                                        const std::string& path) {
    try {
        if (!schema.parts.empty()) parse_properties(schema.parts, value, path);
        if (!schema.format.empty()) check_format(schema.format, value, path);
    } catch (const BadFormat& bad) {
        return bad.what();
    }
    return std::nullopt;
}

std::optional<std::string> wrong_length(const Schema& schema, const std::string& value) {
    if (schema.longest && value.size() > *schema.longest)
        return fmt::format("value may only be {} characters long", *schema.longest);
    if (schema.shortest && value.size() < *schema.shortest)
        return fmt::format("value must be at least {} characters long", *schema.shortest);
    return std::nullopt;
}

std::optional<std::string> wrong_range(const Schema& schema, const std::string& value) {
    const auto number = number_in(value);
    if (!number) return std::nullopt;
    if (schema.maximum && *number > *schema.maximum)
        return fmt::format("value must have a maximum value of {}", *schema.maximum);
    if (schema.minimum && *number < *schema.minimum)
        return fmt::format("value must have a minimum value of {}", *schema.minimum);
    return std::nullopt;
}

// In the order in which Proxmox looks, which decides what is said when several things are wrong.
std::optional<std::string> problem_with(const Schema& schema,
                                        const std::string& value,
                                        const std::string& path) {
    if (!has_type(schema.type, value))
        return fmt::format("type check ('{}') failed - got '{}'", schema.type, value);
    if (const auto wrong = wrong_format(schema, value, path))
        return "invalid format - " + *wrong + "\n";
    if (schema.pattern && !schema.pattern->matches(value))
        return "value does not match the regex pattern";
    if (auto wrong = wrong_length(schema, value)) return wrong;
    if (auto wrong = wrong_range(schema, value)) return wrong;
    if (!schema.values.empty() &&
        std::find(schema.values.begin(), schema.values.end(), value) == schema.values.end())
        return fmt::format("value '{}' does not have a value in the enumeration '{}'",
                           value,
                           fmt::join(schema.values, ", "));
    return std::nullopt;
}

// The text that a form would have carried, nothing for a structure where a text is wanted.
std::optional<std::string> text_for(const Schema& schema, const Json& value) {
    if (!value.is_structured()) return text_of(value);
    const bool takes_list = schema.type == "array" || schema.format.ends_with("-list");
    if (!value.is_array() || !takes_list) return std::nullopt;
    std::vector<std::string> parts;
    for (const Json& part : value) parts.push_back(text_of(part));
    return fmt::format("{}", fmt::join(parts, std::string(1, '\0')));
}

void check_requirement(const Schema& schema,
                       const std::string& name,
                       const auto& is_given,
                       const std::string& prefix,
                       Errors& errors) {
    if (!schema.needs.empty() && !is_given(schema.needs))
        add(errors,
            prefix + schema.needs,
            fmt::format("missing property required by '{}{}'", prefix, name));
}

std::string rendered(const Errors& errors) {
    std::string text = "format error\n";
    for (const auto& [path, what] : errors) text += fmt::format("{}: {}\n", path, what);
    text.pop_back();
    return text;
}

void check_parts(const std::map<std::string, Schema>& parts,
                 const Properties& found,
                 const std::string& path) {
    Errors errors;
    const auto is_given = [&](const std::string& name) { return found.contains(name); };
    const std::string prefix = path + ".";
    for (const auto& [name, schema] : parts)
        if (!schema.optional && schema.alias.empty() && !found.contains(name))
            add(errors, prefix + name, missing);
    for (const auto& [name, value] : found) {
        const auto part = parts.find(name);
        if (part == parts.end()) {
            add(errors, prefix + name, undefined);
            continue;
        }
        if (const auto problem = problem_with(part->second, value, prefix + name))
            add(errors, prefix + name, *problem);
        check_requirement(part->second, name, is_given, prefix, errors);
    }
    if (!errors.empty()) throw BadFormat(rendered(errors));
}

std::string as_boolean(const Schema* schema, const std::string& value) {
    if (!schema || schema->type != "boolean") return value;
    if (value == "yes" || value == "on" || value == "true") return "1";
    if (value == "no" || value == "off" || value == "false") return "0";
    return value;
}

}  // namespace

std::optional<std::int64_t> whole_number(const std::string& text) {
    std::int64_t number = 0;
    const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(begin, end, number);
    return problem == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::optional<double> number_in(const std::string& text) {
    double number = 0;
    const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    // Words such as nan and inf are none, nor is a second sign.
    if (text.find_first_of("0123456789.", sign) != sign) return std::nullopt;
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + sign, end, number);
    if (problem != std::errc() || stop != end) return std::nullopt;
    return text.starts_with('-') ? -number : number;
}

Json typed(const Endpoint& endpoint, const std::string& name, const std::string& value) {
    const Schema* schema = Api::find_param(endpoint, name);
    const bool is_whole = schema && (schema->type == "integer" || schema->type == "boolean");
    const auto number = whole_number(value);
    return is_whole && number ? Json(*number) : Json(value);
}

std::string text_of(const Json& value) {
    if (value.is_string()) return value;
    if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
    if (value.is_null()) return {};
    return value.is_object() ? "HASH" : value.is_array() ? "ARRAY" : value.dump();
}

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts;
    std::string part;
    for (const char c : text + ",") {
        if (c != ',' && c != ';' && c != ' ' && c != '\n' && c != '\t' && c != '\0') {
            part += c;
        } else if (!part.empty()) {
            parts.push_back(std::exchange(part, {}));
        }
    }
    return parts;
}

Properties parse_properties(const std::map<std::string, Schema>& parts,
                            const std::string& text,
                            const std::string& path) {
    Properties found;
    const auto schema_of = [&](const std::string& name) {
        const auto part = parts.find(name);
        return part == parts.end() ? nullptr : &part->second;
    };
    const auto put = [&](const std::string& name, const std::string& value) {
        if (!found.emplace(name, as_boolean(schema_of(name), value)).second)
            throw BadFormat("duplicate key in comma-separated list property: " + name);
    };
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        begin = end + 1;
        if (part.find_first_not_of(" \t") == std::string::npos) continue;
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos) {
            const auto bare = std::find_if(
                parts.begin(), parts.end(), [](const auto& p) { return p.second.is_default; });
            if (bare == parts.end())
                throw BadFormat("value without key, but schema does not define a default key");
            put(bare->first, part);
            continue;
        }
        if (equals == 0 || equals + 1 == part.size())
            throw BadFormat("missing key in comma-separated list property");
        const std::string name = part.substr(0, equals);
        const Schema* schema = schema_of(name);
        if (schema && !schema->alias.empty()) {
            if (!schema->key_alias.empty()) put(schema->key_alias, name);
            put(schema->alias, part.substr(equals + 1));
        } else {
            put(name, part.substr(equals + 1));
        }
    }
    check_parts(parts, found, path);
    return found;
}

Params checked(const Endpoint& endpoint, const Json& given) {
    Errors errors;
    Properties values;
    const auto is_given = [&](const std::string& name) { return given.contains(name); };
    for (const auto& [name, schema] : endpoint.params)
        if (!endpoint.optional.contains(name) && !given.contains(name)) add(errors, name, missing);
    for (const auto& [name, value] : given.items()) {
        const Schema* schema = Api::find_param(endpoint, name);
        if (!schema) {
            add(errors, name, undefined);
            continue;
        }
        if (value.is_null()) continue;
        const auto text = text_for(*schema, value);
        if (!text) {
            add(errors,
                name,
                fmt::format("type check ('{}') failed - got {}", schema->type, text_of(value)));
        } else if (const auto problem = problem_with(*schema, *text, name)) {
            add(errors, name, *problem);
        } else {
            values[name] = *text;
        }
        check_requirement(*schema, name, is_given, "", errors);
    }
    if (!errors.empty()) throw Refused(400, "Parameter verification failed.", errors);
    return Params(std::move(values));
}

std::string Params::text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
}

std::int64_t Params::number(const std::string& name, std::int64_t otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    if (const auto whole = whole_number(found->second)) return *whole;
    const auto number = number_in(found->second);
    if (!number || std::abs(*number) >= 0x1p63)
        wrong_parameter(name,
                        fmt::format("type check ('number') failed - got '{}'", found->second));
    return static_cast<std::int64_t>(*number);
}

std::chrono::seconds Params::time(const std::string& name, std::chrono::seconds otherwise) const {
    const std::chrono::seconds most = longest_time;
    return std::chrono::seconds(std::min(number(name, otherwise.count()), most.count()));
}

bool Params::flag(const std::string& name, bool otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second == "1";
}

std::vector<std::string> Params::list(const std::string& name) const {
    return split_list(text(name));
}

std::string Params::take(const std::string& name) {
    const auto found = values_.extract(name);
    return found.empty() ? std::string() : found.mapped();
}

}  // namespace slipway::sandbox
