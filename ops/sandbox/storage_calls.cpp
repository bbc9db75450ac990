// Storages: how full they are, what lies on them, and their configuration.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/sandbox/call.h"
#include "ops/sandbox/devices.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool may_see(const Call& call, const Storage& storage) {
    const std::string path = "/storage/" + storage.name;
    return call.may(path, "Datastore.Audit") || call.may(path, "Datastore.AllocateSpace");
}

bool is_on(const Storage& storage, const std::string& node) {
    return storage.nodes.empty() || storage.nodes.contains(node);
}

Storage& asked_for(Call& call) {
    return call.cluster.storage(call.params.text("storage"));
}

Json status_json(Call& call, Storage& storage) {
    const std::int64_t used = std::min(used_on(call.cluster, storage, call.node()), storage.size);
    return {{"type", storage.type},
            {"content", fmt::format("{}", fmt::join(storage.content, ","))},
            {"shared", storage.shared ? 1 : 0},
            {"active", storage.disabled ? 0 : 1},
            {"enabled", storage.disabled ? 0 : 1},
            {"total", storage.size},
            {"used", storage.full ? storage.size : used},
            {"avail", storage.full ? 0 : storage.size - used}};
}

Json list(Call& call) {
    Json found = Json::array();
    const auto contents = call.params.list("content");
    for (auto& [name, storage] : call.cluster.storages) {
        if (!is_on(storage, call.node()) || !may_see(call, storage)) continue;
        if (call.params.has("storage") && call.params.text("storage") != name) continue;
        if (call.params.flag("enabled") && storage.disabled) continue;
        if (call.params.has("target") && !is_on(storage, call.params.text("target"))) continue;
        if (std::none_of(contents.begin(),
                         contents.end(),
                         [&kept = storage.content](const auto& c) { return kept.contains(c); }) &&
            !contents.empty())
            continue;
        Json json = status_json(call, storage);
        json["storage"] = name;
        json["used_fraction"] = json["used"].get<double>() / json["total"].get<double>();
        found.push_back(json);
    }
    return found;
}

Json index(Call&) {
    Json all = Json::array();
    for (const char* name : {"content", "prunebackups", "rrddata", "status"})
        all.push_back({{"subdir", name}});
    return all;
}

Json status(Call& call) {
    if (!call.cluster.storages.contains(call.params.text("storage")))
        wrong_parameter("storage", "No such storage.");
    return status_json(call, asked_for(call));
}

Json content_json(const Storage& storage, const std::string& name, const Volume& volume) {
    Json json = {{"volid", storage.name + ":" + name},
                 {"content", volume.content},
                 {"format", volume.format},
                 {"size", volume.size},
                 {"ctime", volume.ctime}};
    if (volume.vmid != 0) json["vmid"] = volume.vmid;
    if (volume.content == "backup") {
        json["subtype"] = name.find("vzdump-lxc") == std::string::npos ? "qemu" : "lxc";
        if (!volume.notes.empty()) json["notes"] = volume.notes;
        if (volume.is_protected) json["protected"] = 1;
    }
    if (volume.content == "images" || volume.content == "rootdir") {
        json["used"] = volume.format == "raw" ? volume.size : volume.size / 3;
        json["parent"] = volume.parent.empty() ? Json() : Json("../" + volume.parent);
    }
    return json;
}

Json content(Call& call) {
    Storage& storage = asked_for(call);
    const std::string kind = call.params.text("content");
    const auto vmid = call.params.number("vmid");
    Json found = Json::array();
    for (const auto& [name, volume] : call.cluster.volumes_of(storage, call.node())) {
        if (!kind.empty() && volume.content != kind) continue;
        if (vmid != 0 && volume.vmid != vmid) continue;
        found.push_back(content_json(storage, name, volume));
    }
    return found;
}

Json allocate_volume(Call& call) {
    Storage& storage = asked_for(call);
    const std::string file = call.params.text("filename");
    const std::string size = call.params.text("size");
    const int vmid = call.vmid();
    if (!is_owned_by(file, vmid))
        wrong_parameter("filename",
                        fmt::format("illegal name '{}' - should be 'vm-{}-*'", file, vmid));
    const std::int64_t bytes = whole_number(size) ? bytes_of(size, 1024) : size_of_text(size);
    const std::size_t dot = file.rfind('.');
    return allocate(call.cluster,
                    {.storage = storage.name,
                     .node = call.node(),
                     .vmid = vmid,
                     .format = call.params.text(
                         "format", dot == std::string::npos ? "raw" : file.substr(dot + 1)),
                     .size = bytes,
                     .name = keeps_files(storage) ? fmt::format("{}/{}", vmid, file) : file});
}

// The volume of the path, with or without its storage in front.
std::string volname_of(const Call& call, const Storage& storage) {
    std::string name = call.params.text("volume");
    if (name.starts_with(storage.name + ":")) name = name.substr(storage.name.size() + 1);
    check_volname(storage, name);
    return name;
}

Volume& volume_of(Call& call, Storage& storage, const std::string& name) {
    auto& volumes = call.cluster.volumes_of(storage, call.node());
    const auto found = volumes.find(name);
    if (found == volumes.end())
        die(fmt::format("volume '{}:{}' does not exist", storage.name, name));
    return found->second;
}

void need_space_right(Call& call, const Storage& storage) {
    call.need("/storage/" + storage.name, "Datastore.AllocateSpace");
}

Json get_volume(Call& call) {
    Storage& storage = asked_for(call);
    if (!may_see(call, storage))
        forbidden(
            fmt::format("/storage/{}, Datastore.Audit|Datastore.AllocateSpace", storage.name));
    const std::string name = volname_of(call, storage);
    const Volume& volume = volume_of(call, storage, name);
    Json json = {{"path", path_of(storage, name)},
                 {"size", volume.size},
                 {"used", volume.size},
                 {"format", volume.content == "backup" ? "raw" : volume.format}};
    if (volume.content != "backup") return json;
    json["protected"] = volume.is_protected ? 1 : 0;
    if (!volume.notes.empty()) json["notes"] = volume.notes;
    return json;
}

Json put_volume(Call& call) {
    Storage& storage = asked_for(call);
    const std::string name = volname_of(call, storage);
    need_space_right(call, storage);
    Volume& volume = volume_of(call, storage, name);
    if (call.params.has("notes")) volume.notes = call.params.text("notes");
    if (call.params.has("protected")) volume.is_protected = call.params.flag("protected");
    return nullptr;
}

struct RemoveOrder {
    std::string storage;
    std::string node;
    std::string name;
};

void check_removable(Cluster& cluster, const RemoveOrder& order) {
    const auto& volumes = cluster.volumes_of(cluster.storage(order.storage), order.node);
    const auto found = volumes.find(order.name);
    if (found != volumes.end() && found->second.is_protected)
        die(fmt::format("cannot remove protected volume '{}' on '{}'", order.name, order.storage));
    for (const auto& [name, volume] : volumes)
        if (volume.parent == order.name)
            die(fmt::format("base volume '{}' is still in use by linked cloned", order.name));
}

Work remove_worker(Worker& worker, Cluster& cluster, RemoveOrder order) {
    check_removable(cluster, order);
    co_await worker.spend(milliseconds(100));
    check_removable(cluster, order);  // a clone may have come meanwhile
    Storage& storage = cluster.storage(order.storage);
    if (cluster.volumes_of(storage, order.node).erase(order.name) == 0)
        worker.log(fmt::format("disk image '{}' does not exist", path_of(storage, order.name)));
    worker.log(fmt::format("Removed volume '{}:{}'", order.storage, order.name));
}

// Whose it is, as its name says: vm-100-disk-0, vzdump-qemu-100-….
std::string owner_in(const std::string& name) {
    static const Pattern owner(R"((vm|base|subvol|vzdump-qemu|vzdump-lxc)-(\d+)-[^/]*$)");
    return owner.part_in(name, 2);
}

Json remove(Call& call) {
    Storage& storage = asked_for(call);
    const std::string name = volname_of(call, storage);
    need_space_right(call, storage);
    const RemoveOrder order{storage.name, call.node(), name};
    const std::string owner = owner_in(name);
    return call.start("imgdel",
                      owner.empty() ? storage.name : owner + "@" + storage.name,
                      [&](Worker& w) { return remove_worker(w, call.cluster, order); });
}

// --- their configuration

Json config_json(const Storage& storage) {
    Json json = {{"storage", storage.name},
                 {"type", storage.type},
                 {"content", fmt::format("{}", fmt::join(storage.content, ","))},
                 {"digest", sha1_of("storage.cfg")}};
    if (keeps_files(storage)) json["path"] = storage.path;
    if (storage.shared) json["shared"] = 1;
    if (storage.disabled) json["disable"] = 1;
    if (!storage.nodes.empty()) json["nodes"] = fmt::format("{}", fmt::join(storage.nodes, ","));
    if (!storage.prune_backups.empty()) json["prune-backups"] = storage.prune_backups;
    return json;
}

Json list_config(Call& call) {
    Json all = Json::array();
    for (const auto& [name, storage] : call.cluster.storages)
        if (may_see(call, storage) && call.params.text("type", storage.type) == storage.type)
            all.push_back(config_json(storage));
    return all;
}

void configure(Call& call, Storage& storage) {
    for (const std::string& name : call.params.list("delete")) {
        if (name == "prune-backups") storage.prune_backups.clear();
        if (name == "nodes") storage.nodes.clear();
        if (name == "disable") storage.disabled = false;
    }
    const auto as_set = [&](const std::string& name) {
        const auto list = call.params.list(name);
        return std::set<std::string>(list.begin(), list.end());
    };
    if (call.params.has("content")) storage.content = as_set("content");
    if (call.params.has("nodes")) storage.nodes = as_set("nodes");
    if (call.params.has("disable")) storage.disabled = call.params.flag("disable");
    if (call.params.has("shared")) storage.shared = call.params.flag("shared");
    if (call.params.has("path")) storage.path = call.params.text("path");
    if (call.params.has("prune-backups")) storage.prune_backups = call.params.text("prune-backups");
}

Storage& configured(Call& call) {
    const std::string name = call.params.text("storage");
    const auto found = call.cluster.storages.find(name);
    if (found == call.cluster.storages.end()) die(fmt::format("storage '{}' does not exist", name));
    return found->second;
}

Json get_config(Call& call) {
    return config_json(configured(call));
}

Json put_config(Call& call) {
    Storage& storage = configured(call);
    configure(call, storage);
    return {{"storage", storage.name}, {"type", storage.type}};
}

Json create_config(Call& call) {
    const std::string name = call.params.text("storage");
    if (call.cluster.storages.contains(name))
        die(fmt::format("create storage failed: storage ID '{}' already defined", name));
    Storage& storage = call.cluster.storages[name];
    storage.name = name;
    storage.type = call.params.text("type");
    storage.path = "/mnt/pve/" + name;
    storage.shared = storage.type == "nfs" || storage.type == "cifs" || storage.type == "rbd" ||
                     storage.type == "cephfs" || storage.type == "pbs";
    storage.content = {"images", "rootdir"};
    configure(call, storage);
    return {{"storage", storage.name}, {"type", storage.type}};
}

Json delete_config(Call& call) {
    call.cluster.storages.erase(configured(call).name);
    return nullptr;
}

}  // namespace

void add_storage_calls(Handlers& handlers) {
    const std::string all = "/nodes/{node}/storage";
    const std::string one = all + "/{storage}";
    handlers["GET " + all] = list;
    handlers["GET " + one] = index;
    handlers["GET " + one + "/status"] = status;
    handlers["GET " + one + "/content"] = content;
    handlers["POST " + one + "/content"] = allocate_volume;
    handlers["GET " + one + "/content/{volume}"] = get_volume;
    handlers["PUT " + one + "/content/{volume}"] = put_volume;
    handlers["DELETE " + one + "/content/{volume}"] = remove;
    handlers["GET /storage"] = list_config;
    handlers["POST /storage"] = create_config;
    handlers["GET /storage/{storage}"] = get_config;
    handlers["PUT /storage/{storage}"] = put_config;
    handlers["DELETE /storage/{storage}"] = delete_config;
}

}  // namespace slipway::sandbox
