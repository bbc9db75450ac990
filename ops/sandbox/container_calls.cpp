// Containers: creation from a template, and their configuration. What they have in common with
// virtual machines is in the calls of those.

#include <fmt/format.h>

#include "ops/sandbox/devices.h"
#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::seconds;

struct CreateOrder {
    int vmid;
    std::string node;
    std::string storage;
    std::int64_t size;
    Config config;
    bool starts = false;
    std::string pool = {};
};

Work create_worker(Worker& worker, Cluster& cluster, CreateOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), seconds(10));
    std::string volid;
    try {
        const NewVolume wanted{.storage = order.storage,
                               .node = order.node,
                               .vmid = order.vmid,
                               .size = order.size,
                               .content = "rootdir"};
        co_await allocate_locked(worker, cluster, wanted, volid);
        worker.log(formatting_line(
            cluster.storage(order.storage), volid.substr(volid.find(':') + 1), "raw", order.size));
        co_await worker.spend(seconds(2));
        worker.log("extracting archive '" + order.config["ostemplate"] + "'");
        co_await worker.spend(seconds(3));
        order.config["rootfs"] = fmt::format("{},size={}", volid, size_text(order.size));
    } catch (const Refused& refused) {
        remove_volume(cluster, volid, order.node);
        cluster.guests.erase(order.vmid);
        die(fmt::format("unable to create CT {} - {}", order.vmid, refused.what()));
    }
    order.config.erase("ostemplate");
    Guest& guest = cluster.guest_on(order.vmid, order.node, true);
    guest.config = order.config;
    cluster.join_pool(order.vmid, order.pool);
    if (order.starts) start_guest(cluster, guest);
}

// STORAGE:SIZE, in GiB.
std::pair<std::string, std::int64_t> root_of(const Call& call) {
    const std::string rootfs = call.params.text("rootfs");
    const std::size_t colon = rootfs.find(':');
    if (colon == std::string::npos) return {call.params.text("storage", "local"), 4LL << 30};
    const std::string size = rootfs.substr(colon + 1, rootfs.find(',') - colon - 1);
    const auto number = number_in(size);
    if (!number || *number < 0) die(fmt::format("unable to parse volume ID '{}'", rootfs));
    return {rootfs.substr(0, colon), bytes_of(size, 1LL << 30)};
}

Json create(Call& call) {
    static const std::set<std::string> not_options = {"node",
                                                      "vmid",
                                                      "storage",
                                                      "rootfs",
                                                      "password",
                                                      "ssh-public-keys",
                                                      "start",
                                                      "pool",
                                                      "force",
                                                      "restore",
                                                      "unique",
                                                      "bwlimit",
                                                      "ignore-unpack-errors"};
    const std::string path = fmt::format("/vms/{}", call.vmid());
    const std::string pool = call.params.text("pool");
    if (!call.may(path, "VM.Allocate") &&
        (pool.empty() || !call.may("/pool/" + pool, "VM.Allocate")))
        forbidden("");
    if (const Guest* there = call.cluster.find_guest(call.vmid()))
        die(fmt::format("unable to create CT {0} - {1} {0} already exists on node '{2}'",
                        call.vmid(),
                        there->container ? "CT" : "VM",
                        there->node));
    const auto [storage, size] = root_of(call);
    call.need("/storage/" + storage, "Datastore.AllocateSpace");
    usable_storage(call.cluster, storage, call.node(), "rootdir");
    const std::string archive = call.params.text("ostemplate");
    if (!call.cluster.find_volume(archive, call.node()))
        die(fmt::format("volume '{}' does not exist", archive));
    CreateOrder order{call.vmid(), call.node(), storage, size, {}, call.params.flag("start"), pool};
    for (const auto& [name, value] : call.params.all())
        if (!not_options.contains(name)) order.config[name] = value;
    order.config.try_emplace("hostname", fmt::format("CT{}", call.vmid()));
    order.config.try_emplace("memory", "512");
    order.config.try_emplace("swap", "512");
    order.config.try_emplace("ostype", "debian");
    order.config.try_emplace("arch", "amd64");
    Guest& guest = call.cluster.guests[call.vmid()];
    guest = {.id = call.vmid(),
             .node = call.node(),
             .container = true,
             .config = {{"lock", "create"}},
             .made = call.cluster.now()};
    return call.start("vzcreate", std::to_string(call.vmid()), [&](Worker& worker) {
        return create_worker(worker, call.cluster, order);
    });
}

Json put_config(Call& call) {
    static const std::set<std::string> not_options = {"node", "vmid", "delete", "revert", "digest"};
    Guest& guest = call.guest();
    if (call.params.has("digest") && call.params.text("digest") != digest_of(guest))
        die("checksum mismatch (file change by other user?)");
    check_lock(guest);
    for (const std::string& name : call.params.list("delete")) guest.config.erase(name);
    for (const auto& [name, value] : call.params.all())
        if (!not_options.contains(name)) guest.config[name] = value;
    return nullptr;
}

}  // namespace

void add_container_calls(Handlers& handlers) {
    handlers["POST /nodes/{node}/lxc"] = create;
    handlers["PUT /nodes/{node}/lxc/{vmid}/config"] = put_config;
}

}  // namespace slipway::sandbox
