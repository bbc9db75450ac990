#include "ops/sandbox/api.h"

#include <algorithm>
#include <sstream>

#include "consumers/runtime/check.h"

namespace slipway::sandbox {
namespace {

// How many of each there may be.
// clang-format off
const std::map<std::string, int, std::less<>> numbered = {
    {"net", 32}, {"ide", 4}, {"sata", 6}, {"scsi", 31}, {"virtio", 16}, {"unused", 256}, {"ipconfig", 32},
    {"serial", 4}, {"parallel", 3}, {"usb", 14}, {"hostpci", 16}, {"numa", 8}, {"virtiofs", 10}, {"mp", 256}, {"dev", 256},
};
// clang-format on

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    std::stringstream in{std::string(text)};
    for (std::string part; std::getline(in, part, at);) parts.push_back(part);
    return parts;
}

std::vector<std::string> segments_of(std::string_view path) {
    std::vector<std::string> segments = split(path, '/');
    std::erase(segments, "");
    return segments;
}

// Perl's pattern in the words of ECMAScript.
Pattern compiled(std::string pattern) {
    bool any_case = false;
    for (std::size_t at; (at = pattern.find("{,")) != std::string::npos;)
        pattern.replace(at, 2, "{0,");
    for (std::size_t at; (at = pattern.find("(?i:")) != std::string::npos;) {
        pattern.replace(at, 4, "(?:");
        any_case = true;
    }
    return Pattern(pattern, any_case);
}

template <class T>
std::optional<T> number(const Json& from, const char* name) {
    return from.contains(name) ? std::optional(from[name].get<T>()) : std::nullopt;
}

bool is_variable(const std::string& segment) {
    return segment.starts_with('{');
}

// Volume ids and networks hold slashes: such a variable takes the rest of the path.
bool takes_the_rest(const Endpoint& endpoint) {
    return !endpoint.segments.empty() &&
           (endpoint.segments.back() == "{volume}" || endpoint.segments.back() == "{cidr}");
}

std::optional<Found> match(const Endpoint& endpoint, const std::vector<std::string>& path) {
    const std::size_t length = endpoint.segments.size();
    if (path.size() < length || (path.size() > length && !takes_the_rest(endpoint)))
        return std::nullopt;
    Found found{&endpoint, {}};
    for (std::size_t i = 0; i < length; ++i) {
        const std::string& segment = endpoint.segments[i];
        if (!is_variable(segment)) {
            if (segment != path[i]) return std::nullopt;
            continue;
        }
        std::string& value = found.params[segment.substr(1, segment.size() - 2)];
        value = path[i];
        if (i + 1 == length)
            for (std::size_t rest = length; rest < path.size(); ++rest) value += "/" + path[rest];
    }
    return found;
}

}  // namespace

Schema schema_from(const Json& from) {
    Schema schema;
    schema.type = from.value("type", "string");
    if (from.contains("format") && from["format"].is_string()) schema.format = from["format"];
    if (from.contains("pattern")) {
        schema.pattern_text = from["pattern"];
        schema.pattern = compiled(schema.pattern_text);
    }
    for (const Json& value : from.value("enum", Json::array())) schema.values.push_back(value);
    schema.minimum = number<double>(from, "minimum");
    schema.maximum = number<double>(from, "maximum");
    schema.shortest = number<std::size_t>(from, "minLength");
    schema.longest = number<std::size_t>(from, "maxLength");
    schema.needs = from.value("requires", "");
    schema.alias = from.value("alias", "");
    schema.key_alias = from.value("keyAlias", "");
    schema.is_default = from.value("default_key", 0) != 0;
    schema.optional = from.value("optional", 0) != 0;
    const Json parts = from.value("props", Json::object());
    for (const auto& [name, part] : parts.items()) schema.parts.emplace(name, schema_from(part));
    return schema;
}

Api::Api() {
    const Json table = Json::parse(api_text());
    for (const auto& [name, from] : table["schemas"].items())
        schemas_.emplace(name, schema_from(from));
    for (const auto& [name, from] : table["endpoints"].items()) {
        Endpoint endpoint;
        endpoint.name = name;
        endpoint.segments = segments_of(std::string_view(name).substr(name.find(' ') + 1));
        for (std::string param : split(from["params"].get<std::string>(), ' ')) {
            const bool optional = param.ends_with('?');
            if (optional) param.pop_back();
            const std::string bare = param.substr(0, param.find('#'));
            endpoint.params[bare] = &schemas_.at(param);
            if (optional) endpoint.optional.insert(bare);
        }
        endpoint.permission = from.value("perm", Json());
        endpoint.is_protected = from.value("protected", false);
        endpoint.runs_on_node = from.contains("proxyto");
        endpoint.ticket_only = from.value("ticket_only", false);
        endpoints_.push_back(std::move(endpoint));
    }
    // Where a word and a variable both fit, the word is meant.
    std::stable_sort(endpoints_.begin(), endpoints_.end(), [](const auto& a, const auto& b) {
        const auto variables = [](const Endpoint& e) {
            return std::count_if(e.segments.begin(), e.segments.end(), is_variable) +
                   (takes_the_rest(e) ? 100 : 0);
        };
        return variables(a) < variables(b);
    });
}

std::optional<Found> Api::find(std::string_view method, std::string_view path) const {
    const std::vector<std::string> segments = segments_of(path);
    for (const Endpoint& endpoint : endpoints_) {
        if (!endpoint.name.starts_with(method) || endpoint.name[method.size()] != ' ') continue;
        if (auto found = match(endpoint, segments)) return found;
    }
    return std::nullopt;
}

const Endpoint& Api::endpoint(std::string_view name) const {
    const auto found = std::find_if(
        endpoints_.begin(), endpoints_.end(), [&](const auto& e) { return e.name == name; });
    check(found != endpoints_.end(), "the table has every endpoint that is asked for by name");
    return *found;
}

const Schema* Api::find_param(const Endpoint& endpoint, const std::string& name) {
    auto found = endpoint.params.find(name);
    if (found == endpoint.params.end())
        if (const auto bare = numbered_name(name)) found = endpoint.params.find(*bare + "[n]");
    return found == endpoint.params.end() ? nullptr : found->second;
}

const Api& the_api() {
    static const Api api;
    return api;
}

std::optional<std::string> numbered_name(const std::string& name) {
    const std::size_t digits = name.find_first_of("0123456789");
    if (digits == std::string::npos || digits == 0 || name.size() - digits > 3) return std::nullopt;
    if (name.find_first_not_of("0123456789", digits) != std::string::npos) return std::nullopt;
    const std::string bare = name.substr(0, digits);
    const auto most = numbered.find(bare);
    if (most == numbered.end() || std::stoi(name.substr(digits)) >= most->second) return {};
    return bare;
}

}  // namespace slipway::sandbox
