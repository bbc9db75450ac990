// Pools of guests and storages.

#include <fmt/format.h>

#include "ops/sandbox/guests.h"

namespace slipway::sandbox {
namespace {

Pool& pool_named(Call& call) {
    const std::string name = call.params.text("poolid");
    const auto found = call.cluster.pools.find(name);
    if (found == call.cluster.pools.end()) die(fmt::format("no such pool '{}'", name));
    return found->second;
}

Json members(Call& call, const Pool& pool) {
    Json all = Json::array();
    for (const int id : pool.guests)
        if (const Guest* guest = call.cluster.find_guest(id))
            all.push_back(resource_json(call.cluster, *guest));
    for (const std::string& storage : pool.storages)
        all.push_back({{"type", "storage"}, {"id", "storage/" + storage}, {"storage", storage}});
    return all;
}

Json pool_json(const std::string& name, const Pool& pool) {
    Json json = {{"poolid", name}};
    if (!pool.comment.empty()) json["comment"] = pool.comment;
    return json;
}

Json list(Call& call) {
    if (call.params.has("poolid")) {
        const Pool& pool = pool_named(call);
        Json json = pool_json(call.params.text("poolid"), pool);
        json["members"] = members(call, pool);
        return Json::array({json});
    }
    Json all = Json::array();
    for (const auto& [name, pool] : call.cluster.pools)
        if (call.may("/pool/" + name, "Pool.Audit") || call.may("/pool/" + name, "Pool.Allocate"))
            all.push_back(pool_json(name, pool));
    return all;
}

Json get(Call& call) {
    const Pool& pool = pool_named(call);
    Json json = {{"members", members(call, pool)}};
    if (!pool.comment.empty()) json["comment"] = pool.comment;
    return json;
}

Json create(Call& call) {
    const std::string name = call.params.text("poolid");
    if (call.cluster.pools.contains(name))
        die(fmt::format("create pool failed: pool '{}' already exists", name));
    call.cluster.pools[name].comment = call.params.text("comment");
    return nullptr;
}

void change_guest(Call& call, Pool& pool, const std::string& name, int vmid) {
    if (call.params.flag("delete")) {
        if (pool.guests.erase(vmid) == 0)
            die(fmt::format("update pools failed: VM {} is not a pool member", vmid));
        return;
    }
    const std::string in = call.cluster.pool_of(vmid);
    if (in == name) die(fmt::format("update pools failed: VM {} is already a pool member", vmid));
    if (!in.empty() && !call.params.flag("allow-move"))
        die(
            fmt::format("update pools failed: VM {} belongs already to pool '{}' and 'allow-move' "
                        "is not set",
                        vmid,
                        in));
    if (!in.empty()) call.cluster.pools[in].guests.erase(vmid);
    pool.guests.insert(vmid);
}

Json update(Call& call) {
    Pool& pool = pool_named(call);
    if (call.params.has("comment")) pool.comment = call.params.text("comment");
    for (const std::string& vmid : call.params.list("vms"))
        change_guest(call, pool, call.params.text("poolid"), std::stoi(vmid));
    for (const std::string& storage : call.params.list("storage"))
        call.params.flag("delete") ? void(pool.storages.erase(storage))
                                   : void(pool.storages.insert(storage));
    return nullptr;
}

Json remove(Call& call) {
    const Pool& pool = pool_named(call);
    const std::string name = call.params.text("poolid");
    for (const int vmid : pool.guests)
        if (call.cluster.find_guest(vmid))
            die(fmt::format(
                "delete pool failed: pool '{}' is not empty (contains VM {})", name, vmid));
    if (!pool.storages.empty())
        die(fmt::format("delete pool failed: pool '{}' is not empty (contains storage '{}')",
                        name,
                        *pool.storages.begin()));
    call.cluster.pools.erase(name);
    return nullptr;
}

}  // namespace

void add_pool_calls(Handlers& handlers) {
    handlers["GET /pools"] = list;
    handlers["POST /pools"] = create;
    handlers["PUT /pools"] = update;
    handlers["DELETE /pools"] = remove;
    handlers["GET /pools/{poolid}"] = get;
    handlers["PUT /pools/{poolid}"] = update;
    handlers["DELETE /pools/{poolid}"] = remove;
}

}  // namespace slipway::sandbox
