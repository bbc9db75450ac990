#include "consumers/inventory/vm_name.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <random>

#include "consumers/proxmox/json.h"

namespace slipway {
namespace {

constexpr std::size_t name_most = 63;
constexpr std::int64_t random_most = 32;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view digits = "0123456789";

std::string some_of(std::string_view choice, std::int64_t count) {
    static thread_local std::random_device random;
    std::uniform_int_distribution<std::size_t> place(0, choice.size() - 1);
    std::string text;
    while (static_cast<std::int64_t>(text.size()) < count) text += choice[place(random)];
    return text;
}

struct Facts {
    std::string client_id;
    std::string service_id;
    Time now;
};

std::string part_of_time(std::string_view macro, Time time) {
    const std::tm utc = fmt::gmtime(std::chrono::system_clock::to_time_t(time));
    if (macro == "year") return fmt::format("{:%Y}", utc);
    if (macro == "month") return fmt::format("{:%m}", utc);
    if (macro == "day") return fmt::format("{:%d}", utc);
    if (macro == "hour") return fmt::format("{:%H}", utc);
    if (macro == "minute") return fmt::format("{:%M}", utc);
    if (macro == "second") return fmt::format("{:%S}", utc);
    return {};
}

// nullopt: there is no such macro.
std::optional<std::string> expand(std::string_view macro, const Facts& facts) {
    if (macro == "client_id") return facts.client_id;
    if (macro == "service_id") return facts.service_id;
    if (macro == "unixtime")
        return fmt::format(
            "{}", std::chrono::floor<std::chrono::seconds>(facts.now).time_since_epoch().count());
    for (const auto& [begin, choice] :
         {std::pair(std::string_view("random_digit_"), digits), {"random_letter_", letters}}) {
        if (!macro.starts_with(begin)) continue;
        const auto count = whole_in(macro.substr(begin.size()));
        if (!count || *count < 1 || *count > random_most) return std::nullopt;
        return some_of(choice, *count);
    }
    const std::string time = part_of_time(macro, facts.now);
    return time.empty() ? std::nullopt : std::optional(time);
}

// The rule with its macros put in; what is wrong with it goes into `wrong`.
std::string expanded(std::string_view rule, const Facts& facts, std::string& wrong) {
    std::string text;
    while (!rule.empty()) {
        const std::size_t open = rule.find('{');
        text += rule.substr(0, open);
        if (open == std::string_view::npos) break;
        const std::size_t close = rule.find('}', open);
        if (close == std::string_view::npos) {
            wrong = "a { is never closed";
            break;
        }
        const std::string_view macro = rule.substr(open + 1, close - open - 1);
        if (const auto value = expand(macro, facts))
            text += *value;
        else
            wrong = fmt::format(
                "{{{}}} is no macro; there are {{client_id}}, {{service_id}}, "
                "{{random_digit_X}}, {{random_letter_X}}, {{unixtime}}, {{year}}, "
                "{{month}}, {{day}}, {{hour}}, {{minute}} and {{second}}",
                macro);
        rule.remove_prefix(close + 1);
    }
    return text;
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

std::string wrong_with_rule(std::string_view rule) {
    std::string wrong;
    const std::string name = expanded(rule, {"1", "1", {}}, wrong);
    if (wrong.empty() && as_dns_name(name).empty()) wrong = "makes an empty name";
    return wrong;
}

std::string vm_name(const Wanted& wanted, Time now) {
    std::string wrong;
    const std::string text = expanded(
        wanted.package.name_rule, {wanted.order.client_id, wanted.order.service_id, now}, wrong);
    if (!wrong.empty())
        throw Error(fmt::format("package {}: name_rule: {}", wanted.package.name, wrong));
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
