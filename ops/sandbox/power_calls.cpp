// Starting and stopping guests, and asking the agent inside.

#include <fmt/format.h>

#include "ops/sandbox/guests.h"
#include "ops/sandbox/workers.h"

namespace slipway::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds patience_for_lock{10};

[[noreturn]] void not_found(int vmid, const std::string& node) {
    die(fmt::format("unable to find configuration file for VM {} on node '{}'", vmid, node));
}

Guest& found(Cluster& cluster, int vmid, const std::string& node) {
    Guest* guest = cluster.find_guest(vmid);
    if (!guest || guest->node != node) not_found(vmid, node);
    return *guest;
}

std::string task_name(const Call& call, const std::string& verb) {
    return (call.is_container() ? "vz" : "qm") + verb;
}

// --- start

struct StartOrder {
    int vmid;
    std::string node;
    bool skip_lock = false;
    bool container = false;
};

Work start_as_ordered(Worker& worker, Cluster& cluster, StartOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    Guest& guest = cluster.guest_on(order.vmid, order.node, order.container);
    if (guest.is_template()) die("you can't start a vm if it's a template");
    const std::string lock = guest.get("lock");
    if (lock == "backup" && guest.run) {  // was started for the backup: it goes on as a guest
        guest.run->prelaunch = false;
        guest.run->paused = false;
        co_return;
    }
    if (!order.skip_lock && lock != "suspended") check_lock(guest);
    if (guest.run)
        die(fmt::format("{} {} already running", order.container ? "CT" : "VM", order.vmid));
    co_await worker.spend(milliseconds(800));
    start_guest(cluster, guest);
}

Json start(Call& call) {
    call.only_root("skiplock");
    const StartOrder order{
        call.vmid(), call.node(), call.params.flag("skiplock"), call.is_container()};
    return call.start(task_name(call, "start"), std::to_string(order.vmid), [&](Worker& worker) {
        return start_as_ordered(worker, call.cluster, order);
    });
}

// --- stop and shutdown

struct StopOrder {
    int vmid;
    std::string node;
    bool skip_lock = false;
    bool forced = true;  // else the guest is asked first
    seconds patience{60};
    bool stops_if_deaf = false;
};

Work stop_worker(Worker& worker, Cluster& cluster, StopOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    Guest& guest = found(cluster, order.vmid, order.node);
    if (!guest.run) co_return;
    if (!order.skip_lock) check_lock(guest);
    if (order.forced) {
        co_await worker.spend(milliseconds(1200));
        stop_guest(cluster, guest);
        co_return;
    }
    if (agent_option(guest, "enabled") == "1" && !has_agent(cluster, guest)) {
        co_await worker.spend(seconds(3));
        worker.log(
            fmt::format("QEMU Guest Agent is not running - VM {} qga command 'guest-ping' "
                        "failed - got timeout",
                        order.vmid));
    }
    if (obeys_acpi(cluster, guest)) {
        co_await worker.spend(std::min<Duration>(seconds(3), order.patience));
        stop_guest(cluster, guest);
        co_return;
    }
    co_await worker.spend(order.patience);
    if (!order.stops_if_deaf) die("VM quit/powerdown failed - got timeout");
    worker.log("VM still running - terminating now with SIGTERM");
    co_await worker.spend(seconds(1));
    stop_guest(cluster, guest);
}

StopOrder stop_order(const Call& call) {
    return {.vmid = call.vmid(), .node = call.node(), .skip_lock = call.params.flag("skiplock")};
}

Json start_stop(Call& call, const std::string& verb, const StopOrder& order) {
    return call.start(task_name(call, verb), std::to_string(order.vmid), [&](Worker& worker) {
        return stop_worker(worker, call.cluster, order);
    });
}

// Own shutdowns that still wait for the guest; others need the right to stop foreign tasks.
void end_shutdowns(Call& call) {
    std::vector<Task*> shutdowns;
    for (const auto& task : call.cluster.tasks.all())
        if (task->runs() && task->type == task_name(call, "shutdown") &&
            task->id == std::to_string(call.vmid()) &&
            (task->user == call.who.name || call.may("/nodes/" + call.node(), "Sys.Modify")))
            shutdowns.push_back(task.get());
    for (Task* task : shutdowns) call.cluster.tasks.stop(*task);
}

Json stop(Call& call) {
    call.only_root("skiplock");
    if (call.params.flag("overrule-shutdown")) end_shutdowns(call);
    return start_stop(call, "stop", stop_order(call));
}

Json shutdown(Call& call) {
    call.only_root("skiplock");
    const Guest* guest = call.cluster.find_guest(call.vmid());
    const bool force = call.params.flag("forceStop");
    if (guest && guest->run && guest->run->paused && !force) die("VM is paused - cannot shutdown");
    StopOrder order = stop_order(call);
    order.forced = false;
    order.patience = call.params.time("timeout", seconds(60));
    order.stops_if_deaf = force;
    return start_stop(call, "shutdown", order);
}

// --- reset, reboot, suspend, resume

Guest& running(Call& call) {
    Guest& guest = found(call.cluster, call.vmid(), call.node());
    if (!guest.run) die(fmt::format("VM {} not running", guest.id));
    return guest;
}

Work reset_worker(Worker& worker, Cluster& cluster, StopOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    Guest& guest = found(cluster, order.vmid, order.node);
    if (!order.skip_lock) check_lock(guest);
    co_await worker.spend(milliseconds(100));
}

Json reset(Call& call) {
    call.only_root("skiplock");
    running(call);
    const StopOrder order = stop_order(call);
    return call.start("qmreset", std::to_string(order.vmid), [&](Worker& worker) {
        return reset_worker(worker, call.cluster, order);
    });
}

Work reboot_worker(Worker& worker, Cluster& cluster, StopOrder order) {
    co_await stop_worker(worker, cluster, order);
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    co_await worker.spend(seconds(1));
    start_guest(cluster, found(cluster, order.vmid, order.node));
}

Json reboot(Call& call) {
    running(call);
    StopOrder order = stop_order(call);
    order.forced = false;
    order.patience = call.params.time("timeout", seconds(60));
    return call.start(task_name(call, "reboot"), std::to_string(order.vmid), [&](Worker& worker) {
        return reboot_worker(worker, call.cluster, order);
    });
}

enum class Then { Pause, Resume };

Work pause_worker(Worker& worker, Cluster& cluster, StopOrder order, Then then) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    Guest& guest = found(cluster, order.vmid, order.node);
    const std::string lock = guest.get("lock");
    if (!order.skip_lock && lock != "backup") check_lock(guest);
    co_await worker.spend(milliseconds(100));
    if (guest.run) guest.run->paused = then == Then::Pause;
}

Work suspend_to_disk_worker(Worker& worker, Cluster& cluster, StopOrder order) {
    const Hold hold = co_await worker.lock(config_file_of(order.vmid), patience_for_lock);
    Guest& guest = found(cluster, order.vmid, order.node);
    check_lock(guest);
    guest.config["lock"] = "suspending";
    co_await worker.spend(seconds(3));
    guest.run.reset();
    guest.config["lock"] = "suspended";
}

Json suspend(Call& call) {
    call.only_root("skiplock");
    running(call);
    const StopOrder order = stop_order(call);
    const bool to_disk = call.params.flag("todisk");
    return call.start(
        to_disk ? "qmsuspend" : "qmpause", std::to_string(order.vmid), [&](Worker& worker) {
            return to_disk ? suspend_to_disk_worker(worker, call.cluster, order)
                           : pause_worker(worker, call.cluster, order, Then::Pause);
        });
}

Json resume(Call& call) {
    call.only_root("skiplock");
    running(call);
    const StopOrder order = stop_order(call);
    return call.start("qmresume", std::to_string(order.vmid), [&](Worker& worker) {
        return pause_worker(worker, call.cluster, order, Then::Resume);
    });
}

// --- the agent inside

Guest& with_agent(Call& call) {
    Guest& guest = call.guest();
    if (!guest.config.contains("agent")) die("No QEMU guest agent configured");
    if (!guest.run) die(fmt::format("VM {} is not running", guest.id));
    if (!has_agent(call.cluster, guest)) {
        call.takes += seconds(3);
        die("QEMU guest agent is not running");
    }
    return guest;
}

Json agent_index(Call&) {
    Json list = Json::array();
    for (const char* name :
         {"fsfreeze-status", "get-host-name", "get-osinfo", "network-get-interfaces", "ping"})
        list.push_back({{"name", name}});
    return list;
}

Json agent_ping(Call& call) {
    with_agent(call);
    return {{"result", Json::object()}};
}

Json agent_host_name(Call& call) {
    return {{"result", {{"host-name", with_agent(call).name()}}}};
}

Json agent_os(Call& call) {
    with_agent(call);
    return {{"result",
             {{"id", "debian"},
              {"name", "Debian GNU/Linux"},
              {"version-id", "12"},
              {"machine", "x86_64"},
              {"pretty-name", "Debian GNU/Linux 12 (bookworm)"}}}};
}

// What cloud-init was last told is what the guest has.
Json agent_interfaces(Call& call) {
    const Guest& guest = with_agent(call);
    Json interfaces = Json::array();
    int number = 0;
    for (const auto& [key, value] : guest.config) {
        if (!is_net(key)) continue;
        Json addresses = Json::array();
        const auto config = guest.cloudinit_built.find("ipconfig" + key.substr(3));
        if (config != guest.cloudinit_built.end())
            for (const std::string& part : split_list(config->second)) {
                const std::size_t slash = part.find('/');
                const bool v6 = part.starts_with("ip6=");
                if ((!v6 && !part.starts_with("ip=")) || slash == std::string::npos) continue;
                const std::size_t begin = part.find('=') + 1;
                addresses.push_back({{"ip-address", part.substr(begin, slash - begin)},
                                     {"ip-address-type", v6 ? "ipv6" : "ipv4"},
                                     {"prefix", std::atoi(part.c_str() + slash + 1)}});
            }
        interfaces.push_back({{"name", fmt::format("eth{}", number++)},
                              {"hardware-address", parse_net(key, value).at("macaddr")},
                              {"ip-addresses", addresses}});
    }
    return {{"result", interfaces}};
}

Json agent_freeze_status(Call& call) {
    with_agent(call);
    return {{"result", "thawed"}};
}

Json agent_password(Call& call) {
    with_agent(call);
    return {{"result", Json::object()}};
}

}  // namespace

Work start_worker(Worker& worker, Cluster& cluster, int vmid, std::string node) {
    return start_as_ordered(worker, cluster, {.vmid = vmid, .node = std::move(node)});
}

void add_power_calls(Handlers& handlers) {
    const std::string guest = "/nodes/{node}/qemu/{vmid}";
    handlers["POST " + guest + "/status/start"] = start;
    handlers["POST " + guest + "/status/stop"] = stop;
    handlers["POST " + guest + "/status/shutdown"] = shutdown;
    handlers["POST " + guest + "/status/reset"] = reset;
    handlers["POST " + guest + "/status/reboot"] = reboot;
    handlers["POST " + guest + "/status/suspend"] = suspend;
    handlers["POST " + guest + "/status/resume"] = resume;
    const std::string container = "/nodes/{node}/lxc/{vmid}";
    handlers["POST " + container + "/status/start"] = start;
    handlers["POST " + container + "/status/stop"] = stop;
    handlers["POST " + container + "/status/shutdown"] = shutdown;
    handlers["GET " + guest + "/agent"] = agent_index;
    handlers["POST " + guest + "/agent/ping"] = agent_ping;
    handlers["GET " + guest + "/agent/get-host-name"] = agent_host_name;
    handlers["GET " + guest + "/agent/get-osinfo"] = agent_os;
    handlers["GET " + guest + "/agent/network-get-interfaces"] = agent_interfaces;
    handlers["POST " + guest + "/agent/fsfreeze-status"] = agent_freeze_status;
    handlers["POST " + guest + "/agent/set-user-password"] = agent_password;
}

}  // namespace slipway::sandbox
