#include "consumers/dns/hestia_cp.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/dns/dns_names.h"
#include "consumers/dns/dns_sets.h"
#include "consumers/proxmox/json.h"

namespace slipway {
namespace {

constexpr int code_not_there = 3;
constexpr int code_exists = 4;
constexpr int code_restart = 20;

// HestiaCP's exit codes, as far as DNS meets them.
std::string meaning_of(std::int64_t code) {
    switch (code) {
        case 1:
            return "arguments are missing";
        case 2:
            return "it takes the name, the value or the ttl for invalid";
        case code_not_there:
            return "there is no such zone, zone owner or record";
        case 5:
            return "the zone or its owner is suspended";
        case 8:
            return "the owner's package allows no more records";
        case 9:
            return "it does not accept the user and password, or the key";
        case 10:
            return "it does not let us in: the user, the key's permissions, or our address";
        case 11:
        case 21:
            return "its API is switched off";
        case code_restart:
            return "the record is written, but its name server did not restart";
        default:
            return "the command failed";
    }
}

// Relative to the zone, as the panel wants it.
std::string short_name(const DeclaredZone& zone, const std::string& name) {
    const std::string above = plain_name(zone.name);
    if (name == above) return "@";
    return zone_holds(above, name) ? name.substr(0, name.size() - above.size() - 1) : name + ".";
}

std::string whole_name(const DeclaredZone& zone, const std::string& record) {
    if (record == "@") return plain_name(zone.name);
    if (record.ends_with('.')) return plain_name(record);
    return plain_name(record) + "." + plain_name(zone.name);
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string form;
    for (const auto& [name, value] : fields)
        form += (form.empty() ? "" : "&") + name + "=" + percent_encoded(value);
    return form;
}

bool has(const std::vector<std::string>& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

HestiaCp::HestiaCp(Http& http, const Clock& clock, const DeclaredDnsProvider& declared)
    : wire_(http, clock, declared) {}

std::vector<DnsSet> HestiaCp::read(const DeclaredZone& zone, std::span<const std::string> names) {
    std::vector<DnsSet> sets;
    for (Listed& listed : list(zone))
        if (std::find(names.begin(), names.end(), listed.record.name) != names.end())
            add_record(sets, std::move(listed.record));
    return sets;
}

std::vector<DnsResult> HestiaCp::write(const DeclaredZone& zone,
                                       std::span<const DnsSet> sets,
                                       Deadline deadline) {
    const std::vector<Listed> listed = list(zone);
    std::vector<DnsResult> results;
    for (const DnsSet& set : sets) {
        try {
            write_set(listed, zone, set, deadline);
            results.emplace_back();
        } catch (const Error& error) {
            results.push_back({.error = error.what()});
        }
    }
    return results;
}

void HestiaCp::check(const DeclaredZone& zone) {
    list(zone);
}

// First what is new, then what is too much, so that the name never has no record in between. A
// record whose ttl changes cannot stand there twice: it goes and comes back.
void HestiaCp::write_set(const std::vector<Listed>& listed,
                         const DeclaredZone& zone,
                         const DnsSet& set,
                         Deadline deadline) {
    std::vector<std::string> there;
    std::vector<const Listed*> to_renew;
    std::vector<const Listed*> too_much;
    for (const Listed& one : listed) {
        if (one.record.name != set.name || one.record.type != set.type) continue;
        const std::string& value = one.record.values.front();
        if (!has(set.values, value) || has(there, value)) {
            too_much.push_back(&one);
            continue;
        }
        there.push_back(value);
        if (one.record.ttl != 0 && one.record.ttl != set.ttl) to_renew.push_back(&one);
    }
    DnsSet record = set;
    for (const std::string& value : set.values) {
        record.values = {value};
        if (!has(there, value)) add(zone, record, deadline);
    }
    for (const Listed* one : too_much) remove(zone, one->id, deadline);
    for (const Listed* one : to_renew) {
        remove(zone, one->id, deadline);
        record.values = one->record.values;
        add(zone, record, deadline);
    }
}

std::vector<HestiaCp::Listed> HestiaCp::list(const DeclaredZone& zone) {
    const HttpAnswer answer =
        send({.name = "v-list-dns-records",
              .arguments = {wire_.declared().zone_owner, plain_name(zone.name), "json"}});
    const JsonValue records = JsonValue::parse(answer.body, nullptr, false);
    if (answer.status / 100 != 2 || !records.is_object()) {
        std::string_view said = answer.body;
        if (said.starts_with("Error: ")) said.remove_prefix(7);
        throw Error(fmt::format("v-list-dns-records: {}",
                                said.empty() ? "its answer is empty" : wire_.shown(said)));
    }
    std::vector<Listed> listed;
    for (const auto& [id, record] : records.items()) {
        const auto type = dns_type_named(text_at(record, "TYPE").value_or(""));
        if (!type || text_at(record, "SUSPENDED").value_or("no") == "yes") continue;
        listed.push_back(
            {.id = text_at(record, "ID").value_or(id),
             .record = {.name = whole_name(zone, text_at(record, "RECORD").value_or("")),
                        .type = *type,
                        .ttl = static_cast<int>(whole_at(record, "TTL").value_or(0)),
                        .values = {plain_value(*type, text_at(record, "VALUE").value_or(""))}}});
    }
    return listed;
}

void HestiaCp::add(const DeclaredZone& zone, const DnsSet& record, Deadline deadline) {
    const std::string& value = record.values.front();
    const std::string priority;  // of mail and services only
    const std::string id;        // the next one
    run({.name = "v-add-dns-record",
         .arguments = {wire_.declared().zone_owner,
                       plain_name(zone.name),
                       short_name(zone, record.name),
                       std::string(dns_type_name(record.type)),
                       record.type == DnsType::Ptr ? value + "." : value,
                       priority,
                       id,
                       "yes",
                       std::to_string(record.ttl)},
         .deadline = deadline},
        code_exists);
}

void HestiaCp::remove(const DeclaredZone& zone, const std::string& id, Deadline deadline) {
    run({.name = "v-delete-dns-record",
         .arguments = {wire_.declared().zone_owner, plain_name(zone.name), id, "yes"},
         .deadline = deadline},
        code_not_there);
}

HttpAnswer HestiaCp::send(const Command& command) {
    const DeclaredDnsProvider& declared = wire_.declared();
    std::vector<std::pair<std::string, std::string>> fields;
    if (declared.user.empty()) {
        fields.emplace_back("hash", declared.secret);
    } else {
        fields.emplace_back("user", declared.user);
        fields.emplace_back("password", declared.secret);
    }
    fields.emplace_back("returncode", command.deadline ? "yes" : "no");
    fields.emplace_back("cmd", command.name);
    for (std::size_t i = 0; i < command.arguments.size(); ++i)
        fields.emplace_back("arg" + std::to_string(i + 1), command.arguments[i]);
    return wire_.send(
        {.method = "POST",
         .path = "/api/",
         .headers = {{.name = "Content-Type", .value = "application/x-www-form-urlencoded"}},
         .body = form_of(fields),
         .deadline = command.deadline});
}

// With returncode=yes the answer is the command's exit code and nothing else.
void HestiaCp::run(const Command& command, int fine_too) {
    const HttpAnswer answer = send(command);
    const auto code = whole_in(wire_.shown(answer.body));
    if (!code)
        throw Error(
            fmt::format("{}: {} {}", command.name, answer.status, wire_.shown(answer.body)));
    if (*code == 0 || *code == fine_too) return;
    throw Error(fmt::format("{}: {} (code {})", command.name, meaning_of(*code), *code));
}

}  // namespace slipway
