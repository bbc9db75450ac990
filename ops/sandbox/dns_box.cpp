#include "ops/sandbox/dns_box.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "consumers/runtime/check.h"
#include "ops/sandbox/dns_box_kinds.h"
#include "ops/sandbox/request_params.h"
#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

bool is_address(int family, const std::string& text) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(family, text.c_str(), bytes) == 1;
}

// What is cut by `mark`, the empty parts left out.
std::vector<std::string> parts_of(const std::string& text, char mark) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find(mark, begin), text.size());
        if (end > begin) parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::string command_in(const Request& request) {
    for (const std::string& field : parts_of(request.body, '&'))
        if (field.starts_with("cmd=")) return " " + percent_decoded(field.substr(4));
    return "";
}

Answer broken(const Rule& rule) {
    if (rule.fault == Fault::ResetBefore || rule.fault == Fault::ResetAfter)
        return {.status = 500, .reason = "reset", .connection = Connection::Reset};
    return {.status = 500,
            .reason = "Internal Server Error",
            .content_type = "text/plain",
            .body = rule.text.empty() ? "Internal Server Error" : rule.text};
}

bool happens_after_all(Fault fault) {
    return fault == Fault::Slow || fault == Fault::ErrorAfter || fault == Fault::ResetAfter;
}

}  // namespace

std::string DnsBoxState::next_id() {
    ++last_id;
    return settings.kind == DnsBoxKind::Cloudflare ? fmt::format("{:032x}", last_id)
                                                   : std::to_string(last_id);
}

DnsBox::DnsBox(DnsBoxSettings settings) : state_{.settings = std::move(settings)} {
    for (const std::string& zone : state_.settings.zones) add_zone(zone);
}

void DnsBox::add_zone(const std::string& name) {
    state_.zones[name];
}

void DnsBox::add_record(const std::string& zone, DnsBoxRecord record) {
    check(state_.zones.contains(zone), "a record is put into a zone that is there");
    record.id = state_.next_id();
    state_.zones[zone].push_back(std::move(record));
}

Answer DnsBox::answer(const Request& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const bool by_command = state_.settings.kind == DnsBoxKind::HestiaCp;
    calls_.push_back(
        fmt::format("{} {}{}", request.method, path, by_command ? command_in(request) : ""));
    const auto rule = misbehaviour_.next(request.method, path);
    if (!rule) return act(request);
    if (!happens_after_all(rule->fault)) return broken(*rule);
    Answer answer = act(request);
    if (rule->fault != Fault::Slow) return broken(*rule);
    answer.after += rule->delay;
    return answer;
}

Answer DnsBox::act(const Request& request) {
    switch (state_.settings.kind) {
        case DnsBoxKind::PowerDns:
            return answer_as_power_dns(state_, request);
        case DnsBoxKind::HestiaCp:
            return answer_as_hestia_cp(state_, request);
        case DnsBoxKind::Cloudflare:
            return answer_as_cloudflare(state_, request);
    }
    return {.status = 404};
}

std::string DnsBox::print() const {
    std::string text;
    for (const auto& [zone, records] : state_.zones) {
        std::vector<std::string> lines;
        for (const DnsBoxRecord& record : records)
            lines.push_back(fmt::format("  {} {} {} {}{}\n",
                                        record.name,
                                        record.ttl,
                                        record.type,
                                        record.value,
                                        record.proxied ? " proxied" : ""));
        std::sort(lines.begin(), lines.end());
        text += zone + "\n";
        for (const std::string& line : lines) text += line;
    }
    return text;
}

std::vector<std::string> DnsBox::take_calls() {
    return std::exchange(calls_, {});
}

DnsTarget target_of(const Request& request) {
    DnsTarget target;
    const std::size_t mark = std::min(request.target.find('?'), request.target.size());
    for (const std::string& part : parts_of(request.target.substr(0, mark), '/'))
        target.path.push_back(percent_decoded(part));
    if (mark == request.target.size()) return target;
    for (const std::string& field : parts_of(request.target.substr(mark + 1), '&')) {
        const std::size_t equals = std::min(field.find('='), field.size());
        target.query[percent_decoded(field.substr(0, equals))] =
            equals == field.size() ? "" : percent_decoded(field.substr(equals + 1));
    }
    return target;
}

bool is_ipv4(const std::string& text) {
    return is_address(AF_INET, text);
}

bool is_ipv6(const std::string& text) {
    return is_address(AF_INET6, text);
}

bool lies_in(const std::string& name, const std::string& zone) {
    return name == zone || name.ends_with("." + zone);
}

std::string without_dot(const std::string& name) {
    return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace slipway::sandbox
