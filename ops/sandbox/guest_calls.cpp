// Guests as a whole: lists, creation, destruction, what they are capable of.

#include <fmt/format.h>

#include <algorithm>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Json names(const char* key, std::initializer_list<const char*> list) {
    Json json = Json::array();
    for (const char* name : list) json.push_back({{key, name}});
    return json;
}

Json list_guests(Call& call) {
    Json list = Json::array();
    for (const auto& [id, guest] : call.cluster.guests) {
        if (guest.node != call.node() || guest.container != call.is_container()) continue;
        if (!call.may(fmt::format("/vms/{}", id), "VM.Audit")) continue;
        list.push_back(status_json(call.cluster, guest, call.params.flag("full")));
    }
    return list;
}

Json guest_index(Call& call) {
    call.guest();
    return names("subdir",
                 {"config", "pending", "status", "unlink", "rrddata", "snapshot", "firewall"});
}

Json status_index(Call&) {
    return names("subdir", {"current", "start", "stop", "reset", "shutdown", "suspend", "reboot"});
}

Json current_status(Call& call) {
    const Guest& guest = call.guest();
    Json status = status_json(call.cluster, guest, true);
    status["ha"] = {{"managed", 0}};
    if (agent_option(guest, "enabled") == "1") status["agent"] = 1;
    return status;
}

// --- creation

struct CreateOrder {
    int vmid;
    std::string node;
    Config options;
    bool starts = false;
    Caller who;
    std::string pool;
};

void check_free(Call& call) {
    const Guest* there = call.cluster.find_guest(call.vmid());
    if (there)
        die(fmt::format("unable to create VM {} - {} {} already exists on node '{}'",
                        call.vmid(),
                        there->container ? "CT" : "VM",
                        call.vmid(),
                        there->node));
}

void check_pool(Call& call, const std::string& pool) {
    if (pool.empty()) return;
    if (!call.cluster.pools.contains(pool))
        forbidden(fmt::format("pool '{}' does not exist", pool));
    call.need("/pool/" + pool, "VM.Allocate");
}

// STORAGE:SIZE and STORAGE:cloudinit, unlike a volume that is there already.
bool is_to_make(const Drive& drive) {
    return drive.has_volume() && (drive.volname() == "cloudinit" || number_in(drive.volname()));
}

Work create_drive(Worker& worker, Cluster& cluster, CreateOrder& order, std::string key) {
    Hold lock;
    const Drive drive = parse_drive(key, order.options.at(key));
    if (is_to_make(drive))
        lock = co_await lock_storage(worker, cluster.storage(drive.storage()), order.node);
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    std::string& value = order.options.at(key);
    value =
        make_drive(cluster, guest, key, value, [&](const std::string& line) { worker.log(line); });
    guest.config[key] = value;
    co_await worker.spend(milliseconds(40));
}

Work create_worker(Worker& worker, Cluster& cluster, CreateOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(5));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    try {
        for (const auto& [key, value] : Config(order.options))
            if (is_drive(key)) co_await create_drive(worker, cluster, order, key);
        co_await worker.spend(milliseconds(60));
    } catch (const Refused& refused) {
        for (const auto& [key, drive] : drives_of(guest.config))
            if (is_owned_by(drive.volname(), order.vmid))
                remove_volume(cluster, drive.volume, order.node);
        cluster.guests.erase(order.vmid);
        die(fmt::format("unable to create VM {} - {}", order.vmid, refused.what()));
    }
    add_identity(cluster, order.node, order.options);
    if (!order.options.contains("boot")) order.options["boot"] = default_boot(order.options);
    guest.config = order.options;
    cluster.join_pool(order.vmid, order.pool);
    if (!order.starts) co_return;
    worker.log("Execute autostart");
    cluster.start_task(
        order.node, order.who, "qmstart", std::to_string(order.vmid), [&](Worker& w) {
            return start_worker(w, cluster, order.vmid, order.node);
        });
}

Config options_of(const Call& call) {
    static const std::set<std::string> not_options = {"node",
                                                      "vmid",
                                                      "archive",
                                                      "storage",
                                                      "force",
                                                      "unique",
                                                      "pool",
                                                      "bwlimit",
                                                      "start",
                                                      "live-restore",
                                                      "ha-managed",
                                                      "import-working-storage"};
    Config options;
    for (const auto& [name, value] : call.params.all())
        if (!not_options.contains(name)) options[name] = value;
    return options;
}

void check_may_allocate(Call& call) {
    const std::string pool = call.params.text("pool");
    const std::string path = fmt::format("/vms/{}", call.vmid());
    if (call.may(path, "VM.Allocate")) return;
    if (!pool.empty() && call.may("/pool/" + pool, "VM.Allocate")) return;
    const bool overwrites =
        call.params.has("archive") && call.params.flag("force") && call.may(path, "VM.Backup");
    if (!overwrites) forbidden("");
}

Json create(Call& call) {
    const std::string pool = call.params.text("pool");
    check_pool(call, pool);
    check_may_allocate(call);
    Config options = options_of(call);
    if (call.params.has("archive")) return restore(call, std::move(options));
    complete_options(call.cluster, options);
    check_drive_rights(call, call.vmid(), options);
    std::set<std::string> set;
    for (const auto& [name, value] : options) set.insert(name);
    check_option_rights(call, call.vmid(), set);
    check_free(call);
    Hold hold = call.lock(config_file_of(call.vmid()), seconds(5));
    Guest& guest = call.cluster.guests[call.vmid()];
    guest = {.id = call.vmid(), .node = call.node(), .config = {{"lock", "create"}}};
    guest.made = call.cluster.now();
    hold.release();
    const CreateOrder order{
        call.vmid(), call.node(), options, call.params.flag("start"), call.who, pool};
    return call.start("qmcreate", std::to_string(call.vmid()), [&](Worker& worker) {
        return create_worker(worker, call.cluster, order);
    });
}

// --- destruction

struct DestroyOrder {
    int vmid;
    std::string node;
    bool skip_lock = false;
    bool unreferenced = false;
    bool container = false;
};

void check_no_clones(Cluster& cluster, const Guest& guest) {
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.volname().find("base-") == std::string::npos) continue;
        const auto storage = cluster.storages.find(drive.storage());
        if (storage == cluster.storages.end()) continue;
        for (const auto& [node, volumes] : storage->second.volumes)
            for (const auto& [name, volume] : volumes)
                if (volume.parent == drive.volname())
                    die(fmt::format("base volume '{}' is still in use by linked cloned",
                                    drive.volume));
    }
}

void remove_disks(Cluster& cluster, const Guest& guest, bool unreferenced) {
    std::set<std::string> gone;
    const auto collect = [&](const Config& config) {
        for (const auto& [key, value] : config) {
            if (is_unused(key) || key == "vmstate" || key == "rootfs")
                gone.insert(value.substr(0, value.find(',')));
            if (is_drive(key)) gone.insert(parse_drive(key, value).volume);
        }
    };
    collect(guest.config);
    collect(guest.pending);
    for (const auto& [name, snapshot] : guest.snapshots) collect(snapshot.config);
    for (const std::string& volid : gone)
        if (is_owned_by(volid.substr(volid.find(':') + 1), guest.id))
            remove_volume(cluster, volid, guest.node);
    if (!unreferenced) return;
    for (auto& [name, storage] : cluster.storages) {
        auto& volumes = cluster.volumes_of(storage, guest.node);
        std::erase_if(volumes, [&](const auto& volume) {
            return volume.second.content == "images" && is_owned_by(volume.first, guest.id);
        });
    }
}

void forget_guest(Cluster& cluster, int vmid) {
    const std::string path = fmt::format("/vms/{}", vmid);
    std::erase_if(cluster.access.grants, [&](const Grant& grant) { return grant.path == path; });
    for (auto& [name, pool] : cluster.pools) pool.guests.erase(vmid);
    cluster.firewalls.erase(vmid);
    cluster.guests.erase(vmid);
}

Work destroy_worker(Worker& worker, Cluster& cluster, DestroyOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node, order.container);
    if (!order.skip_lock && guest.get("lock") != "suspended") check_lock(guest);
    if (guest.run) die(fmt::format("VM {} is running - destroy failed", order.vmid));
    check_no_clones(cluster, guest);
    remove_disks(cluster, guest, order.unreferenced);
    guest.config = {{"lock", "destroyed"}};
    co_await worker.spend(milliseconds(200));
    forget_guest(cluster, order.vmid);
}

Json destroy(Call& call) {
    call.only_root("skiplock");
    const Guest& guest = call.guest();
    if (guest.get("protection") == "1")
        die(fmt::format("can't remove {} {} - protection mode enabled",
                        guest.container ? "CT" : "VM",
                        guest.id));
    if (guest.run && !call.params.flag("force"))
        die(fmt::format(
            "{} {} is running - destroy failed", guest.container ? "CT" : "VM", guest.id));
    const DestroyOrder order{call.vmid(),
                             call.node(),
                             call.params.flag("skiplock"),
                             call.params.flag("destroy-unreferenced-disks"),
                             guest.container};
    return call.start(guest.container ? "vzdestroy" : "qmdestroy",
                      std::to_string(call.vmid()),
                      [&](Worker& worker) { return destroy_worker(worker, call.cluster, order); });
}

// --- templates and features

struct TemplateOrder {
    int vmid;
    std::string node;
};

Work template_worker(Worker& worker, Cluster& cluster, TemplateOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    Guest& guest = cluster.guest_on(order.vmid, order.node);
    check_lock(guest);
    guest.config["template"] = "1";
    for (auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cdrom()) continue;
        cluster.volume(drive.volume, order.node);
        auto& volumes = cluster.volumes_of(cluster.storage(drive.storage()), order.node);
        std::string is = drive.volname();
        const std::size_t at = is.rfind("vm-");
        if (at == std::string::npos) continue;  // a base already
        is.replace(at, 3, "base-");
        auto volume = volumes.extract(drive.volname());
        volume.key() = is;
        volumes.insert(std::move(volume));
        Drive based = drive;
        based.volume = drive.storage() + ":" + is;
        guest.config[key] = print_drive(based);
        co_await worker.spend(milliseconds(100));
    }
}

Json make_template(Call& call) {
    Guest& guest = call.guest();
    check_lock(guest);
    if (guest.is_template()) die("you can't convert a template to a template");
    if (guest.run) die("you can't convert a VM to template if VM is running");
    if (!guest.snapshots.empty()) die("unable to create template, because VM contains snapshots");
    const TemplateOrder order{call.vmid(), call.node()};
    return call.start("qmtemplate", std::to_string(call.vmid()), [&](Worker& worker) {
        return template_worker(worker, call.cluster, order);
    });
}

Json feature(Call& call) {
    const Guest& guest = call.guest();
    const std::string wanted = call.params.text("feature");
    bool has = true;
    bool is_local = false;
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cdrom()) continue;
        const Storage& storage = call.cluster.storage(drive.storage());
        is_local |= !storage.shared;
        const bool snapshots =
            !keeps_files(storage) || format_of(storage, drive.volname()) == "qcow2";
        if (wanted == "snapshot" && !snapshots) has = false;
    }
    Json nodes = Json::array();
    for (const Node& node : call.cluster.nodes)
        if (!is_local || node.name == guest.node) nodes.push_back(node.name);
    return {{"hasFeature", has ? 1 : 0}, {"nodes", has ? nodes : Json::array()}};
}

}  // namespace

void add_guest_calls(Handlers& handlers) {
    for (const std::string kind : {"qemu", "lxc"}) {
        const std::string guests = "/nodes/{node}/" + kind;
        const std::string guest = guests + "/{vmid}";
        handlers["GET " + guests] = list_guests;
        handlers["GET " + guest] = guest_index;
        handlers["GET " + guest + "/status"] = status_index;
        handlers["GET " + guest + "/status/current"] = current_status;
        handlers["DELETE " + guest] = destroy;
    }
    handlers["POST /nodes/{node}/qemu"] = create;
    handlers["POST /nodes/{node}/qemu/{vmid}/template"] = make_template;
    handlers["GET /nodes/{node}/qemu/{vmid}/feature"] = feature;
}

}  // namespace slipway::sandbox
