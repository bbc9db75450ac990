#include "ops/sandbox/permission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace slipway::sandbox {
namespace {

enum class OnFailure { Throw, Answer };

struct Asked {
    const Cluster& cluster;
    const Caller& caller;
    const Json& given;

    std::string param(const std::string& name) const {
        const auto found = given.find(name);
        return found == given.end() ? std::string() : text_of(*found);
    }
};

bool fail(OnFailure on_failure, const std::string& what) {
    if (on_failure == OnFailure::Throw) forbidden(what);
    return false;
}

// What was sent may hold braces too: they are nobody's.
std::string filled(std::string path, const Asked& asked) {
    for (std::size_t at = 0; (at = path.find('{', at)) != std::string::npos;) {
        const std::size_t end = path.find('}', at);
        const std::string value = asked.param(path.substr(at + 1, end - at - 1));
        path.replace(at, end - at + 1, value);
        at += value.size();
    }
    return path;
}

bool has_option(const Json& rule, const std::string& name) {
    return std::find(rule.begin() + 3, rule.end(), Json(name)) != rule.end();
}

bool perm_holds(const Json& rule, const Asked& asked, OnFailure on_failure) {
    const std::string path = filled(rule[1], asked);
    const auto privileges = rule[2].get<std::vector<std::string>>();
    const auto may = [&](const std::string& p) { return asked.cluster.may(asked.caller, path, p); };
    if (has_option(rule, "require_param") &&
        asked.param(*(std::find(rule.begin() + 3, rule.end(), Json("require_param")) + 1)).empty())
        return fail(on_failure, "");
    if (has_option(rule, "any"))
        return std::any_of(privileges.begin(), privileges.end(), may) ||
               fail(on_failure, fmt::format("{}, {}", path, fmt::join(privileges, "|")));
    const auto missing = std::find_if_not(privileges.begin(), privileges.end(), may);
    return missing == privileges.end() || fail(on_failure, path + ", " + *missing);
}

bool userid_holds(const Json& rule, const Asked& asked, OnFailure on_failure) {
    const std::string userid = asked.param("userid");
    if (rule[1] == "self")
        return userid == asked.caller.user() || userid == asked.caller.name || fail(on_failure, "");
    const std::string path = "/access/realm/" + userid.substr(userid.find('@') + 1);
    return asked.cluster.may(asked.caller, path, rule[1]) ||
           fail(on_failure, path + ", " + rule[1].get<std::string>());
}

bool group_holds(const Json& rule, const Asked& asked, OnFailure on_failure) {
    const auto privileges = rule[1].get<std::vector<std::string>>();
    return std::any_of(privileges.begin(),
                       privileges.end(),
                       [&](const std::string& p) {
                           return asked.cluster.may(asked.caller, "/access/groups", p);
                       }) ||
           fail(on_failure, fmt::format("/access/groups, {}", fmt::join(privileges, "|")));
}

bool holds(const Json& rule, const Asked& asked, OnFailure on_failure) {
    const std::string test = rule[0];
    if (test == "and")
        return std::all_of(rule.begin() + 1, rule.end(), [&](const Json& part) {
            return holds(part, asked, on_failure);
        });
    if (test == "or")
        return std::any_of(
                   rule.begin() + 1,
                   rule.end(),
                   [&](const Json& part) { return holds(part, asked, OnFailure::Answer); }) ||
               fail(on_failure, "");
    if (test == "perm") return perm_holds(rule, asked, on_failure);
    if (test == "userid-param") return userid_holds(rule, asked, on_failure);
    if (test == "userid-group") return group_holds(rule, asked, on_failure);
    // perm-modify: who may change rights at a path.
    const std::string path = filled(rule[1], asked);
    return asked.cluster.may(asked.caller, path, "Permissions.Modify") ||
           fail(on_failure, path + ", Permissions.Modify");
}

}  // namespace

void check_permission(const Cluster& cluster,
                      const Endpoint& endpoint,
                      const Caller& caller,
                      const Json& given) {
    const Json& rule = endpoint.permission;
    if (rule.is_null()) {
        if (!caller.is_root()) forbidden("");
        return;
    }
    if (rule.contains("user") || !rule.contains("check")) return;
    holds(rule["check"], {cluster, caller, given}, OnFailure::Throw);
}

}  // namespace slipway::sandbox
