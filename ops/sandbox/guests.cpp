#include "ops/sandbox/guests.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/sandbox/guest_config.h"

namespace slipway::sandbox {
namespace {

constexpr std::chrono::seconds pvestatd_cycle{10};
constexpr std::int64_t mib = 1 << 20;

// Small enough to be multiplied: the schema has no limit for some of them.
std::int64_t number_of(const std::string& text) {
    return std::clamp<std::int64_t>(whole_number(text).value_or(0), 0, 1'000'000'000);
}

std::string first_disk(const Guest& guest) {
    for (const auto& [key, drive] : drives_of(guest.config))
        if (!drive.is_cdrom()) return drive.volume;
    return guest.container ? guest.get("rootfs") : "";
}

// QEMU refuses to begin with these.
void check_throttles(const Guest& guest) {
    const auto number = [](const Properties& options, const std::string& name) {
        const auto found = options.find(name);
        return found == options.end() ? 0.0 : number_in(found->second).value_or(0);
    };
    for (const auto& [key, drive] : drives_of(guest.config))
        for (const char* kind : {"iops", "iops_rd", "iops_wr", "mbps", "mbps_rd", "mbps_wr"}) {
            const double base = number(drive.options, kind);
            const double most = number(drive.options, fmt::format("{}_max", kind));
            if (base < 0 || most < 0 || (most > 0 && most < base) || (most > 0 && base == 0))
                die("start failed: QEMU exited with code 1");
        }
}

void check_volumes(Cluster& cluster, const Guest& guest) {
    for (const auto& [key, drive] : drives_of(guest.config)) {
        if (!drive.has_volume() || drive.is_cloudinit()) continue;
        if (!cluster.find_volume(drive.volume, guest.node))
            die(fmt::format("volume '{}' does not exist", drive.volume));
    }
}

void check_bridges(Cluster& cluster, const Guest& guest) {
    const Node* node = cluster.find_node(guest.node);
    for (const auto& [key, value] : guest.config) {
        if (!is_net(key)) continue;
        const Properties net = guest.container ? Properties{} : parse_net(key, value);
        const auto bridge = net.find("bridge");
        if (bridge != net.end() &&
            std::find(node->bridges.begin(), node->bridges.end(), bridge->second) ==
                node->bridges.end())
            die(fmt::format("bridge '{}' does not exist", bridge->second));
    }
}

Json blockstat_json(const Counters& counters) {
    Json stat = {{"timed_stats", Json::array()},
                 {"account_failed", true},
                 {"account_invalid", true},
                 {"rd_bytes", counters.disk_read},
                 {"wr_bytes", counters.disk_write},
                 {"rd_operations", counters.disk_read / 4096},
                 {"wr_operations", counters.disk_write / 4096}};
    for (const char* none : {"failed_flush_operations",
                             "failed_rd_operations",
                             "failed_unmap_operations",
                             "failed_wr_operations",
                             "failed_zone_append_operations",
                             "flush_operations",
                             "flush_total_time_ns",
                             "invalid_flush_operations",
                             "invalid_rd_operations",
                             "invalid_unmap_operations",
                             "invalid_wr_operations",
                             "invalid_zone_append_operations",
                             "rd_merged",
                             "rd_total_time_ns",
                             "unmap_bytes",
                             "unmap_merged",
                             "unmap_operations",
                             "unmap_total_time_ns",
                             "wr_highest_offset",
                             "wr_merged",
                             "wr_total_time_ns",
                             "zone_append_bytes",
                             "zone_append_merged",
                             "zone_append_operations",
                             "zone_append_total_time_ns"})
        stat[none] = 0;
    return stat;
}

void add_running_parts(const Guest& guest, const Counters& counters, Json& status) {
    status["running-qemu"] = "10.0.2";
    status["running-machine"] = "pc-i440fx-10.0";
    status["diskread"] = counters.disk_read;
    status["diskwrite"] = counters.disk_write;
    status["proxmox-support"] = {{"pbs-dirty-bitmap", false},
                                 {"pbs-dirty-bitmap-migration", false},
                                 {"pbs-dirty-bitmap-savevm", false},
                                 {"pbs-masterkey", false},
                                 {"query-bitmap-info", false},
                                 {"backup-access-api", false},
                                 {"backup-fleecing", false},
                                 {"backup-max-workers", true},
                                 {"pbs-library-version", "sandbox"}};
    for (const auto& [key, drive] : drives_of(guest.config))
        if (drive.has_volume() && !drive.is_cdrom())
            status["blockstat"][key] = blockstat_json(counters);
}

void add_nics(const Guest& guest, const Counters& counters, Json& status) {
    for (const auto& [key, value] : guest.config)
        if (is_net(key))
            status["nics"][fmt::format("tap{}i{}", guest.id, key.substr(3))] = {
                {"netin", counters.net_in}, {"netout", counters.net_out}};
}

void add_pressure(Json& status) {
    for (const char* name : {"pressurecpufull",
                             "pressurecpusome",
                             "pressureiofull",
                             "pressureiosome",
                             "pressurememoryfull",
                             "pressurememorysome"})
        status[name] = 0;
}

std::string qmp_status(const Guest& guest) {
    if (!guest.run) return "stopped";
    return guest.run->prelaunch ? "prelaunch" : guest.run->paused ? "paused" : "running";
}

}  // namespace

bool has_system(Cluster& cluster, const Guest& guest) {
    if (guest.container) return true;
    const Volume* disk = cluster.find_volume(first_disk(guest), guest.node);
    return disk && disk->has_system;
}

bool obeys_acpi(Cluster& cluster, const Guest& guest) {
    return guest.name().starts_with("obeys-") || has_system(cluster, guest);
}

std::string agent_option(const Guest& guest, const std::string& name) {
    const std::string& text = guest.run ? guest.run->agent : guest.get("agent");
    if (text.empty()) return {};
    for (std::string part : split_list(text)) {
        if (part.find('=') == std::string::npos) part.insert(0, "enabled=");
        if (part.starts_with(name + "=")) return part.substr(name.size() + 1);
    }
    return {};
}

// It comes up a while after the machine.
bool has_agent(Cluster& cluster, const Guest& guest) {
    return guest.run && !guest.run->prelaunch && agent_option(guest, "enabled") == "1" &&
           has_system(cluster, guest) &&
           cluster.now() - guest.run->since >= cluster.tasks.scaled(std::chrono::seconds(8));
}

std::int64_t memory_of(const Guest& guest) {
    std::string text = guest.get("memory", "512");
    if (text.starts_with("current=")) text = text.substr(8);
    return number_of(text) * mib;
}

int cpus_of(const Guest& guest) {
    constexpr std::int64_t most = 1'000'000;
    const std::int64_t cpus =
        guest.config.contains("vcpus")
            ? number_of(guest.get("vcpus"))
            : number_of(guest.get("cores", "1")) * number_of(guest.get("sockets", "1"));
    return static_cast<int>(std::min(cpus, most));
}

std::int64_t disk_size_of(const Guest& guest) {
    std::string bootable;
    for (const std::string& device : boot_order(guest.config))
        if (is_drive(device) && guest.config.contains(device) &&
            !read_drive(guest.get(device)).is_cdrom()) {
            bootable = guest.get(device);
            break;
        }
    if (guest.container) bootable = guest.get("rootfs");
    const std::size_t at = bootable.find("size=");
    return at == std::string::npos
               ? 0
               : size_of_text(bootable.substr(at + 5, bootable.find(',', at) - at - 5));
}

// Every guest has a pace of its own, so that two of them can be told apart.
Counters counters_of(const Cluster& cluster, const Guest& guest) {
    if (!guest.run) return {};
    Counters counters;
    const Duration running = cluster.now() - guest.run->since;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(running).count();
    counters.uptime = ms / 1000;
    const std::int64_t pace = guest.run->has_net ? 200 + guest.id % 1000 : 0;
    counters.net_in = ms * pace / 100;
    counters.net_out = ms * pace / 300;
    counters.disk_read = ms * (guest.id % 100) / 1000 * 4096;
    counters.disk_write = ms * (guest.id % 50) / 1000 * 4096;
    counters.cpu = static_cast<double>(guest.id % 90 + 5) / 1000;
    counters.memory = memory_of(guest) / 10 * (3 + guest.id % 5);
    return counters;
}

Json status_json(Cluster& cluster, const Guest& guest, bool full) {
    const Counters counters = counters_of(cluster, guest);
    Json status = {{"vmid", guest.id},
                   {"name", guest.name()},
                   {"status", guest.run ? "running" : "stopped"},
                   {"cpus", cpus_of(guest)},
                   {"cpu", counters.cpu},
                   {"uptime", counters.uptime},
                   {"mem", counters.memory},
                   {"maxmem", memory_of(guest)},
                   {"disk", 0},
                   {"maxdisk", disk_size_of(guest)},
                   {"netin", counters.net_in},
                   {"netout", counters.net_out}};
    if (guest.run) {
        status["pid"] = guest.run->pid;
        add_pressure(status);
    }
    for (const char* also : {"lock", "tags"})
        if (guest.config.contains(also)) status[also] = guest.get(also);
    if (guest.is_template()) status["template"] = 1;
    if (guest.container) {
        status["type"] = "lxc";
        status["diskread"] = counters.disk_read;
        status["diskwrite"] = counters.disk_write;
        status["swap"] = 0;
        status["maxswap"] = number_of(guest.get("swap", "512")) * mib;
        return status;
    }
    status["memhost"] = counters.memory;
    if (full) {
        status["qmpstatus"] = qmp_status(guest);
        if (guest.run) add_running_parts(guest, counters, status);
        if (guest.run && guest.run->has_net) add_nics(guest, counters, status);
    }
    return status;
}

// What /cluster/resources knows was broadcast by pvestatd, which takes ten seconds to go round.
Json resource_json(Cluster& cluster, const Guest& guest) {
    const std::string kind = guest.container ? "lxc" : "qemu";
    Json json = {{"id", fmt::format("{}/{}", kind, guest.id)},
                 {"type", kind},
                 {"vmid", guest.id},
                 {"node", guest.node},
                 {"status", "unknown"}};
    for (const char* live : {"lock", "tags"})
        if (guest.config.contains(live)) json[live] = guest.get(live);
    if (const std::string pool = cluster.pool_of(guest.id); !pool.empty()) json["pool"] = pool;
    if (cluster.now() - guest.made < pvestatd_cycle || !cluster.find_node(guest.node)->online)
        return json;
    const Counters counters = counters_of(cluster, guest);
    json["name"] = guest.name();
    json["status"] = guest.run ? "running" : "stopped";
    json["template"] = guest.is_template() ? 1 : 0;
    json["maxcpu"] = cpus_of(guest);
    json["cpu"] = counters.cpu;
    json["mem"] = counters.memory;
    json["maxmem"] = memory_of(guest);
    json["memhost"] = counters.memory;
    json["disk"] = 0;
    json["maxdisk"] = disk_size_of(guest);
    json["diskread"] = counters.disk_read;
    json["diskwrite"] = counters.disk_write;
    json["netin"] = counters.net_in;
    json["netout"] = counters.net_out;
    json["uptime"] = counters.uptime;
    return json;
}

void start_guest(Cluster& cluster, Guest& guest) {
    apply_pending(cluster, guest);
    if (!guest.container) {
        check_bridges(cluster, guest);
        check_volumes(cluster, guest);
        check_throttles(guest);
    }
    power_on(cluster, guest);
    if (guest.get("lock") == "suspended") guest.config.erase("lock");
}

void power_on(Cluster& cluster, Guest& guest) {
    const bool has_net = std::any_of(
        guest.config.begin(), guest.config.end(), [](const auto& o) { return is_net(o.first); });
    guest.run = Run{.since = cluster.now(),
                    .pid = static_cast<int>(1000 + cluster.random() % 100'000),
                    .agent = guest.get("agent"),
                    .has_net = has_net};
    guest.cloudinit_built = guest.config;
}

void stop_guest(Cluster& cluster, Guest& guest) {
    guest.run.reset();
    apply_pending(cluster, guest);
}

void add_identity(Cluster& cluster, const std::string& node, Config& config) {
    config.try_emplace("smbios1", "uuid=" + cluster.new_uuid());
    config.try_emplace("vmgenid", cluster.new_uuid());
    config["meta"] = fmt::format("creation-qemu=10.0.2,ctime={}", cluster.epoch(node));
}

}  // namespace slipway::sandbox
