// The cluster as a whole: resources, status, free numbers, options.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/sandbox/devices.h"
#include "ops/sandbox/guests.h"

namespace slipway::sandbox {
namespace {

constexpr const char* version_text = "9.2.11";
constexpr const char* repository = "14a22df35955d97d";

Json version(Call&) {
    return {{"version", version_text}, {"release", "9.2"}, {"repoid", repository}};
}

Json index(Call&) {
    Json all = Json::array();
    for (const char* name : {"firewall", "nextid", "options", "resources", "status", "tasks"})
        all.push_back({{"name", name}});
    return all;
}

// The range of datacenter.cfg: next-id: lower=100,upper=1000000.
std::pair<int, int> range_of(const Cluster& cluster) {
    std::pair<int, int> range{100, 1'000'000};
    const auto option = cluster.options.find("next-id");
    if (option == cluster.options.end()) return range;
    for (const std::string& part : split_list(option->second)) {
        const int number = std::atoi(part.c_str() + part.find('=') + 1);
        (part.starts_with("lower") ? range.first : range.second) = number;
    }
    return range;
}

Json next_id(Call& call) {
    if (call.params.has("vmid")) {
        if (call.cluster.find_guest(call.vmid()))
            wrong_parameter("vmid", fmt::format("VM {} already exists", call.vmid()));
        return std::to_string(call.vmid());
    }
    const auto [lower, upper] = range_of(call.cluster);
    auto taken = call.cluster.guests.lower_bound(lower);
    for (int id = lower; id < upper; ++id, ++taken)
        if (taken == call.cluster.guests.end() || taken->first != id) return std::to_string(id);
    die(fmt::format("unable to get any free VMID in range [{}, {}]", lower, upper));
}

Json status(Call& call) {
    const Cluster& cluster = call.cluster;
    Json all = Json::array();
    int id = 0;
    for (const Node& node : cluster.nodes) {
        Json json = {{"type", "node"},
                     {"id", "node/" + node.name},
                     {"name", node.name},
                     {"nodeid", ++id},
                     {"local", node.name == call.at ? 1 : 0},
                     {"online", node.online ? 1 : 0},
                     {"level", ""}};
        if (node.online) json["ip"] = node.ip;
        all.push_back(json);
    }
    all.insert(all.begin(),
               Json{{"type", "cluster"},
                    {"id", "cluster"},
                    {"name", cluster.name},
                    {"nodes", cluster.nodes.size()},
                    {"quorate", 1},
                    {"version", cluster.nodes.size()}});
    return all;
}

void add_guests(Call& call, Json& all) {
    for (const auto& [id, guest] : call.cluster.guests)
        if (call.may(fmt::format("/vms/{}", id), "VM.Audit"))
            all.push_back(resource_json(call.cluster, guest));
}

void add_nodes(Call& call, Json& all) {
    for (const Node& node : call.cluster.nodes) {
        Json json = {{"type", "node"},
                     {"id", "node/" + node.name},
                     {"node", node.name},
                     {"status", node.online ? "online" : "offline"}};
        if (node.online) {
            json["level"] = "";
            if (call.may("/nodes/" + node.name, "Sys.Audit")) {
                json["cgroup-mode"] = 2;
                json.update(node_load_json(call.cluster, node));
            }
        }
        all.push_back(json);
    }
}

void add_storages(Call& call, Json& all) {
    for (auto& [name, storage] : call.cluster.storages) {
        if (!call.may("/storage/" + name, "Datastore.Audit")) continue;
        for (const Node& node : call.cluster.nodes) {
            if (!storage.nodes.empty() && !storage.nodes.contains(node.name)) continue;
            Json json = {{"type", "storage"},
                         {"id", fmt::format("storage/{}/{}", node.name, name)},
                         {"node", node.name},
                         {"storage", name},
                         {"plugintype", storage.type},
                         {"shared", storage.shared ? 1 : 0},
                         {"content", fmt::format("{}", fmt::join(storage.content, ","))},
                         {"status", node.online ? "available" : "unknown"}};
            if (node.online) {
                json["maxdisk"] = storage.size;
                json["disk"] = used_on(call.cluster, storage, node.name);
            }
            all.push_back(json);
        }
    }
}

void add_networks(Call& call, Json& all) {
    if (!call.may("/sdn/zones/localnetwork", "SDN.Audit")) return;
    for (const Node& node : call.cluster.nodes)
        all.push_back({{"type", "network"},
                       {"id", fmt::format("network/{}/zone/localnetwork", node.name)},
                       {"node", node.name},
                       {"network", "localnetwork"},
                       {"network-type", "zone"},
                       {"status", "ok"}});
}

Json resources(Call& call) {
    const std::string type = call.params.text("type");
    Json all = Json::array();
    if (type.empty())
        for (const auto& [name, pool] : call.cluster.pools)
            if (call.may("/pool/" + name, "Pool.Audit"))
                all.push_back({{"type", "pool"}, {"id", "/pool/" + name}, {"pool", name}});
    if (type.empty() || type == "vm") add_guests(call, all);
    if (type.empty() || type == "node") add_nodes(call, all);
    if (type.empty() || type == "storage") add_storages(call, all);
    if (type.empty() || type == "network") add_networks(call, all);
    return all;
}

Json get_options(Call& call) {
    Json json = Json::object();
    for (const auto& [name, value] : call.cluster.options) json[name] = value;
    return json;
}

Json put_options(Call& call) {
    for (const std::string& name : call.params.list("delete")) call.cluster.options.erase(name);
    for (const auto& [name, value] : call.params.all())
        if (name != "delete") call.cluster.options[name] = value;
    return nullptr;
}

}  // namespace

void add_cluster_calls(Handlers& handlers) {
    handlers["GET /version"] = version;
    handlers["GET /cluster"] = index;
    handlers["GET /cluster/nextid"] = next_id;
    handlers["GET /cluster/status"] = status;
    handlers["GET /cluster/resources"] = resources;
    handlers["GET /cluster/options"] = get_options;
    handlers["PUT /cluster/options"] = put_options;
    handlers["GET /nodes/{node}/version"] = version;
}

}  // namespace slipway::sandbox
