#include "consumers/dns/cloudflare.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consumers/dns/dns_names.h"
#include "consumers/dns/dns_sets.h"
#include "consumers/proxmox/json.h"

namespace slipway {
namespace {

constexpr const char* usual_url = "https://api.cloudflare.com/client/v4";
constexpr int code_identical_exists = 81058;
constexpr int code_record_gone = 81044;

// A zone has 3,500 records at most, unless somebody pays for more.
constexpr int records_per_page = 5'000;

// What the smallest plan takes in one batch.
constexpr std::size_t most_changes = 200;

JsonValue body_of(const HttpAnswer& answer) {
    return JsonValue::parse(answer.body, nullptr, false);
}

const JsonValue& results_in(const JsonValue& body) {
    static const JsonValue none = JsonValue::array();
    return body.contains("result") && body["result"].is_array() ? body["result"] : none;
}

bool is_success(const HttpAnswer& answer) {
    return answer.status / 100 == 2 && flag_at(body_of(answer), "success").value_or(false);
}

// Something about the request itself, and not about who asks, where and how often.
bool is_refusal(const HttpAnswer& answer) {
    const int status = answer.status;
    return status == 400 || status == 409 || status == 422;
}

bool says_code(const HttpAnswer& answer, int code) {
    const JsonValue body = body_of(answer);
    if (!body.is_object() || !body.contains("errors") || !body["errors"].is_array()) return false;
    return std::any_of(body["errors"].begin(), body["errors"].end(), [&](const JsonValue& error) {
        return whole_at(error, "code") == code;
    });
}

// The labels that all names end with.
std::string common_end(std::span<const std::string> names) {
    std::string end = names.front();
    for (const std::string& name : names)
        while (!zone_holds(end, name) && end.find('.') != std::string::npos)
            end.erase(0, end.find('.') + 1);
    return end;
}

// Of a record; `proxied` is only for what could be.
JsonValue record_of(const DnsSet& set, const std::string& value) {
    JsonValue record = {{"type", dns_type_name(set.type)},
                        {"name", set.name},
                        {"content", value},
                        {"ttl", set.ttl}};
    if (set.type != DnsType::Ptr) record["proxied"] = false;
    return record;
}

}  // namespace

Cloudflare::Cloudflare(Http& http, const Clock& clock, DeclaredDnsProvider declared)
    : wire_(http, clock, [&] {
          if (declared.url.empty()) declared.url = usual_url;
          return std::move(declared);
      }()) {}

std::vector<DnsSet> Cloudflare::read(const DeclaredZone& zone, std::span<const std::string> names) {
    std::vector<DnsSet> sets;
    if (names.empty()) return sets;
    for (Listed& listed : list(zone_id(zone), names)) add_record(sets, std::move(listed.record));
    return sets;
}

std::vector<DnsResult> Cloudflare::write(const DeclaredZone& zone,
                                         std::span<const DnsSet> sets,
                                         Deadline deadline) {
    std::set<std::string> different;
    for (const DnsSet& set : sets) different.insert(set.name);
    const std::vector<std::string> names(different.begin(), different.end());
    const std::string id = zone_id(zone);
    const std::vector<Listed> listed = list(id, names);

    std::vector<Change> changes;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        std::vector<std::string> missing = sets[i].values;
        for (const Listed& one : listed) {
            if (one.record.name != sets[i].name || one.record.type != sets[i].type) continue;
            const auto found = std::find(missing.begin(), missing.end(), one.record.values.front());
            if (found == missing.end()) {
                changes.push_back({.set = i, .verb = Verb::Delete, .id = one.id});
                continue;
            }
            if (one.record.ttl != sets[i].ttl)
                changes.push_back({.set = i, .verb = Verb::Patch, .id = one.id, .value = *found});
            missing.erase(found);
        }
        for (const std::string& value : missing) changes.push_back({.set = i, .value = value});
    }

    std::vector<DnsResult> results(sets.size());
    for (std::size_t begin = 0; begin < changes.size(); begin += most_changes) {
        const Batch batch{.zone_id = id,
                          .sets = sets,
                          .changes = std::span(changes).subspan(
                              begin, std::min(most_changes, changes.size() - begin)),
                          .deadline = deadline};
        const HttpAnswer answer = post(batch);
        if (is_success(answer)) continue;
        if (!is_refusal(answer)) throw Error(fault_in(answer));
        send_one_by_one(batch, results);
    }
    return results;
}

void Cloudflare::check(const DeclaredZone& zone) {
    const std::string id = zone_id(zone);
    const HttpAnswer answer = get("/zones/" + percent_encoded(id), "");
    if (!is_success(answer)) throw Error(fault_in(answer));
    const std::string name = text_at(body_of(answer)["result"], "name").value_or("");
    if (plain_name(name) != plain_name(zone.name))
        throw Error(fmt::format("the id {} is that of zone {}, not of {}", id, name, zone.name));
}

// Looked up once: a zone that is deleted and made again has another id, and then this process
// hears of an unknown zone until it starts anew or the provider's declaration changes.
std::string Cloudflare::zone_id(const DeclaredZone& zone) {
    if (!zone.id.empty()) return zone.id;
    const std::string name = plain_name(zone.name);
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
    }
    const HttpAnswer answer = get("/zones", "name=" + percent_encoded(name));
    if (!is_success(answer)) throw Error(fault_in(answer));
    const JsonValue body = body_of(answer);
    for (const JsonValue& found : results_in(body)) {
        const auto id = text_at(found, "id");
        if (!id || plain_name(text_at(found, "name").value_or("")) != name) continue;
        const std::lock_guard lock(mutex_);
        return ids_[name] = *id;
    }
    throw Error(fmt::format(
        "the token sees no zone {}; it needs Zone:Read and DNS:Edit for that zone", name));
}

std::vector<Cloudflare::Listed> Cloudflare::list(const std::string& zone_id,
                                                 std::span<const std::string> names) {
    const std::string which = names.size() == 1
                                  ? "name.exact=" + percent_encoded(names.front())
                                  : "name.endswith=" + percent_encoded(common_end(names));
    std::vector<Listed> listed;
    for (std::int64_t page = 1, pages = 1; page <= pages; ++page) {
        const HttpAnswer answer =
            get("/zones/" + percent_encoded(zone_id) + "/dns_records",
                fmt::format("{}&per_page={}&page={}", which, records_per_page, page));
        if (!is_success(answer)) throw Error(fault_in(answer));
        const JsonValue body = body_of(answer);
        if (body.contains("result_info"))
            pages = whole_at(body["result_info"], "total_pages").value_or(1);
        for (const JsonValue& record : results_in(body)) {
            const auto type = dns_type_named(text_at(record, "type").value_or(""));
            const std::string name = plain_name(text_at(record, "name").value_or(""));
            if (!type || std::find(names.begin(), names.end(), name) == names.end()) continue;
            listed.push_back(
                {.id = text_at(record, "id").value_or(""),
                 .record = {
                     .name = name,
                     .type = *type,
                     .ttl = static_cast<int>(whole_at(record, "ttl").value_or(0)),
                     .values = {plain_value(*type, text_at(record, "content").value_or(""))}}});
        }
    }
    return listed;
}

HttpAnswer Cloudflare::get(std::string path, std::string query) {
    return wire_.send(
        {.method = "GET",
         .path = std::move(path),
         .query = std::move(query),
         .headers = {{.name = "Authorization", .value = "Bearer " + wire_.declared().secret}}});
}

HttpAnswer Cloudflare::post(const Batch& batch) {
    JsonValue body = JsonValue::object();
    for (const Change& change : batch.changes) {
        const DnsSet& set = batch.sets[change.set];
        switch (change.verb) {
            case Verb::Delete:
                body["deletes"].push_back({{"id", change.id}});
                break;
            case Verb::Patch: {
                JsonValue patch = record_of(set, change.value);
                patch["id"] = change.id;
                body["patches"].push_back(std::move(patch));
                break;
            }
            case Verb::Post:
                body["posts"].push_back(record_of(set, change.value));
                break;
        }
    }
    return wire_.send(
        {.method = "POST",
         .path = "/zones/" + percent_encoded(batch.zone_id) + "/dns_records/batch",
         .headers = {{.name = "Authorization", .value = "Bearer " + wire_.declared().secret},
                     {.name = "Content-Type", .value = "application/json"}},
         .body = body.dump(),
         .deadline = batch.deadline});
}

// What somebody else did meanwhile is fine: it is there, or it is gone.
void Cloudflare::send_one_by_one(const Batch& batch, std::vector<DnsResult>& results) {
    for (const Change& change : batch.changes) {
        DnsResult& result = results[change.set];
        if (result.error) continue;
        try {
            Batch one = batch;
            one.changes = std::span(&change, 1);
            const HttpAnswer answer = post(one);
            const bool fine =
                is_success(answer) ||
                (change.verb == Verb::Post && says_code(answer, code_identical_exists)) ||
                (change.verb == Verb::Delete && says_code(answer, code_record_gone));
            if (!fine) result.error = fault_in(answer);
        } catch (const Error& error) {
            result.error = error.what();
        }
    }
}

std::string Cloudflare::fault_in(const HttpAnswer& answer) const {
    std::string text;
    const JsonValue body = body_of(answer);
    if (body.is_object() && body.contains("errors") && body["errors"].is_array())
        for (const JsonValue& error : body["errors"])
            text += fmt::format("{}{} (code {})",
                                text.empty() ? "" : "; ",
                                text_at(error, "message").value_or(""),
                                whole_at(error, "code").value_or(0));
    if (text.empty()) text = "its answer is not Cloudflare's";
    return fmt::format("{} {}", answer.status, wire_.shown(text));
}

}  // namespace slipway
