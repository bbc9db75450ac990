// Firewall options and rules.

#include <fmt/format.h>

#include <array>

#include "ops/sandbox/firewall_files.h"

namespace slipway::sandbox {
namespace {

Json index(Call&) {
    Json all = Json::array();
    for (const char* name : {"rules", "aliases", "ipset", "refs", "options"})
        all.push_back({{"name", name}});
    return all;
}

const Endpoint& options_endpoint(const Call& call) {
    return the_api().endpoint(call.params.has("vmid")
                                  ? "PUT /nodes/{node}/qemu/{vmid}/firewall/options"
                                  : "PUT /cluster/firewall/options");
}

Json get_options(Call& call) {
    const FirewallFile& file = read_firewall(call);
    Json json = {{"digest", digest_of(file)}};
    for (const auto& [name, value] : file.options)
        json[name] = typed(options_endpoint(call), name, value);
    return json;
}

bool is_no_option(const std::string& name) {
    return name == "node" || name == "vmid" || name == "delete" || name == "digest";
}

Json put_options(Call& call) {
    for (const std::string& name : call.params.list("delete"))
        if (is_no_option(name) || !Api::find_param(call.endpoint, name))
            wrong_parameter("delete", fmt::format("no such option '{}'", name));
    FirewallFile& file = write_firewall(call);
    for (const std::string& name : call.params.list("delete")) file.options.erase(name);
    for (const auto& [name, value] : call.params.all())
        if (!is_no_option(name)) file.options[name] = value;
    return nullptr;
}

// --- rules

bool is_no_rule_field(const std::string& name) {
    return is_no_option(name) || name == "pos" || name == "moveto";
}

void check_source(const Call& call, const FirewallFile& file, const std::string& field) {
    for (const std::string& entry : call.params.list(field)) {
        if (!entry.starts_with('+')) continue;
        std::string name = entry.substr(1);
        const bool of_cluster = name.starts_with("dc/");
        if (name.find('/') != std::string::npos) name = name.substr(name.find('/') + 1);
        const bool known = (!of_cluster && file.sets.contains(name)) ||
                           call.cluster.cluster_firewall.sets.contains(name);
        if (!known) wrong_parameter(field, fmt::format("no such ipset '{}'", name));
    }
}

void check_rule(const Call& call, const FirewallFile& file, const Properties& rule) {
    constexpr std::array actions = {"ACCEPT", "DROP", "REJECT"};
    const std::string action = rule.at("action");
    if (rule.at("type") != "group" &&
        std::find(actions.begin(), actions.end(), action) == actions.end())
        wrong_parameter("action", fmt::format("unknown action '{}'", action));
    check_source(call, file, "source");
    check_source(call, file, "dest");
}

Json rule_json(const Call& call, const Properties& rule) {
    Json json = Json::object();
    for (const auto& [name, value] : rule) json[name] = typed(call.endpoint, name, value);
    const auto enable = rule.find("enable");
    json["enable"] = enable == rule.end() ? 0 : whole_number(enable->second).value_or(0);
    return json;
}

Json list_rules(Call& call) {
    const FirewallFile& file = read_firewall(call);
    Json all = Json::array();
    for (std::size_t pos = 0; pos < file.rules.size(); ++pos) {
        Json json = rule_json(call, file.rules[pos]);
        json["pos"] = pos;
        json["digest"] = digest_of(file);
        all.push_back(json);
    }
    return all;
}

Json create_rule(Call& call) {
    FirewallFile& file = write_firewall(call);
    Properties rule;
    for (const auto& [name, value] : call.params.all())
        if (!is_no_rule_field(name)) rule[name] = value;
    check_rule(call, file, rule);
    rule.try_emplace("enable", "0");
    file.rules.insert(file.rules.begin(), rule);  // at the top, whatever `pos` says
    return nullptr;
}

std::size_t position(const Call& call, const FirewallFile& file) {
    const auto pos = static_cast<std::size_t>(call.params.number("pos"));
    if (pos >= file.rules.size()) die(fmt::format("no rule at position {}", pos));
    return pos;
}

Json get_rule(Call& call) {
    const FirewallFile& file = read_firewall(call);
    const std::size_t pos = position(call, file);
    Json json = rule_json(call, file.rules[pos]);
    json["pos"] = std::to_string(pos);
    json["digest"] = digest_of(file);
    return json;
}

Json put_rule(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::size_t pos = position(call, file);
    if (call.params.has("moveto")) {
        const auto to = static_cast<std::size_t>(call.params.number("moveto"));
        const Properties rule = file.rules[pos];
        std::vector<Properties> rules;
        for (std::size_t i = 0; i < file.rules.size(); ++i) {
            if (i == to) rules.push_back(rule);
            if (i != pos) rules.push_back(file.rules[i]);
        }
        if (to >= file.rules.size()) rules.push_back(rule);
        file.rules = std::move(rules);
        return nullptr;
    }
    Properties rule = file.rules[pos];
    for (const std::string& name : call.params.list("delete")) rule.erase(name);
    for (const auto& [name, value] : call.params.all())
        if (!is_no_rule_field(name)) rule[name] = value;
    check_rule(call, file, rule);
    file.rules[pos] = std::move(rule);
    return nullptr;
}

Json delete_rule(Call& call) {
    FirewallFile& file = write_firewall(call);
    file.rules.erase(file.rules.begin() + static_cast<std::ptrdiff_t>(position(call, file)));
    return nullptr;
}

}  // namespace

void add_firewall_calls(Handlers& handlers) {
    for (const std::string place : {"/nodes/{node}/qemu/{vmid}", "/nodes/{node}/lxc/{vmid}"}) {
        handlers["GET " + place + "/firewall"] = index;
        handlers["GET " + place + "/firewall/rules"] = list_rules;
        handlers["POST " + place + "/firewall/rules"] = create_rule;
        handlers["GET " + place + "/firewall/rules/{pos}"] = get_rule;
        handlers["PUT " + place + "/firewall/rules/{pos}"] = put_rule;
        handlers["DELETE " + place + "/firewall/rules/{pos}"] = delete_rule;
    }
    for (const std::string place :
         {"/nodes/{node}/qemu/{vmid}", "/nodes/{node}/lxc/{vmid}", "/cluster"}) {
        handlers["GET " + place + "/firewall/options"] = get_options;
        handlers["PUT " + place + "/firewall/options"] = put_options;
    }
}

}  // namespace slipway::sandbox
