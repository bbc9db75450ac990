// HestiaCP's API, as its scripts say: the answer to a command is its output, or its exit code if
// returncode=yes. With user and password, the status is 200 even if the command failed.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ops/sandbox/dns_box_kinds.h"
#include "ops/sandbox/request_params.h"

namespace slipway::sandbox {
namespace {

enum Code { Ok = 0, Args = 1, Invalid = 2, NotExist = 3, Password = 9, NoCommand = 127 };

// What a command says when it fails.
struct Failed {
    Code code;
    std::string text;
};

struct Command {
    std::string name;
    std::vector<std::string> arguments;

    std::string at(std::size_t place) const {
        return place < arguments.size() ? arguments[place] : std::string();
    }
};

std::string field(const Json& form, const std::string& name) {
    return form.contains(name) && form[name].is_string() ? form[name].get<std::string>() : "";
}

std::vector<DnsBoxRecord>& zone_of(DnsBoxState& state, const Command& command) {
    if (command.at(0) != state.settings.zone_owner)
        throw Failed{NotExist, fmt::format("user {} doesn't exist", command.at(0))};
    const auto zone = state.zones.find(command.at(1));
    if (zone == state.zones.end())
        throw Failed{NotExist, fmt::format("dns {} doesn't exist", command.at(1))};
    return zone->second;
}

std::string list(DnsBoxState& state, const Command& command) {
    const std::string zone = command.at(1);
    Json all = Json::object();
    for (const DnsBoxRecord& record : zone_of(state, command)) {
        const bool is_name = record.type == "PTR" || record.type == "CNAME";
        all[record.id] = {
            {"RECORD",
             record.name == zone ? "@"
                                 : record.name.substr(0, record.name.size() - zone.size() - 1)},
            {"TYPE", record.type},
            {"PRIORITY", ""},
            {"VALUE", is_name ? record.value + "." : record.value},
            {"ID", record.id},
            {"SUSPENDED", "no"},
            {"TIME", "12:00:00"},
            {"DATE", "2026-04-18"},
            {"TTL", record.ttl == 0 ? "" : std::to_string(record.ttl)}};
    }
    return all.dump(4) + "\n";
}

int ttl_in(const std::string& text) {
    if (text.empty()) return 0;
    int ttl = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ttl);
    if (error != std::errc() || end != text.data() + text.size() || ttl < 1)
        throw Failed{Invalid, fmt::format("invalid ttl format :: {}", text)};
    return ttl;
}

// It looks whether the number is new, and not whether the record is.
std::string add(DnsBoxState& state, const Command& command) {
    if (command.arguments.size() < 5)
        throw Failed{Args, "USER DOMAIN RECORD TYPE VALUE [PRIORITY] [ID] [RESTART] [TTL]"};
    const std::string zone = command.at(1);
    const std::string short_name = command.at(2);
    const std::string type = command.at(3);
    const std::string value = command.at(4);
    std::vector<DnsBoxRecord>& records = zone_of(state, command);
    if (type != "A" && type != "AAAA" && type != "PTR" && type != "CNAME")
        throw Failed{Invalid, fmt::format("invalid dns record type format :: {}", type)};
    if (type == "A" && !is_ipv4(value))
        throw Failed{Invalid, fmt::format("invalid ip format :: {}", value)};
    if (short_name.empty() || short_name.find(' ') != std::string::npos)
        throw Failed{Invalid, fmt::format("invalid record format :: {}", short_name)};
    records.push_back({.name = short_name == "@" ? zone : short_name + "." + zone,
                       .type = type,
                       .value = without_dot(value),
                       .ttl = ttl_in(command.at(8)),
                       .id = state.next_id()});
    return "";
}

std::string remove(DnsBoxState& state, const Command& command) {
    if (command.arguments.size() < 3) throw Failed{Args, "USER DOMAIN ID [RESTART]"};
    std::vector<DnsBoxRecord>& records = zone_of(state, command);
    const auto gone = std::erase_if(
        records, [&](const DnsBoxRecord& record) { return record.id == command.at(2); });
    if (gone == 0) throw Failed{NotExist, fmt::format("id {} doesn't exist", command.at(2))};
    return "";
}

std::string run(DnsBoxState& state, const Command& command) {
    if (command.name == "v-list-dns-records") return list(state, command);
    if (command.name == "v-add-dns-record") return add(state, command);
    if (command.name == "v-delete-dns-record") return remove(state, command);
    throw Failed{NoCommand, fmt::format("{}: command not found", command.name)};
}

Answer said(int status, const std::string& body) {
    return {.status = status,
            .reason = status == 200 ? "OK" : "Unauthorized",
            .content_type = "text/html; charset=UTF-8",
            .body = body};
}

bool may_enter(const DnsBoxState& state, const Json& form) {
    const DnsBoxSettings& settings = state.settings;
    if (!field(form, "hash").empty()) return field(form, "hash") == settings.secret;
    return field(form, "user") == settings.user && field(form, "password") == settings.secret;
}

}  // namespace

Answer answer_as_hestia_cp(DnsBoxState& state, const Request& request) {
    if (request.target != "/api/" || request.method != "POST") return {.status = 404};
    Json form;
    try {
        form = parameters_of(request);
    } catch (const NoApi& no) {
        return said(no.status, no.reason);
    }
    const bool wants_code = field(form, "returncode") == "yes";
    if (!may_enter(state, form))
        return said(401, wants_code ? "9" : "Error: authentication failed");
    Command command{.name = field(form, "cmd"), .arguments = {}};
    for (int i = 1; form.contains("arg" + std::to_string(i)); ++i)
        command.arguments.push_back(field(form, "arg" + std::to_string(i)));
    try {
        const std::string output = run(state, command);
        if (wants_code) return said(200, "0");
        return said(200, output.empty() ? "OK" : output);
    } catch (const Failed& failed) {
        return said(200, wants_code ? std::to_string(failed.code) : "Error: " + failed.text + "\n");
    }
}

}  // namespace slipway::sandbox
