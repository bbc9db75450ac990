// Users, tokens, roles, rights, and logging in.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ops/sandbox/call.h"
#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

constexpr const char* user_fields[] = {"comment", "email", "firstname", "lastname", "keys"};

User& user_named(Call& call) {
    const std::string id = call.params.text("userid");
    const auto found = call.cluster.access.users.find(id);
    if (found == call.cluster.access.users.end()) die(fmt::format("no such user ('{}')", id));
    return found->second;
}

Token& token_named(Call& call) {
    User& user = user_named(call);
    const std::string id = call.params.text("tokenid");
    const auto found = user.tokens.find(id);
    if (found == user.tokens.end())
        die(fmt::format("no such token '{}' for user '{}'", id, call.params.text("userid")));
    return found->second;
}

Json get_ticket(Call&) {
    return nullptr;
}

// What the user may do in each part of the tree, as the web interface wants to know it.
Json capabilities(const Cluster& cluster, const std::string& user) {
    const std::map<std::string, std::pair<const char*, const char*>> parts = {
        {"vms", {"/vms", "VM."}},
        {"storage", {"/storage", "Datastore."}},
        {"access", {"/access", "User."}},
        {"nodes", {"/nodes", "Sys."}},
        {"dc", {"/", "Sys."}},
        {"sdn", {"/sdn", "SDN."}},
        {"mapping", {"/mapping", "Mapping."}}};
    Json cap = Json::object();
    for (const auto& [part, where] : parts) {
        Json rights = Json::object();
        const auto collect = [&, &prefix = where.second](const std::string& path) {
            for (const std::string& privilege : cluster.access.of(user, path))
                if (privilege.starts_with(prefix)) rights[privilege] = 1;
        };
        collect(where.first);
        for (const Grant& grant : cluster.access.grants)
            if (grant.path.starts_with(where.first)) collect(grant.path);
        cap[part] = rights;
    }
    return cap;
}

[[noreturn]] void cannot_log_in(Call& call) {
    call.takes += std::chrono::seconds(3);
    throw Refused(401, "authentication failure");
}

Json log_in(Call& call) {
    std::string user = call.params.text("username");
    if (user.find('@') == std::string::npos) user += "@" + call.params.text("realm", "pam");
    const auto known = call.cluster.access.users.find(user);
    if (known == call.cluster.access.users.end() || !known->second.enabled) cannot_log_in(call);
    const std::string password = call.params.text("password");
    const bool is_password = !known->second.password.empty() && password == known->second.password;
    if (!is_password && !is_valid_ticket(call.cluster, user, password, call.secret))
        cannot_log_in(call);
    return {{"username", user},
            {"ticket", new_ticket(call.cluster, user, call.secret)},
            {"CSRFPreventionToken", new_csrf_token(call.cluster, user, call.secret)},
            {"cap", capabilities(call.cluster, user)}};
}

Json set_password(Call& call) {
    user_named(call).password = call.params.text("password");
    return nullptr;
}

Json get_acl(Call& call) {
    Json all = Json::array();
    if (!call.may("/access", "Sys.Audit") && !call.may("/", "Permissions.Modify")) return all;
    for (const Grant& grant : call.cluster.access.grants)
        all.push_back({{"path", grant.path},
                       {"ugid", grant.whom},
                       {"type", grant.whom.find('!') == std::string::npos ? "user" : "token"},
                       {"roleid", grant.role},
                       {"propagate", grant.propagate ? 1 : 0}});
    return all;
}

Json put_acl(Call& call) {
    Access& access = call.cluster.access;
    auto whom = call.params.list("users");
    const auto tokens = call.params.list("tokens");
    whom.insert(whom.end(), tokens.begin(), tokens.end());
    for (const std::string& role : call.params.list("roles")) {
        if (!access.roles.contains(role))
            die(fmt::format("ACL update failed: role '{}' does not exist", role));
        for (const std::string& id : whom) {
            const std::string user = id.substr(0, id.find('!'));
            const auto known = access.users.find(user);
            if (known == access.users.end())
                die(fmt::format("ACL update failed: user '{}' does not exist", user));
            if (id != user && !known->second.tokens.contains(id.substr(user.size() + 1)))
                die(fmt::format("ACL update failed: token '{}' does not exist", id));
            const std::string path = call.params.text("path");
            std::erase_if(access.grants, [&](const Grant& grant) {
                return grant.path == path && grant.whom == id && grant.role == role;
            });
            if (!call.params.flag("delete"))
                access.grants.push_back({path, id, role, call.params.flag("propagate", true)});
        }
    }
    return nullptr;
}

Json permissions(Call& call) {
    const std::string whom = call.params.text("userid", call.who.name);
    if (whom != call.who.name && whom != call.who.user()) call.need("/access", "Sys.Audit");
    std::set<std::string> paths = {"/", "/access", "/nodes", "/pool", "/sdn", "/storage", "/vms"};
    for (const Grant& grant : call.cluster.access.grants) paths.insert(grant.path);
    if (call.params.has("path")) paths = {call.params.text("path")};
    Json all = Json::object();
    for (const std::string& path : paths)
        for (const std::string& privilege : call.cluster.access.of(whom, path))
            all[path][privilege] = 1;
    return all;
}

// --- roles

std::set<std::string> privileges_in(const Call& call) {
    std::set<std::string> found;
    for (const std::string& privilege : call.params.list("privs")) {
        if (!call.cluster.access.all_privileges().contains(privilege))
            wrong_parameter("privs",
                            fmt::format("invalid format - invalid privilege '{}'\n", privilege));
        found.insert(privilege);
    }
    return found;
}

Json list_roles(Call& call) {
    Json all = Json::array();
    for (const auto& [name, privileges] : call.cluster.access.roles)
        all.push_back({{"roleid", name},
                       {"privs", fmt::format("{}", fmt::join(privileges, ","))},
                       {"special", call.cluster.access.built_in.contains(name) ? 1 : 0}});
    return all;
}

Privileges& role_named(Call& call) {
    const std::string name = call.params.text("roleid");
    const auto found = call.cluster.access.roles.find(name);
    if (found == call.cluster.access.roles.end())
        die(fmt::format("role '{}' does not exist", name));
    return found->second;
}

Json create_role(Call& call) {
    const std::string name = call.params.text("roleid");
    if (call.cluster.access.roles.contains(name))
        die(fmt::format("create role failed: role '{}' already exists", name));
    call.cluster.access.roles[name] = privileges_in(call);
    return nullptr;
}

Json get_role(Call& call) {
    Json json = Json::object();
    for (const std::string& privilege : role_named(call)) json[privilege] = 1;
    return json;
}

void check_own_role(const Call& call) {
    const std::string name = call.params.text("roleid");
    if (call.cluster.access.built_in.contains(name))
        die(fmt::format("auto-generated role '{}' cannot be modified", name));
}

Json put_role(Call& call) {
    check_own_role(call);
    Privileges& role = role_named(call);
    if (!call.params.flag("append")) role.clear();
    role.merge(privileges_in(call));
    return nullptr;
}

Json delete_role(Call& call) {
    check_own_role(call);
    role_named(call);
    call.cluster.access.roles.erase(call.params.text("roleid"));
    return nullptr;
}

// --- users and their tokens

Json user_json(const std::string& id, const User& user) {
    Json json = {{"userid", id}, {"enable", user.enabled ? 1 : 0}, {"expire", user.expire}};
    for (const auto& [field, value] : user.about) json[field] = value;
    return json;
}

void write_user(const Call& call, User& user) {
    for (const char* field : user_fields)
        if (call.params.has(field)) user.about[field] = call.params.text(field);
    user.enabled = call.params.flag("enable", user.enabled);
    user.expire = call.params.number("expire", user.expire);
}

Json list_users(Call& call) {
    Json all = Json::array();
    for (const auto& [id, user] : call.cluster.access.users)
        if (id == call.who.user() || call.may("/access/groups", "Sys.Audit") ||
            call.may("/access/groups", "User.Modify"))
            all.push_back(user_json(id, user));
    return all;
}

Json create_user(Call& call) {
    const std::string id = call.params.text("userid");
    if (call.cluster.access.users.contains(id))
        die(fmt::format("create user failed: user '{}' already exists", id));
    User& user = call.cluster.access.users[id];
    user.password = call.params.text("password");
    write_user(call, user);
    return nullptr;
}

Json get_user(Call& call) {
    const User& user = user_named(call);
    Json json = user_json(call.params.text("userid"), user);
    json.erase("userid");
    json["groups"] = Json::array();
    json["tokens"] = Json::object();
    for (const auto& [id, token] : user.tokens)
        json["tokens"][id] = {{"privsep", token.separate ? 1 : 0}, {"expire", token.expire}};
    return json;
}

Json put_user(Call& call) {
    write_user(call, user_named(call));
    return nullptr;
}

Json delete_user(Call& call) {
    user_named(call);
    const std::string id = call.params.text("userid");
    if (id == "root@pam") die("delete user failed: user 'root@pam' cannot be deleted");
    std::erase_if(call.cluster.access.grants, [&](const Grant& grant) {
        return grant.whom == id || grant.whom.starts_with(id + "!");
    });
    call.cluster.access.users.erase(id);
    return nullptr;
}

Json token_json(const Token& token) {
    Json json = {{"privsep", token.separate ? 1 : 0}, {"expire", token.expire}};
    if (!token.comment.empty()) json["comment"] = token.comment;
    return json;
}

Json list_tokens(Call& call) {
    Json all = Json::array();
    for (const auto& [id, token] : user_named(call).tokens) {
        Json json = token_json(token);
        json["tokenid"] = id;
        all.push_back(json);
    }
    return all;
}

Json get_token(Call& call) {
    return token_json(token_named(call));
}

void write_token(const Call& call, Token& token) {
    token.separate = call.params.flag("privsep", token.separate);
    token.expire = call.params.number("expire", token.expire);
    token.comment = call.params.text("comment", token.comment);
}

Json create_token(Call& call) {
    User& user = user_named(call);
    const std::string id = call.params.text("tokenid");
    if (user.tokens.contains(id)) wrong_parameter("tokenid", "Token already exists.");
    Token& token = user.tokens[id];
    token.secret = call.cluster.new_uuid();
    write_token(call, token);
    return {{"full-tokenid", call.params.text("userid") + "!" + id},
            {"info", token_json(token)},
            {"value", token.secret}};
}

Json put_token(Call& call) {
    write_token(call, token_named(call));
    return token_json(token_named(call));
}

Json delete_token(Call& call) {
    token_named(call);
    user_named(call).tokens.erase(call.params.text("tokenid"));
    return nullptr;
}

}  // namespace

void add_access_calls(Handlers& handlers) {
    handlers["GET /access/ticket"] = get_ticket;
    handlers["POST /access/ticket"] = log_in;
    handlers["PUT /access/password"] = set_password;
    handlers["GET /access/acl"] = get_acl;
    handlers["PUT /access/acl"] = put_acl;
    handlers["GET /access/permissions"] = permissions;
    handlers["GET /access/roles"] = list_roles;
    handlers["POST /access/roles"] = create_role;
    handlers["GET /access/roles/{roleid}"] = get_role;
    handlers["PUT /access/roles/{roleid}"] = put_role;
    handlers["DELETE /access/roles/{roleid}"] = delete_role;
    handlers["GET /access/users"] = list_users;
    handlers["POST /access/users"] = create_user;
    handlers["GET /access/users/{userid}"] = get_user;
    handlers["PUT /access/users/{userid}"] = put_user;
    handlers["DELETE /access/users/{userid}"] = delete_user;
    const std::string tokens = "/access/users/{userid}/token";
    handlers["GET " + tokens] = list_tokens;
    handlers["GET " + tokens + "/{tokenid}"] = get_token;
    handlers["POST " + tokens + "/{tokenid}"] = create_token;
    handlers["PUT " + tokens + "/{tokenid}"] = put_token;
    handlers["DELETE " + tokens + "/{tokenid}"] = delete_token;
}

}  // namespace slipway::sandbox
