#include "schema/conninfo.h"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>

namespace slipway {
namespace {

constexpr std::string_view hidden = "***";

std::string quoted(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

void append(std::string& list, std::string_view key, std::string_view value) {
    if (!list.empty()) list += ' ';
    list.append(key).append("=").append(quoted(value));
}

// A server that is gone without a word must not hold a caller for the quarter of an hour that TCP
// would wait.
void set_limit(std::string& connect,
               const PQconninfoOption* options,
               const char* key,
               const char* value) {
    for (const PQconninfoOption* o = options; o->keyword; ++o)
        if (std::string_view(o->keyword) == key && o->val) return;
    append(connect, key, value);
}

}  // namespace

Conninfo read_conninfo(const std::string& url) {
    char* why = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(url.c_str(), &why), &PQconninfoFree);
    PQfreemem(why);  // it quotes the url
    if (!options) {
        throw std::runtime_error(
            "the database url cannot be read: it must look like "
            "postgresql://user:password@host:5432/database, with %XX for odd characters");
    }
    Conninfo info;
    for (const PQconninfoOption* o = options.get(); o->keyword; ++o) {
        if (!o->val || !*o->val) continue;
        const std::string_view key = o->keyword;
        const bool secret = key == "password" || key == "sslpassword";
        if (secret) info.secrets.emplace_back(o->val);
        append(info.connect, key, o->val);
        append(info.shown, key, secret ? hidden : std::string_view(o->val));
    }
    set_limit(info.connect, options.get(), "connect_timeout", "10");
    set_limit(info.connect, options.get(), "keepalives_idle", "10");
    set_limit(info.connect, options.get(), "keepalives_interval", "5");
    set_limit(info.connect, options.get(), "tcp_user_timeout", "30000");
    set_limit(info.connect, options.get(), "application_name", "slipway");
    return info;
}

std::string hide(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) {
        for (auto at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + hidden.size())) {
            text.replace(at, secret.size(), hidden);
        }
    }
    return text;
}

}  // namespace slipway
