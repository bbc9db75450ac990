// GET, PUT and POST of a guest's configuration, and what is pending in it.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"

namespace slipway::sandbox {
namespace {

void say_nothing(const std::string&) {}

// What pending changes would make of the configuration.
Config merged(const Guest& guest) {
    Config config = guest.config;
    for (const std::string& key : guest.pending_delete) config.erase(key);
    for (const auto& [key, value] : guest.pending) config[key] = value;
    return config;
}

Json get_config(Call& call) {
    Guest& guest = call.guest();
    const std::string snapshot = call.params.text("snapshot");
    if (!snapshot.empty()) {
        const auto found = guest.snapshots.find(snapshot);
        if (found == guest.snapshots.end())
            die(fmt::format("snapshot '{}' does not exist", snapshot));
        return config_json(found->second.config, guest.container);
    }
    Json json =
        config_json(call.params.flag("current") ? guest.config : merged(guest), guest.container);
    json["digest"] = digest_of(guest);
    return json;
}

Json get_pending(Call& call) {
    Guest& guest = call.guest();
    Json list = Json::array();
    for (const auto& [key, value] : guest.config) {
        Json entry = {{"key", key}, {"value", value_json(key, value, guest.container)}};
        const auto pending = guest.pending.find(key);
        if (pending != guest.pending.end())
            entry["pending"] = value_json(key, pending->second, guest.container);
        if (guest.pending_delete.contains(key)) entry["delete"] = 1;
        list.push_back(entry);
    }
    for (const auto& [key, value] : guest.pending)
        if (!guest.config.contains(key))
            list.push_back({{"key", key}, {"pending", value_json(key, value, guest.container)}});
    list.push_back({{"key", "digest"}, {"value", digest_of(guest)}});
    return list;
}

std::set<std::string> names_in(const Call& call, const std::string& param) {
    const auto list = call.params.list(param);
    return {list.begin(), list.end()};
}

void check_removals(const Call& call, const ConfigChange& change) {
    for (const std::string& name : change.remove) {
        if (change.set.contains(name))
            wrong_parameter(
                "delete",
                fmt::format("you can't use '-{}' and -delete {}' at the same time", name, name));
        if (name != "lock" && !Api::find_param(call.endpoint, name))
            wrong_parameter("delete", fmt::format("unknown option '{}'", name));
    }
}

ConfigChange change_of(Call& call) {
    static const std::set<std::string> not_options = {"node",
                                                      "vmid",
                                                      "delete",
                                                      "revert",
                                                      "digest",
                                                      "force",
                                                      "skiplock",
                                                      "background_delay",
                                                      "import-working-storage",
                                                      "idlist"};
    ConfigChange change{.set = {},
                        .remove = names_in(call, "delete"),
                        .revert = names_in(call, "revert"),
                        .force = call.params.flag("force"),
                        .skip_lock = call.params.flag("skiplock"),
                        .digest = call.params.text("digest")};
    for (const auto& [name, value] : call.params.all())
        if (!not_options.contains(name)) change.set[name] = value;
    if (change.set.empty() && change.remove.empty() && change.revert.empty())
        die("no options specified");
    check_removals(call, change);
    complete_options(call.cluster, change.set);
    std::set<std::string> touched = change.remove;
    touched.insert(change.revert.begin(), change.revert.end());
    for (const auto& [name, value] : change.set) touched.insert(name);
    check_drive_rights(call, call.vmid(), change.set);
    check_option_rights(call, call.vmid(), touched);
    return change;
}

// The guest may have gone while the lock file was waited for.
Guest& still_there(Cluster& cluster, int vmid, const std::string& node) {
    return cluster.guest_on(vmid, node);
}

Json put_config(Call& call) {
    call.only_root("skiplock");
    ConfigChange change = change_of(call);
    const Guest& guest = call.guest();
    // Said at once: nobody waits for a lock file to hear that the guest is locked.
    if (!change.skip_lock) check_lock(guest);
    const Hold hold = call.lock(config_file_of(call.vmid()));
    try {
        apply_change(call.cluster, call.guest(), change, say_nothing);
    } catch (const Refused& refused) {
        if (refused.status == 400) call.takes += std::chrono::seconds(6);  // of trying to unplug
        throw;
    }
    return nullptr;
}

std::string told(const Call& call, const ConfigChange& change) {
    std::string line = fmt::format("update VM {}:", call.vmid());
    for (const auto& [name, value] : change.set)
        line += fmt::format(
            " -{} {}", name, name == "cipassword" ? "<hidden>" : call.params.text(name));
    for (const std::string& name : change.remove) line += " -delete " + name;
    return line;
}

struct UpdateOrder {
    int vmid;
    std::string node;
    ConfigChange change;
    std::string told;
};

Work update_worker(Worker& worker, Cluster& cluster, UpdateOrder order) {
    worker.log(order.told);
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), std::chrono::seconds(10));
    co_await worker.spend(std::chrono::milliseconds(50));
    apply_change(cluster,
                 still_there(cluster, order.vmid, order.node),
                 order.change,
                 [&](const std::string& line) { worker.log(line); });
}

Json post_config(Call& call) {
    call.only_root("skiplock");
    ConfigChange change = change_of(call);
    const Guest& guest = call.guest();
    if (!change.skip_lock) check_lock(guest);
    const std::string line = told(call, change);
    const UpdateOrder order{call.vmid(), call.node(), std::move(change), line};
    return call.start("qmconfig", std::to_string(call.vmid()), [&](Worker& worker) {
        return update_worker(worker, call.cluster, order);
    });
}

// Another way to say delete.
Json unlink(Call& call) {
    ConfigChange change{.remove = names_in(call, "idlist"), .force = call.params.flag("force")};
    const Endpoint& config = the_api().endpoint("PUT /nodes/{node}/qemu/{vmid}/config");
    for (const std::string& name : change.remove)
        if (!Api::find_param(config, name))
            wrong_parameter("delete", fmt::format("unknown option '{}'", name));
    check_lock(call.guest());
    const Hold hold = call.lock(config_file_of(call.vmid()));
    apply_change(call.cluster, call.guest(), change, say_nothing);
    return nullptr;
}

}  // namespace

void add_config_calls(Handlers& handlers) {
    const std::string guest = "/nodes/{node}/qemu/{vmid}";
    handlers["GET " + guest + "/config"] = get_config;
    handlers["PUT " + guest + "/config"] = put_config;
    handlers["POST " + guest + "/config"] = post_config;
    handlers["GET " + guest + "/pending"] = get_pending;
    handlers["PUT " + guest + "/unlink"] = unlink;
    const std::string container = "/nodes/{node}/lxc/{vmid}";
    handlers["GET " + container + "/config"] = get_config;
    handlers["GET " + container + "/pending"] = get_pending;
}

}  // namespace slipway::sandbox
