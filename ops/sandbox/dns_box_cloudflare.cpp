// Cloudflare's API v4, as its documentation says.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ops/sandbox/dns_box_kinds.h"

namespace slipway::sandbox {
namespace {

constexpr int shortest_ttl = 60;
constexpr int longest_ttl = 86'400;
constexpr int automatic_ttl = 1;
constexpr std::size_t most_changes = 200;  // of the smallest plan
constexpr std::size_t usual_page = 100;

// With Cloudflare's own number beside the status.
struct No {
    int status;
    int code;
    std::string text;
};

Answer enveloped(int status, const Json& body) {
    return {.status = status,
            .reason = status == 200 ? "OK" : "Bad Request",
            .content_type = "application/json",
            .body = body.dump()};
}

Answer good(const Json& result, const Json& result_info = nullptr) {
    Json body = {{"success", true},
                 {"errors", Json::array()},
                 {"messages", Json::array()},
                 {"result", result}};
    if (!result_info.is_null()) body["result_info"] = result_info;
    return enveloped(200, body);
}

Answer bad(const No& no) {
    return enveloped(no.status,
                     {{"success", false},
                      {"errors", {{{"code", no.code}, {"message", no.text}}}},
                      {"messages", Json::array()},
                      {"result", nullptr}});
}

std::string zone_id_of(const std::string& name) {
    std::uint64_t sum = 14'695'981'039'346'656'037U;
    for (const char c : name) sum = (sum ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    return fmt::format("{:016x}{:016x}", sum, ~sum);
}

Json zone_as_json(const std::string& name) {
    return {{"id", zone_id_of(name)}, {"name", name}, {"status", "active"}};
}

Json record_as_json(const DnsBoxRecord& record) {
    return {{"id", record.id},
            {"name", record.name},
            {"type", record.type},
            {"content", record.value},
            {"ttl", record.ttl},
            {"proxied", record.proxied}};
}

std::size_t number_in(const DnsTarget& target, const std::string& name, std::size_t usual) {
    const auto found = target.query.find(name);
    if (found == target.query.end()) return usual;
    std::size_t value = 0;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value == 0)
        throw No{400, 1004, fmt::format("{} is no number: {}", name, text)};
    return value;
}

Answer list(const std::vector<DnsBoxRecord>& records, const DnsTarget& target) {
    const std::size_t per_page = number_in(target, "per_page", usual_page);
    const std::size_t page = number_in(target, "page", 1);
    std::vector<const DnsBoxRecord*> found;
    for (const DnsBoxRecord& record : records) {
        const auto exact = target.query.find("name.exact");
        const auto end = target.query.find("name.endswith");
        if (exact != target.query.end() && exact->second != record.name) continue;
        if (end != target.query.end() && !record.name.ends_with(end->second)) continue;
        found.push_back(&record);
    }
    Json result = Json::array();
    for (std::size_t i = (page - 1) * per_page; i < std::min(found.size(), page * per_page); ++i)
        result.push_back(record_as_json(*found[i]));
    return good(result,
                {{"page", page},
                 {"per_page", per_page},
                 {"count", result.size()},
                 {"total_count", found.size()},
                 {"total_pages", (found.size() + per_page - 1) / per_page}});
}

void check_record(const DnsBoxRecord& record) {
    if (record.type == "A" && !is_ipv4(record.value))
        throw No{400, 9005, "Content for A record must be a valid IPv4 address."};
    if (record.type == "AAAA" && !is_ipv6(record.value))
        throw No{400, 9006, "Content for AAAA record must be a valid IPv6 address."};
    const bool is_good_ttl =
        record.ttl == automatic_ttl || (record.ttl >= shortest_ttl && record.ttl <= longest_ttl);
    if (!is_good_ttl)
        throw No{
            400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic."};
}

// Names that are not of the zone are taken as relative to it.
void fill(DnsBoxRecord& record, const Json& given, const std::string& zone) {
    const auto text = [&](const char* key, const std::string& before) {
        return given.contains(key) && given[key].is_string() ? given[key].get<std::string>()
                                                             : before;
    };
    record.type = text("type", record.type);
    record.value = without_dot(text("content", record.value));
    record.name = without_dot(text("name", record.name));
    if (!lies_in(record.name, zone)) record.name += "." + zone;
    if (given.contains("ttl") && given["ttl"].is_number_integer()) record.ttl = given["ttl"];
    if (given.contains("proxied") && given["proxied"].is_boolean())
        record.proxied = given["proxied"];
    if (record.type.empty() || record.value.empty())
        throw No{400, 9000, "DNS name, type and content are needed."};
    check_record(record);
}

DnsBoxRecord& record_with(std::vector<DnsBoxRecord>& records, const Json& given) {
    const std::string id = given.value("id", "");
    const auto found = std::find_if(
        records.begin(), records.end(), [&](const DnsBoxRecord& one) { return one.id == id; });
    if (found == records.end()) throw No{404, 81044, "Record does not exist."};
    return *found;
}

void check_new(const std::vector<DnsBoxRecord>& records, const DnsBoxRecord& record) {
    for (const DnsBoxRecord& other : records) {
        if (other.name != record.name) continue;
        if (other.type == record.type && other.value == record.value)
            throw No{400, 81058, "An identical record already exists."};
        if (other.type == "CNAME" || record.type == "CNAME")
            throw No{400, 81053, "An A, AAAA, or CNAME record with that host already exists."};
    }
}

// In the order that Cloudflare promises; all of it or nothing.
Answer batch(DnsBoxState& state, const std::string& zone, const Request& request) {
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object()) throw No{400, 9207, "Request body is invalid."};
    std::size_t changes = 0;
    for (const char* part : {"deletes", "patches", "puts", "posts"})
        if (body.contains(part)) changes += body[part].size();
    if (changes > most_changes) throw No{400, 1004, "Too many changes in one batch."};

    std::vector<DnsBoxRecord> records = state.zones[zone];
    const auto each = [&](const char* part) { return body.value(part, Json::array()); };
    Json result = {{"deletes", Json::array()},
                   {"patches", Json::array()},
                   {"puts", Json::array()},
                   {"posts", Json::array()}};
    for (const Json& given : each("deletes")) {
        const DnsBoxRecord record = record_with(records, given);
        std::erase(records, record);
        result["deletes"].push_back(record_as_json(record));
    }
    for (const char* part : {"patches", "puts"})
        for (const Json& given : each(part)) {
            DnsBoxRecord& record = record_with(records, given);
            fill(record, given, zone);
            result[part].push_back(record_as_json(record));
        }
    for (const Json& given : each("posts")) {
        DnsBoxRecord record{.name = {}, .type = {}, .value = {}, .ttl = automatic_ttl};
        fill(record, given, zone);
        check_new(records, record);
        record.id = state.next_id();
        result["posts"].push_back(record_as_json(record));
        records.push_back(std::move(record));
    }
    state.zones[zone] = std::move(records);
    return good(result);
}

Answer route(DnsBoxState& state, const Request& request) {
    const DnsTarget target = target_of(request);
    const std::vector<std::string>& path = target.path;
    const No no_route{404, 7000, "No route for that URI"};
    if (path.size() < 3 || path[0] != "client" || path[1] != "v4" || path[2] != "zones")
        throw No(no_route);
    if (path.size() == 3) {
        Json zones = Json::array();
        for (const auto& [name, records] : state.zones)
            if (!target.query.contains("name") || target.query.at("name") == name)
                zones.push_back(zone_as_json(name));
        return good(zones);
    }
    const auto zone = std::find_if(state.zones.begin(), state.zones.end(), [&](const auto& one) {
        return zone_id_of(one.first) == path[3];
    });
    if (zone == state.zones.end())
        throw No{404,
                 7003,
                 fmt::format("Could not route to /zones/{}, perhaps your object identifier is "
                             "invalid?",
                             path[3])};
    if (path.size() == 4 && request.method == "GET") return good(zone_as_json(zone->first));
    if (path.size() == 5 && path[4] == "dns_records" && request.method == "GET")
        return list(zone->second, target);
    if (path.size() == 6 && path[5] == "batch" && request.method == "POST")
        return batch(state, zone->first, request);
    throw No(no_route);
}

}  // namespace

Answer answer_as_cloudflare(DnsBoxState& state, const Request& request) {
    const std::string authorization = header(request.headers, "Authorization");
    if (!authorization.starts_with("Bearer ")) return bad({400, 6003, "Invalid request headers"});
    if (authorization != "Bearer " + state.settings.secret)
        return bad({403, 9109, "Invalid access token"});
    try {
        return route(state, request);
    } catch (const No& no) {
        return bad(no);
    }
}

}  // namespace slipway::sandbox
