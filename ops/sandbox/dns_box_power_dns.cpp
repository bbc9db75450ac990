// PowerDNS Authoritative Server's API, as version 4.7 was seen to answer.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ops/sandbox/dns_box_kinds.h"

namespace slipway::sandbox {
namespace {

// About the request as a whole: 422, and nothing of it happened.
[[noreturn]] void unprocessable(const std::string& text) {
    throw Refused(422, text);
}

Answer plain(int status, const std::string& reason) {
    return {.status = status,
            .reason = reason,
            .content_type = "text/plain; charset=utf-8",
            .body = reason};
}

Answer json(int status, const std::string& reason, const Json& body) {
    return {.status = status,
            .reason = reason,
            .content_type = "application/json",
            .body = body.dump()};
}

// 0=2F25.2.0.192.in-addr.arpa. -> 0/25.2.0.192.in-addr.arpa
std::string zone_named(const std::string& id) {
    std::string name;
    for (std::size_t i = 0; i < id.size(); ++i) {
        unsigned byte = 0;
        const char* digits = id.data() + i + 1;
        if (id[i] == '=' && i + 2 < id.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            name += static_cast<char>(byte);
            i += 2;
        } else {
            name += id[i];
        }
    }
    return without_dot(name);
}

std::string content_of(const DnsBoxRecord& record) {
    const bool is_name = record.type == "PTR" || record.type == "CNAME";
    return is_name ? record.value + "." : record.value;
}

Json zone_as_json(const std::string& zone,
                  const std::vector<DnsBoxRecord>& records,
                  const std::map<std::string, std::string>& filter) {
    std::map<std::pair<std::string, std::string>, Json> sets;
    for (const DnsBoxRecord& record : records) {
        const std::string name = record.name + ".";
        if (filter.contains("rrset_name") && filter.at("rrset_name") != name) continue;
        if (filter.contains("rrset_type") && filter.at("rrset_type") != record.type) continue;
        Json& set = sets[{record.name, record.type}];
        if (set.is_null())
            set = {{"name", name},
                   {"type", record.type},
                   {"ttl", record.ttl},
                   {"comments", Json::array()}};
        set["records"].push_back({{"content", content_of(record)}, {"disabled", false}});
    }
    Json rrsets = Json::array();
    for (const auto& [key, set] : sets) rrsets.push_back(set);
    return {{"name", zone + "."}, {"kind", "Native"}, {"serial", 1}, {"rrsets", rrsets}};
}

std::string text_in(const Json& object, const std::string& key) {
    if (!object.contains(key) || !object[key].is_string())
        unprocessable(fmt::format("Key '{}' not present or not a String", key));
    return object[key].get<std::string>();
}

void check_content(const std::string& name, const std::string& type, const std::string& content) {
    const std::string what = fmt::format("Record {}/{} '{}': ", name, type, content);
    if ((type == "A" && !is_ipv4(content)) || (type == "AAAA" && !is_ipv6(content)))
        unprocessable(what +
                      "Parsing record content (try 'pdnsutil check-zone'): unable to parse IP "
                      "address");
    if (type == "PTR" && !content.ends_with('.'))
        unprocessable(what + fmt::format("Not in expected format (parsed as '{}.')", content));
}

void check_conflicts(const std::vector<DnsBoxRecord>& records,
                     const std::string& name,
                     const std::string& type) {
    for (const DnsBoxRecord& record : records)
        if (record.name == without_dot(name) && record.type != type &&
            (record.type == "CNAME" || type == "CNAME"))
            unprocessable(
                fmt::format("RRset {} IN {}: Conflicts with pre-existing RRset", name, type));
}

void replace_set(DnsBoxState& state, std::vector<DnsBoxRecord>& records, const Json& rrset) {
    const std::string name = text_in(rrset, "name");
    const std::string type = text_in(rrset, "type");
    if (!rrset.contains("ttl") || !rrset["ttl"].is_number_integer())
        unprocessable("Key 'ttl' not an Integer or not present");
    if (!rrset.contains("records") || !rrset["records"].is_array())
        unprocessable("No records given in update request");
    std::vector<std::string> contents;
    for (const Json& record : rrset["records"]) {
        const std::string content = text_in(record, "content");
        check_content(name, type, content);
        if (std::find(contents.begin(), contents.end(), content) != contents.end())
            unprocessable(fmt::format(
                "Duplicate record in RRset {} IN {} with content \"{}\"", name, type, content));
        contents.push_back(content);
        records.push_back({.name = without_dot(name),
                           .type = type,
                           .value = without_dot(content),
                           .ttl = rrset["ttl"].get<int>(),
                           .id = state.next_id()});
    }
    if (!contents.empty()) check_conflicts(records, name, type);
}

Answer patch(DnsBoxState& state, const std::string& zone, const Request& request) {
    const Json body = Json::parse(request.body, nullptr, false);
    if (body.is_discarded()) return plain(400, "Bad Request");
    if (!body.is_object() || !body.contains("rrsets") || !body["rrsets"].is_array())
        unprocessable("No rrsets given in update request");
    std::vector<DnsBoxRecord> records = state.zones[zone];
    for (const Json& rrset : body["rrsets"]) {
        const std::string name = text_in(rrset, "name");
        const std::string type = text_in(rrset, "type");
        const std::string changetype = text_in(rrset, "changetype");
        if (!name.ends_with('.'))
            unprocessable(fmt::format("DNS Name '{}' is not canonical", name));
        if (!lies_in(without_dot(name), zone))
            unprocessable(fmt::format("RRset {} IN {}: Name is out of zone", name, type));
        if (changetype != "REPLACE" && changetype != "DELETE")
            unprocessable("Changetype not understood");
        std::erase_if(records, [&](const DnsBoxRecord& record) {
            return record.name == without_dot(name) && record.type == type;
        });
        if (changetype == "REPLACE") replace_set(state, records, rrset);
    }
    state.zones[zone] = std::move(records);
    return {.status = 204, .reason = "No Content"};
}

}  // namespace

Answer answer_as_power_dns(DnsBoxState& state, const Request& request) {
    if (header(request.headers, "X-API-Key") != state.settings.secret)
        return plain(401, "Unauthorized");
    const DnsTarget target = target_of(request);
    const std::vector<std::string> begin = {"api", "v1", "servers", state.settings.server, "zones"};
    if (target.path.size() != begin.size() + 1 ||
        !std::equal(begin.begin(), begin.end(), target.path.begin()))
        return plain(404, "Not Found");
    const std::string zone = zone_named(target.path.back());
    if (!state.zones.contains(zone)) return plain(404, "Not Found");
    try {
        if (request.method == "GET")
            return json(200, "OK", zone_as_json(zone, state.zones[zone], target.query));
        if (request.method == "PATCH") return patch(state, zone, request);
    } catch (const Refused& refused) {
        return json(refused.status, "Unprocessable Entity", {{"error", refused.what()}});
    }
    return plain(405, "Method Not Allowed");
}

}  // namespace slipway::sandbox
