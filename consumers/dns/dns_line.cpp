#include "consumers/dns/dns_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/dns/dns_names.h"
#include "consumers/runtime/check.h"

namespace slipway {
namespace {

std::string_view verb_of(DnsAct act) {
    switch (act) {
        case DnsAct::Forward:
            return "fwd";
        case DnsAct::Reverse:
            return "rev";
        case DnsAct::ForwardRemoved:
            return "fwd-del";
        case DnsAct::ReverseRemoved:
            return "rev-del";
    }
    return "?";
}

DnsLine line_of(const DeclaredZone& zone, const DnsSet& set, const DnsResult& result) {
    const bool removed = set.values.empty();
    DnsLine line{
        .provider = zone.provider, .zone = zone.name, .subject = set.name, .error = result.error};
    if (set.type != DnsType::Ptr) {
        line.act = removed ? DnsAct::ForwardRemoved : DnsAct::Forward;
        line.addresses = set.values.size();
        return line;
    }
    line.act = removed ? DnsAct::ReverseRemoved : DnsAct::Reverse;
    if (const auto address = address_of_ptr(zone, set.name)) line.subject = print_address(*address);
    line.target = fmt::format("{}", fmt::join(set.values, ", "));
    return line;
}

bool are_one(const DnsLine& a, const DnsLine& b) {
    return a.act == b.act && a.subject == b.subject && a.error == b.error;
}

}  // namespace

std::string print(const DnsLine& line) {
    std::string begin = fmt::format("{} {} [{}] {} ← {}",
                                    verb_of(line.act),
                                    line.error ? "ERR" : "OK",
                                    line.provider,
                                    line.zone,
                                    line.subject);
    if (line.error) return begin + ": " + *line.error;
    if (line.act == DnsAct::Reverse) return begin + " → " + line.target;
    if (line.act != DnsAct::Forward) return begin;
    return fmt::format("{} ({} IP{})", begin, line.addresses, line.addresses == 1 ? "" : "s");
}

std::vector<DnsLine> lines_of(const DeclaredZone& zone,
                              std::span<const DnsSet> written,
                              std::span<const DnsResult> results) {
    check(written.size() == results.size(), "a provider answers for each set");
    std::vector<DnsLine> lines;
    for (std::size_t i = 0; i < written.size(); ++i) {
        DnsLine line = line_of(zone, written[i], results[i]);
        const auto same = std::find_if(
            lines.begin(), lines.end(), [&](const DnsLine& one) { return are_one(one, line); });
        if (same == lines.end())
            lines.push_back(std::move(line));
        else
            same->addresses += line.addresses;
    }
    return lines;
}

}  // namespace slipway
