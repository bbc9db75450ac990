#include "ops/sandbox/tickets.h"

#include <fmt/format.h>

namespace slipway::sandbox {
namespace {

constexpr std::int64_t ticket_life = 2 * 3600;
constexpr std::int64_t forgiven_skew = 300;

[[noreturn]] void unknown(const std::string& why) {
    throw Refused(401, why);
}

std::string signature(const std::string& text, const std::string& secret) {
    return sha1_of(secret + text + secret);
}

bool is_recent(const Cluster& cluster, const std::string& hex) {
    const std::int64_t then = std::strtoll(hex.c_str(), nullptr, 16);
    const std::int64_t age = cluster.epoch() - then;
    return age > -forgiven_skew && age < ticket_life;
}

// PVE:user@realm:HEX8TIME::signature
std::optional<std::string> user_of_ticket(const Cluster& cluster,
                                          const std::string& ticket,
                                          const std::string& secret) {
    const std::size_t sign = ticket.rfind("::");
    if (!ticket.starts_with("PVE:") || sign == std::string::npos) return std::nullopt;
    const std::string signed_part = ticket.substr(0, sign);
    const std::size_t time = signed_part.rfind(':');
    if (time < 4 || ticket.substr(sign + 2) != signature(signed_part, secret)) return std::nullopt;
    if (!is_recent(cluster, signed_part.substr(time + 1))) return std::nullopt;
    return signed_part.substr(4, time - 4);
}

bool is_usable(const User& user, std::int64_t now) {
    return user.enabled && (user.expire == 0 || user.expire > now);
}

Caller token_caller(const Cluster& cluster, const std::string& shown) {
    const std::size_t equals = shown.rfind('=');
    const std::size_t mark = shown.find('!');
    if (equals == std::string::npos || mark == std::string::npos || mark > equals)
        unknown("Authentication failed!");
    const auto user = cluster.access.users.find(shown.substr(0, mark));
    if (user == cluster.access.users.end() || !is_usable(user->second, cluster.epoch()))
        unknown("Authentication failed!");
    const auto token = user->second.tokens.find(shown.substr(mark + 1, equals - mark - 1));
    if (token == user->second.tokens.end() || token->second.secret != shown.substr(equals + 1))
        unknown("Authentication failed!");
    if (token->second.expire != 0 && token->second.expire <= cluster.epoch())
        unknown("Authentication failed!");
    return {.name = shown.substr(0, equals)};
}

std::string cookie_of(const Request& request) {
    const std::string cookies = header(request.headers, "Cookie");
    constexpr std::string_view name = "PVEAuthCookie=";
    const std::size_t at = cookies.find(name);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size();
    return percent_decoded(cookies.substr(begin, cookies.find(';', begin) - begin));
}

Caller ticket_caller(const Cluster& cluster,
                     const Request& request,
                     const std::string& ticket,
                     const std::string& secret) {
    const auto user = user_of_ticket(cluster, ticket, secret);
    if (!user) unknown("Authentication failed!");
    const auto known = cluster.access.users.find(*user);
    if (known == cluster.access.users.end() || !is_usable(known->second, cluster.epoch()))
        unknown("Authentication failed!");
    if (request.method != "GET") {
        const std::string shown = header(request.headers, "CSRFPreventionToken");
        const std::string time = shown.substr(0, shown.find(':'));
        if (shown != time + ":" + signature(time + *user, secret) || !is_recent(cluster, time))
            unknown("Permission denied - invalid csrf token");
    }
    return {.name = *user, .by_ticket = true};
}

}  // namespace

std::string percent_decoded(const std::string& text, char plus) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto hex = [&](std::size_t at) {
            return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
        };
        if (text[i] == '%' && hex(i + 1) && hex(i + 2)) {
            decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            decoded += text[i] == '+' ? plus : text[i];
        }
    }
    return decoded;
}

// A cookie comes before a token, even a stale one before a good one.
Caller caller_of(const Cluster& cluster, const Request& request, const std::string& secret) {
    if (const std::string cookie = cookie_of(request); !cookie.empty())
        return ticket_caller(cluster, request, cookie, secret);
    const std::string shown = header(request.headers, "Authorization");
    if (shown.starts_with("PVEAuthCookie="))
        return ticket_caller(cluster, request, percent_decoded(shown.substr(14)), secret);
    if (shown.starts_with("PVEAPIToken=") || shown.starts_with("PVEAPIToken "))
        return token_caller(cluster, percent_decoded(shown.substr(12)));
    unknown("No ticket");
}

std::string new_ticket(const Cluster& cluster, const std::string& user, const std::string& secret) {
    const std::string text = fmt::format("PVE:{}:{:08X}", user, cluster.epoch());
    return text + "::" + signature(text, secret);
}

std::string new_csrf_token(const Cluster& cluster,
                           const std::string& user,
                           const std::string& secret) {
    const std::string time = fmt::format("{:08X}", cluster.epoch());
    return time + ":" + signature(time + user, secret);
}

bool is_valid_ticket(const Cluster& cluster,
                     const std::string& user,
                     const std::string& ticket,
                     const std::string& secret) {
    return user_of_ticket(cluster, ticket, secret) == user;
}

}  // namespace slipway::sandbox
