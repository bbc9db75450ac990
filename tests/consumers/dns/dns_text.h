#pragma once
// Sets, plans and what came of them as text, so that a test compares the whole of it.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <vector>

#include "consumers/dns/dns.h"

namespace slipway {

inline std::string text_of(const DnsSet& set) {
    return fmt::format(
        "{} {} {} [{}]", set.name, set.ttl, dns_type_name(set.type), fmt::join(set.values, " "));
}

inline std::string text_of(std::span<const DnsSet> sets) {
    std::string text;
    for (const DnsSet& set : sets) text += text_of(set) + "\n";
    return text;
}

inline std::string text_of(const DnsPlan& plan) {
    std::string text;
    for (const DnsZonePlan& one : plan) {
        text += fmt::format("{} {}\n", one.zone.provider, one.zone.name);
        for (const DnsSet& set : one.sets) text += "  " + text_of(set) + "\n";
    }
    return text;
}

inline std::string text_of(std::span<const DnsResult> results) {
    std::string text;
    for (const DnsResult& result : results) text += result.error.value_or("ok") + "\n";
    return text;
}

inline std::string text_of(const std::vector<DnsLine>& lines) {
    std::string text;
    for (const DnsLine& line : lines) text += print(line) + "\n";
    return text;
}

inline std::string text_of(const std::vector<DnsRecordRow>& rows) {
    std::string text;
    for (const DnsRecordRow& row : rows)
        text += fmt::format(
            "{} {}: {} {} {} {}\n", row.provider, row.zone, row.name, row.ttl, row.type, row.value);
    return text;
}

inline std::string text_of(const std::vector<std::string>& lines) {
    return fmt::format("{}{}", fmt::join(lines, "\n"), lines.empty() ? "" : "\n");
}

// What a call throws; "nothing" if it does not.
template <typename Act>
std::string error_of(const Act& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing";
}

}  // namespace slipway
