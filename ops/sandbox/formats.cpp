// Proxmox's named formats: what a value has to look like, and what is said when it does not.

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "ops/sandbox/parameters.h"

namespace slipway::sandbox {
namespace {

bool is_ipv4(const std::string& text) {
    in_addr address{};
    return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& text) {
    in6_addr address{};
    return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// Digits alone: a sign is none.
bool is_number_up_to(const std::string& text, int most) {
    if (text.find_first_not_of("0123456789") != std::string::npos) return false;
    const auto number = whole_number(text);
    return number && *number <= most;
}

bool is_cidr(const std::string& text, bool (*is_address)(const std::string&), int most) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos || !is_address(text.substr(0, slash))) return false;
    return is_number_up_to(text.substr(slash + 1), most);
}

bool is_ip_or_cidr(const std::string& text) {
    return is_ipv4(text) || is_ipv6(text) || is_cidr(text, is_ipv4, 32) ||
           is_cidr(text, is_ipv6, 128);
}

bool is_dns_name(const std::string& text) {
    static const Pattern name(
        R"(([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*)");
    return name.matches(text);
}

bool is_protocol(const std::string& text) {
    static const std::array known = {"tcp", "udp",     "icmp", "igmp", "ipv6-icmp", "icmpv6",
                                     "gre", "esp",     "ah",   "sctp", "ospf",      "vrrp",
                                     "pim", "ipencap", "egp",  "igp",  "udplite",   "dccp",
                                     "ip",  "ipcomp",  "rdp",  "hmp",  "eigrp",     "l2tp"};
    return is_number_up_to(text, 255) || std::find(known.begin(), known.end(), text) != known.end();
}

// The first port that is none, in 22, 80:90, http and lists of such.
std::optional<std::string> wrong_port(const std::string& text) {
    static const Pattern word("[a-zA-Z][a-zA-Z0-9-]*");
    for (const std::string& entry : split_list(text)) {
        const std::size_t colon = entry.find(':');
        for (const std::string& port :
             {entry.substr(0, colon), colon == std::string::npos ? "1" : entry.substr(colon + 1)}) {
            if (!is_number_up_to(port, 65535) && !word.matches(port)) return port;
        }
    }
    return std::nullopt;
}

// By hand, as keys may be longer than a pattern bears.
bool is_urlencoded(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-%_.!~*'()").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool is_content(const std::string& text) {
    static const std::array known = {
        "images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"};
    return std::find(known.begin(), known.end(), text) != known.end();
}

// A format told by a pattern, and the sentence for what does not match; {} is the value.
struct ByPattern {
    Pattern pattern;
    const char* sentence;
};

const std::map<std::string, ByPattern>& by_pattern() {
    // clang-format off
    static const std::map<std::string, ByPattern> all = {
        {"pve-vmid", {Pattern("[1-9][0-9]{2,8}"), "value does not look like a valid VM ID"}},
        {"pve-node", {Pattern("[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"), "value does not look like a valid node name"}},
        {"pve-configid", {Pattern("[a-z][a-z0-9_-]+", true), "invalid configuration ID '{}'"}},
        {"pve-storage-id", {Pattern("[a-z][a-z0-9_.-]*[a-z0-9]", true), "storage ID '{}' contains illegal characters"}},
        {"pve-bridge-id", {Pattern(R"([-_.\w]+)"), "invalid bridge ID '{}'"}},
        {"pve-poolid", {Pattern("[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}"), "value '{}' does not look like a valid pool name"}},
        {"pve-userid", {Pattern(R"([^\s:/]+@[A-Za-z][A-Za-z0-9._-]+)"), "value '{}' does not look like a valid user name"}},
        {"pve-tokenid", {Pattern(R"([^\s:/]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+)"), "value '{}' does not look like a valid token ID"}},
        {"pve-roleid", {Pattern("[A-Za-z0-9._-]+"), "role name '{}' contains invalid characters"}},
        {"pve-realm", {Pattern("[A-Za-z][A-Za-z0-9._-]+"), "value does not look like a valid realm"}},
        {"pve-volume-id", {Pattern("[a-zA-Z][a-zA-Z0-9_.-]*:.+"), "unable to parse volume ID '{}'"}},
        {"pve-volume-id-or-qm-path", {Pattern("none|cdrom|/.*|[a-zA-Z][a-zA-Z0-9_.-]*:.+"), "unable to parse volume ID '{}'"}},
        {"pve-volume-id-or-absolute-path", {Pattern("/.*|[a-zA-Z][a-zA-Z0-9_.-]*:.+"), "unable to parse volume ID '{}'"}},
        {"mac-addr", {Pattern("[a-f0-9][02468ace](:[a-f0-9]{2}){5}", true), "value does not look like a valid unicast MAC address"}},
        {"mac-prefix", {Pattern("[a-f0-9][02468ace](:[a-f0-9]{2}){0,2}:?", true), "value is not a valid unicast MAC address prefix"}},
        {"disk-size", {Pattern(R"(\d+(\.\d+)?([KMGT](iB)?)?)"), "value does not look like a valid disk size: {}"}},
        {"pve-tag", {Pattern("[a-z0-9_][a-z0-9_+.-]*", true), "invalid characters in tag"}},
        {"pve-groupid", {Pattern("[A-Za-z0-9._-]+"), "group name '{}' contains invalid characters"}},
    };
    // clang-format on
    return all;
}

struct ByTest {
    std::function<bool(const std::string&)> holds;
    const char* sentence;
};

const std::map<std::string, ByTest>& by_test() {
    static const auto either = [](const std::string& v) { return is_ipv4(v) || is_ipv6(v); };
    static const Pattern alias("((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+");
    constexpr const char* no_cidr = "value does not look like a valid IP address or CIDR network";
    static const std::map<std::string, ByTest> all = {
        {"dns-name", {is_dns_name, "value does not look like a valid DNS name"}},
        {"ipv4", {is_ipv4, "value does not look like a valid IPv4 address"}},
        {"ipv6", {is_ipv6, "value does not look like a valid IPv6 address"}},
        {"ip", {either, "value does not look like a valid IP address"}},
        {"address",
         {[](const std::string& v) { return either(v) || is_dns_name(v); },
          "value does not look like a valid address: {}"}},
        {"IPorCIDR", {is_ip_or_cidr, no_cidr}},
        {"IPorCIDRorAlias",
         {[](const std::string& v) { return is_ip_or_cidr(v) || alias.matches(v); }, no_cidr}},
        {"pve-ipv4-config",
         {[](const std::string& v) {
              return v == "dhcp" || v == "manual" || is_cidr(v, is_ipv4, 32);
          },
          "value does not look like a valid ipv4 network configuration"}},
        {"pve-ipv6-config",
         {[](const std::string& v) {
              return v == "auto" || v == "dhcp" || v == "manual" || is_cidr(v, is_ipv6, 128);
          },
          "value does not look like a valid ipv6 network configuration"}},
        {"urlencoded", {is_urlencoded, "invalid urlencoded string: {}"}},
        {"pve-storage-content", {is_content, "invalid content type '{}'"}},
        {"pve-fw-protocol-spec", {is_protocol, "unknown protocol '{}'"}},
    };
    return all;
}

Schema part(const char* described) {
    return schema_from(Json::parse(described));
}

}  // namespace

const std::map<std::string, Schema>* named_parts(const std::string& format) {
    static const std::string count = R"({"type":"integer","minimum":0,"optional":1})";
    static const std::string text = R"({"type":"string","optional":1})";
    static const std::map<std::string, std::map<std::string, Schema>> all = {
        {"pve-qm-ipconfig",
         {{"ip", part(R"({"format":"pve-ipv4-config","optional":1})")},
          {"gw", part(R"({"format":"ipv4","requires":"ip","optional":1})")},
          {"ip6", part(R"({"format":"pve-ipv6-config","optional":1})")},
          {"gw6", part(R"({"format":"ipv6","requires":"ip6","optional":1})")}}},
        {"pve-qm-boot",
         {{"legacy", part(R"x({"pattern":"[acdn]{1,4}","default_key":1,"optional":1})x")},
          {"order", part(text.c_str())}}},
        {"pve-qm-cicustom",
         {{"meta", part(text.c_str())},
          {"network", part(text.c_str())},
          {"user", part(text.c_str())},
          {"vendor", part(text.c_str())}}},
        {"prune-backups",
         {{"keep-all", part(R"({"type":"boolean","optional":1})")},
          {"keep-last", part(count.c_str())},
          {"keep-hourly", part(count.c_str())},
          {"keep-daily", part(count.c_str())},
          {"keep-weekly", part(count.c_str())},
          {"keep-monthly", part(count.c_str())},
          {"keep-yearly", part(count.c_str())}}},
    };
    const auto found = all.find(format);
    return found == all.end() ? nullptr : &found->second;
}

void check_format(const std::string& format, const std::string& value, const std::string& path) {
    if (format.ends_with("-list")) {
        const std::string of_one = format.substr(0, format.size() - 5);
        for (const std::string& one : split_list(value)) check_format(of_one, one, path);
        return;
    }
    if (const auto* parts = named_parts(format)) {
        parse_properties(*parts, value, path);
        return;
    }
    if (format == "pve-fw-dport-spec" || format == "pve-fw-sport-spec")
        if (const auto wrong = wrong_port(value)) throw BadFormat("invalid port '" + *wrong + "'");
    const char* sentence = nullptr;
    if (const auto p = by_pattern().find(format); p != by_pattern().end())
        sentence = p->second.pattern.matches(value) ? nullptr : p->second.sentence;
    if (const auto t = by_test().find(format); t != by_test().end())
        sentence = t->second.holds(value) ? nullptr : t->second.sentence;
    if (sentence) throw BadFormat(fmt::format(fmt::runtime(sentence), value));
}

}  // namespace slipway::sandbox
