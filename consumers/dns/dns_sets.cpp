#include "consumers/dns/dns_sets.h"

#include <algorithm>
#include <utility>

#include "consumers/dns/dns_names.h"

namespace slipway {
namespace {

constexpr std::pair<DnsType, std::string_view> type_names[] = {
    {DnsType::A, "A"}, {DnsType::Aaaa, "AAAA"}, {DnsType::Ptr, "PTR"}};

bool is_like(const DnsSet& a, const DnsSet& b) {
    return a.type == b.type && a.name == b.name;
}

std::vector<std::string> sorted(std::vector<std::string> values) {
    std::sort(values.begin(), values.end());
    return values;
}

}  // namespace

std::string_view dns_type_name(DnsType type) {
    for (const auto& [known, name] : type_names)
        if (known == type) return name;
    return "?";
}

std::optional<DnsType> dns_type_named(std::string_view name) {
    for (const auto& [type, known] : type_names)
        if (known == name) return type;
    return std::nullopt;
}

std::string plain_value(DnsType type, std::string_view value) {
    if (type == DnsType::Ptr) return plain_name(value);
    try {
        return print_address(parse_address(value));
    } catch (const std::runtime_error&) {
        return std::string(value);  // somebody else's, whatever it means
    }
}

const DnsSet* find_set(std::span<const DnsSet> sets, const DnsSet& like) {
    const auto found = std::find_if(
        sets.begin(), sets.end(), [&](const DnsSet& set) { return is_like(set, like); });
    return found == sets.end() ? nullptr : &*found;
}

bool same_records(const DnsSet& a, const DnsSet& b) {
    if (sorted(a.values) != sorted(b.values)) return false;
    return a.values.empty() || a.ttl == b.ttl || a.ttl == 0 || b.ttl == 0;
}

void add_record(std::vector<DnsSet>& sets, DnsSet record) {
    const auto found = std::find_if(
        sets.begin(), sets.end(), [&](const DnsSet& set) { return is_like(set, record); });
    if (found == sets.end()) {
        sets.push_back(std::move(record));
        return;
    }
    found->ttl = std::min(found->ttl, record.ttl);
    found->values.insert(found->values.end(), record.values.begin(), record.values.end());
}

std::vector<DnsSet> sets_of(std::span<const DnsRecordRow> rows,
                            std::string_view provider,
                            std::string_view zone) {
    std::vector<DnsSet> sets;
    for (const DnsRecordRow& row : rows) {
        const auto type = dns_type_named(row.type);
        if (!type || row.provider != provider || row.zone != zone) continue;
        add_record(sets, {.name = row.name, .type = *type, .ttl = row.ttl, .values = {row.value}});
    }
    return sets;
}

void add_rows(std::vector<DnsRecordRow>& rows, const DeclaredZone& zone, const DnsSet& set) {
    for (const std::string& value : set.values)
        rows.push_back({.provider = zone.provider,
                        .zone = zone.name,
                        .name = set.name,
                        .type = std::string(dns_type_name(set.type)),
                        .value = value,
                        .ttl = set.ttl});
}

}  // namespace slipway
