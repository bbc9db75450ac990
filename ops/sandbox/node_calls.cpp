// Nodes: status, time, networks, and the statistics of nodes and guests.

#include <fmt/format.h>

#include "ops/sandbox/guests.h"

namespace slipway::sandbox {
namespace {

std::int64_t uptime_of(const Cluster& cluster, const Node& node) {
    return std::chrono::duration_cast<std::chrono::seconds>(cluster.now() - node.booted).count();
}

std::int64_t used_memory(const Cluster& cluster, const Node& node) {
    std::int64_t used = 1LL << 30;
    for (const auto& [id, guest] : cluster.guests)
        if (guest.node == node.name && guest.run) used += counters_of(cluster, guest).memory;
    return std::min(used, node.memory);
}

constexpr std::int64_t root_size = 100LL << 30;

std::string fingerprint_of(const Node& node) {
    std::string text;
    const std::string hash = sha1_of(node.name) + sha1_of(node.name + "again");
    for (std::size_t i = 0; i < 64; i += 2)
        text += (i ? ":" : "") + std::string{static_cast<char>(std::toupper(hash[i])),
                                             static_cast<char>(std::toupper(hash[i + 1]))};
    return text;
}

Json list(Call& call) {
    Json all = Json::array();
    for (const Node& node : call.cluster.nodes) {
        Json json = {{"node", node.name},
                     {"id", "node/" + node.name},
                     {"type", "node"},
                     {"status", node.online ? "online" : "offline"},
                     {"ssl_fingerprint", node.online ? Json(fingerprint_of(node)) : Json()}};
        if (node.online) {
            json["level"] = "";
            if (call.may("/nodes/" + node.name, "Sys.Audit"))
                json.update(node_load_json(call.cluster, node));
        }
        all.push_back(json);
    }
    return all;
}

Json index(Call&) {
    Json all = Json::array();
    for (const char* name : {"lxc",
                             "network",
                             "qemu",
                             "rrddata",
                             "status",
                             "storage",
                             "tasks",
                             "time",
                             "version",
                             "vzdump"})
        all.push_back({{"name", name}});
    return all;
}

const Node& asked_for(Call& call) {
    return *call.cluster.find_node(call.node());
}

Json status(Call& call) {
    const Node& node = asked_for(call);
    const std::int64_t used = used_memory(call.cluster, node);
    return {{"uptime", uptime_of(call.cluster, node)},
            {"loadavg", {"0.10", "0.08", "0.05"}},
            {"cpu", 0.03},
            {"wait", 0},
            {"idle", 0},
            {"kversion", "Linux 6.x"},
            {"pveversion", "pve-manager/9.2.11/14a22df35955d97d"},
            {"boot-info", {{"mode", "efi"}, {"secureboot", 0}}},
            {"current-kernel",
             {{"sysname", "Linux"}, {"release", "6.x"}, {"version", "#1"}, {"machine", "x86_64"}}},
            {"cpuinfo",
             {{"cpus", node.cpus},
              {"cores", node.cpus},
              {"sockets", 1},
              {"hvm", "1"},
              {"mhz", "2600.000"},
              {"model", "sandbox"}}},
            {"ksm", {{"shared", 0}}},
            {"memory",
             {{"total", node.memory},
              {"used", used},
              {"free", node.memory - used},
              {"available", node.memory - used}}},
            {"swap", {{"total", 0}, {"used", 0}, {"free", 0}}},
            {"rootfs",
             {{"total", root_size},
              {"used", root_size / 10},
              {"free", root_size / 10 * 9},
              {"avail", root_size / 10 * 9}}}};
}

Json time_of(Call& call) {
    const std::int64_t now = call.cluster.epoch(call.node());
    return {{"time", now}, {"localtime", now}, {"timezone", "UTC"}};
}

Json networks(Call& call) {
    Json all = Json::array();
    for (const std::string& bridge : asked_for(call).bridges)
        all.push_back({{"iface", bridge},
                       {"type", "bridge"},
                       {"active", 1},
                       {"autostart", 1},
                       {"method", "manual"},
                       {"method6", "manual"},
                       {"priority", 3}});
    return all;
}

// --- statistics

struct Frame {
    std::int64_t step;
    int points;
};

Frame frame_of(const std::string& timeframe) {
    if (timeframe == "hour") return {60, 60};
    if (timeframe == "day") return {60, 1440};
    if (timeframe == "week") return {1800, 336};
    if (timeframe == "month") return {1800, 1440};
    return {21600, 1440};
}

// What rrdtool answers: a bucket per step, those without a value hold their time alone.
Json series(Call& call, std::int64_t known_since, const Json& values) {
    const Frame frame = frame_of(call.params.text("timeframe"));
    const std::int64_t now = call.cluster.epoch();
    const std::int64_t last = now / frame.step * frame.step;
    Json all = Json::array();
    for (int i = frame.points - 1; i >= 0; --i) {
        const std::int64_t time = last - i * frame.step;
        Json point = {{"time", time}};
        if (time >= known_since) point.update(values);
        all.push_back(point);
    }
    return all;
}

[[noreturn]] void no_figures(const std::string& file) {
    die(
        fmt::format("RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: "
                    "opening '/var/lib/rrdcached/db/{}': No such file or directory",
                    file));
}

Json node_series(Call& call) {
    if (!call.cluster.find_node(call.node())) no_figures("pve-node-9.0/" + call.node());
    const Node& node = asked_for(call);
    Json values = {{"cpu", 0.03},
                   {"maxcpu", node.cpus},
                   {"iowait", 0},
                   {"loadavg", 0.1},
                   {"memtotal", node.memory},
                   {"memused", used_memory(call.cluster, node)},
                   {"memavailable", node.memory - used_memory(call.cluster, node)},
                   {"swaptotal", 0},
                   {"swapused", 0},
                   {"arcsize", 0},
                   {"roottotal", root_size},
                   {"rootused", root_size / 10},
                   {"netin", 0},
                   {"netout", 0}};
    for (const char* name : {"pressurecpusome",
                             "pressureiofull",
                             "pressureiosome",
                             "pressurememoryfull",
                             "pressurememorysome"})
        values[name] = 0;
    return series(call, call.cluster.epoch() - uptime_of(call.cluster, node), values);
}

// Rates, where the status has totals.
Json guest_series(Call& call) {
    const Guest* guest = call.cluster.find_guest(call.vmid());
    if (!guest) no_figures(fmt::format("pve-vm-9.0/{}", call.vmid()));
    const Counters counters = counters_of(call.cluster, *guest);
    const double seconds = static_cast<double>(std::max<std::int64_t>(counters.uptime, 1));
    Json values = {{"cpu", counters.cpu},
                   {"maxcpu", cpus_of(*guest)},
                   {"mem", counters.memory},
                   {"maxmem", memory_of(*guest)},
                   {"memhost", counters.memory},
                   {"disk", 0},
                   {"maxdisk", disk_size_of(*guest)},
                   {"diskread", static_cast<double>(counters.disk_read) / seconds},
                   {"diskwrite", static_cast<double>(counters.disk_write) / seconds},
                   {"netin", static_cast<double>(counters.net_in) / seconds},
                   {"netout", static_cast<double>(counters.net_out) / seconds}};
    for (const char* name : {"pressurecpufull",
                             "pressurecpusome",
                             "pressureiofull",
                             "pressureiosome",
                             "pressurememoryfull",
                             "pressurememorysome"})
        values[name] = 0;
    const std::int64_t since =
        guest->run ? call.cluster.epoch() - counters.uptime : call.cluster.epoch() + 1;
    return series(call, since, values);
}

}  // namespace

Json node_load_json(const Cluster& cluster, const Node& node) {
    return {{"cpu", 0.03},
            {"maxcpu", node.cpus},
            {"mem", used_memory(cluster, node)},
            {"maxmem", node.memory},
            {"disk", root_size / 10},
            {"maxdisk", root_size},
            {"uptime", uptime_of(cluster, node)}};
}

void add_node_calls(Handlers& handlers) {
    handlers["GET /nodes"] = list;
    handlers["GET /nodes/{node}"] = index;
    handlers["GET /nodes/{node}/status"] = status;
    handlers["GET /nodes/{node}/time"] = time_of;
    handlers["GET /nodes/{node}/network"] = networks;
    handlers["GET /nodes/{node}/rrddata"] = node_series;
    handlers["GET /nodes/{node}/qemu/{vmid}/rrddata"] = guest_series;
    handlers["GET /nodes/{node}/lxc/{vmid}/rrddata"] = guest_series;
}

}  // namespace slipway::sandbox
