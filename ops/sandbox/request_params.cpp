#include "ops/sandbox/request_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t largest_body = 512 * 1024;
constexpr int deepest_json = 512;

// What comes twice becomes a list.
void add_param(Json& params, const std::string& name, const std::string& value) {
    if (name == "_dc") return;  // a cache buster
    if (!params.contains(name)) {
        params[name] = value;
    } else if (params[name].is_array()) {
        params[name].push_back(value);
    } else {
        params[name] = Json::array({params[name], value});
    }
}

Json form_params(const std::string& form) {
    Json params = Json::object();
    std::size_t begin = 0;
    while (begin < form.size()) {
        const std::size_t end = std::min(form.find('&', begin), form.size());
        const std::string pair = form.substr(begin, end - begin);
        begin = end + 1;
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        add_param(params,
                  percent_decoded(pair.substr(0, equals), ' '),
                  equals < pair.size() ? percent_decoded(pair.substr(equals + 1), ' ') : "");
    }
    return params;
}

[[noreturn]] void not_json(const std::string& why, int line) {
    const std::string text =
        fmt::format("{} at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line {}.", why, line);
    throw NoApi{500, text, text + "\n"};
}

[[noreturn]] void malformed(const std::string& body, std::size_t at) {
    not_json(fmt::format("malformed JSON string, neither tag, array, object, number, string or "
                         "atom, at character offset {} (before \"{}\")",
                         at,
                         at < body.size() ? body.substr(at) : "(end of string)"),
             934);
}

Json json_params(const std::string& body) {
    const auto check_depth = [](int depth, Json::parse_event_t, const Json&) {
        if (depth > deepest_json)
            not_json(
                "json text or perl structure exceeds maximum nesting level (max_depth set too "
                "low?)",
                934);
        return true;
    };
    try {
        Json params = Json::parse(body, check_depth);
        if (params.is_object()) return params;
    } catch (const Json::parse_error& error) {
        malformed(body, std::min(error.byte == 0 ? 0 : error.byte - 1, body.size()));
    } catch (const Json::out_of_range&) {  // a number such as 1e999
        malformed(body, 0);
    }
    not_json("Not a HASH reference", 978);
}

void check_body(const Request& request) {
    const bool takes_body = request.method == "POST" || request.method == "PUT";
    const std::string length = header(request.headers, "Content-Length");
    if (!takes_body && (!request.body.empty() || std::atoll(length.c_str()) > 0)) {
        const std::string text = fmt::format("Unexpected content for method '{}'", request.method);
        throw NoApi{501, text, text};
    }
    if (request.body.size() > largest_body ||
        std::strtoull(length.c_str(), nullptr, 10) > largest_body)
        throw NoApi{501, "for data too large", "for data too large"};
}

}  // namespace

void check_request(const Request& request) {
    constexpr std::array known = {"GET", "POST", "PUT", "DELETE"};
    if (std::find(known.begin(), known.end(), request.method) == known.end())
        throw NoApi{501, fmt::format("method '{}' not available", request.method)};
    if (!request.version.starts_with("HTTP/1.")) {
        const std::string& version = request.version;
        const std::string text =
            fmt::format("http protocol version {} not supported",
                        version.starts_with("HTTP/") ? version.substr(5) : version);
        throw NoApi{506, text, text};
    }
    if (!header(request.headers, "Transfer-Encoding").empty())
        throw NoApi{501, "chunked transfer encoding not supported"};
}

Json parameters_of(const Request& request) {
    check_body(request);
    const std::string type = header(request.headers, "Content-Type");
    Json params = Json::object();
    if (type.starts_with("application/json")) {
        if (!request.body.empty()) params = json_params(request.body);
    } else if (type.empty() || type.starts_with("application/x-www-form-urlencoded")) {
        params = form_params(request.body);
    } else {
        const std::string text = fmt::format("upload 'Content-Type '{}' not implemented", type);
        throw NoApi{506, text, text};
    }
    const std::size_t query = request.target.find('?');
    if (query != std::string::npos) params.update(form_params(request.target.substr(query + 1)));
    return params;
}

}  // namespace slipway::sandbox
