#include "consumers/dns/power_dns.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/dns/dns_names.h"
#include "consumers/dns/dns_sets.h"
#include "consumers/proxmox/json.h"

namespace slipway {
namespace {

constexpr int refused_status = 422;

// A zone may hold a hundred thousand names: a few are asked for one by one.
constexpr std::size_t most_asked_singly = 3;

// The id of a zone is its name with a dot at the end, and what does not belong into a path as
// =XX: 0=2F25.2.0.192.in-addr.arpa.
std::string id_of(const DeclaredZone& zone) {
    std::string id;
    for (const char c : plain_name(zone.name)) {
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        id += plain ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
    return id + ".";
}

// Its backend threw: the transaction was rolled back, and the answer has no reason in it.
bool may_have_met_another(const HttpAnswer& answer) {
    return answer.status == 500 && answer.body.find("Internal Server Error") != std::string::npos;
}

JsonValue rrset_of(const DnsSet& set) {
    JsonValue rrset = {{"name", set.name + "."}, {"type", dns_type_name(set.type)}};
    rrset["changetype"] = set.values.empty() ? "DELETE" : "REPLACE";
    if (set.values.empty()) return rrset;
    rrset["ttl"] = set.ttl;
    for (const std::string& value : set.values)
        rrset["records"].push_back(
            {{"content", set.type == DnsType::Ptr ? value + "." : value}, {"disabled", false}});
    return rrset;
}

void add_rrset(std::vector<DnsSet>& sets, const JsonValue& rrset) {
    const auto type = dns_type_named(text_at(rrset, "type").value_or(""));
    if (!type || !rrset.contains("records") || !rrset["records"].is_array()) return;
    DnsSet set{.name = plain_name(text_at(rrset, "name").value_or("")),
               .type = *type,
               .ttl = static_cast<int>(whole_at(rrset, "ttl").value_or(0)),
               .values = {}};
    for (const JsonValue& record : rrset["records"])
        if (!flag_at(record, "disabled").value_or(false))
            set.values.push_back(plain_value(*type, text_at(record, "content").value_or("")));
    if (!set.values.empty()) add_record(sets, std::move(set));
}

}  // namespace

PowerDns::PowerDns(Http& http, const Clock& clock, const DeclaredDnsProvider& declared)
    : wire_(http, clock, declared) {}

std::vector<DnsSet> PowerDns::read(const DeclaredZone& zone, std::span<const std::string> names) {
    std::vector<std::string> queries;
    if (names.size() <= most_asked_singly) {
        for (const std::string& name : names)
            queries.push_back("rrset_name=" + percent_encoded(name + "."));
    } else {
        queries.emplace_back();
    }
    std::vector<DnsSet> sets;
    for (std::string& query : queries) {
        const JsonValue answer = JsonValue::parse(get(zone, std::move(query)), nullptr, false);
        if (!answer.is_object() || !answer.contains("rrsets") || !answer["rrsets"].is_array())
            throw Error("its answer lists no rrsets; is this PowerDNS's API?");
        for (const JsonValue& rrset : answer["rrsets"]) add_rrset(sets, rrset);
    }
    // Versions before 4.6 do not know the filter and send the whole zone, once per name.
    std::vector<DnsSet> asked;
    for (DnsSet& set : sets) {
        const bool is_asked = std::find(names.begin(), names.end(), set.name) != names.end();
        if (is_asked && find_set(asked, set) == nullptr) asked.push_back(std::move(set));
    }
    return asked;
}

std::vector<DnsResult> PowerDns::write(const DeclaredZone& zone,
                                       std::span<const DnsSet> sets,
                                       Deadline deadline) {
    const HttpAnswer answer = patch(zone, sets, deadline);
    if (answer.status / 100 == 2) return std::vector<DnsResult>(sets.size());
    if (answer.status != refused_status) refuse(answer, zone);
    std::vector<DnsResult> results;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        try {
            const HttpAnswer one =
                sets.size() == 1 ? answer : patch(zone, sets.subspan(i, 1), deadline);
            if (one.status / 100 != 2) refuse(one, zone);
            results.emplace_back();
        } catch (const Error& error) {
            results.push_back({.error = error.what()});
        }
    }
    return results;
}

// One set that is in every zone, instead of all of them.
void PowerDns::check(const DeclaredZone& zone) {
    get(zone, "rrset_type=SOA&rrset_name=" + percent_encoded(plain_name(zone.name) + "."));
}

DnsCall PowerDns::call_of(std::string method, const DeclaredZone& zone) const {
    return {.method = std::move(method),
            .path = fmt::format("/api/v1/servers/{}/zones/{}",
                                percent_encoded(wire_.declared().server),
                                percent_encoded(id_of(zone))),
            .headers = {{.name = "X-API-Key", .value = wire_.declared().secret},
                        {.name = "Accept", .value = "application/json"}}};
}

std::string PowerDns::get(const DeclaredZone& zone, std::string query) {
    DnsCall call = call_of("GET", zone);
    call.query = std::move(query);
    HttpAnswer answer = wire_.send(call);
    if (answer.status != 200) refuse(answer, zone);
    return std::move(answer.body);
}

HttpAnswer PowerDns::patch(const DeclaredZone& zone,
                           std::span<const DnsSet> sets,
                           Deadline deadline) {
    JsonValue rrsets = JsonValue::array();
    for (const DnsSet& set : sets) rrsets.push_back(rrset_of(set));
    DnsCall call = call_of("PATCH", zone);
    call.headers.push_back({.name = "Content-Type", .value = "application/json"});
    call.body = JsonValue{{"rrsets", std::move(rrsets)}}.dump();
    call.deadline = deadline;
    const std::lock_guard lock(one_write_);
    return wire_.send(call);
}

// Errors of the server itself, such as a wrong key, come as plain text.
void PowerDns::refuse(const HttpAnswer& answer, const DeclaredZone& zone) const {
    if (answer.status == 401) throw Error("it does not accept the API key (401)");
    if (answer.status == 404)
        throw Error(fmt::format("it has no zone {}, or is no server {} (404)",
                                plain_name(zone.name),
                                wire_.declared().server));
    if (may_have_met_another(answer)) throw DnsBusy("500 Internal Server Error");
    const JsonValue said = JsonValue::parse(answer.body, nullptr, false);
    throw Error(fmt::format(
        "{} {}", answer.status, wire_.shown(text_at(said, "error").value_or(answer.body))));
}

}  // namespace slipway
