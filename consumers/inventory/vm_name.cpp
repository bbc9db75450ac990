#include "consumers/inventory/vm_name.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <random>

#include "consumers/inventory/name_rule.h"

namespace slipway {
namespace {

constexpr std::size_t name_most = 63;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view digits = "0123456789";

std::string some_of(std::string_view choice, std::int64_t count) {
    static thread_local std::random_device random;
    std::uniform_int_distribution<std::size_t> place(0, choice.size() - 1);
    std::string text;
    while (static_cast<std::int64_t>(text.size()) < count) text += choice[place(random)];
    return text;
}

std::string value_of(const NamePart& part, const Order& order, Time now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const std::tm utc = fmt::gmtime(seconds);
    switch (part.macro) {
        case NameMacro::Text:
            return part.text;
        case NameMacro::ClientId:
            return order.client_id;
        case NameMacro::ServiceId:
            return order.service_id;
        case NameMacro::RandomDigits:
            return some_of(digits, part.count);
        case NameMacro::RandomLetters:
            return some_of(letters, part.count);
        case NameMacro::UnixTime:
            return fmt::format("{}", seconds);
        case NameMacro::Year:
            return fmt::format("{:%Y}", utc);
        case NameMacro::Month:
            return fmt::format("{:%m}", utc);
        case NameMacro::Day:
            return fmt::format("{:%d}", utc);
        case NameMacro::Hour:
            return fmt::format("{:%H}", utc);
        case NameMacro::Minute:
            return fmt::format("{:%M}", utc);
        case NameMacro::Second:
            return fmt::format("{:%S}", utc);
    }
    return {};
}

// A DNS name, as Proxmox wants it: letters, digits, dots and dashes, which no part begins or ends.
std::string as_dns_name(std::string_view text) {
    std::string name;
    for (const char c : text) {
        const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0;
        const bool edge = name.empty() || name.back() == '.' || name.back() == '-';
        if (good)
            name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (c == '.' && !edge)
            name += '.';
        else if (!edge)
            name += '-';
    }
    name = name.substr(0, name_most);
    while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
    return name;
}

}  // namespace

std::string vm_name(const Wanted& wanted, Time now) {
    std::string text;
    for (const NamePart& part : parse_name_rule(wanted.package.name_rule))
        text += value_of(part, wanted.order, now);
    const std::string name = as_dns_name(text);
    return name.empty() ? as_dns_name("vm-" + wanted.order.service_id) : name;
}

std::string host_name(const Wanted& wanted, std::string_view name) {
    if (!wanted.order.domain.empty()) return wanted.order.domain;
    std::string_view domain = wanted.package.domain;
    while (domain.starts_with('.')) domain.remove_prefix(1);
    return domain.empty() ? std::string(name) : fmt::format("{}.{}", name, domain);
}

std::string user_name(const Wanted& wanted) {
    if (!wanted.order.username.empty()) return wanted.order.username;
    if (!wanted.package.username.empty()) return wanted.package.username;
    if (!wanted.os_template.username.empty()) return wanted.os_template.username;
    return some_of(letters, 8);
}

}  // namespace slipway
