#include "ops/sandbox/cluster.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace slipway::sandbox {
namespace {

std::string prefix_of_macs(const Properties& options) {
    const auto set = options.find("mac_prefix");
    std::string prefix = set == options.end() ? "BC:24:11" : set->second;
    if (prefix.ends_with(':')) prefix.pop_back();
    std::transform(prefix.begin(), prefix.end(), prefix.begin(), ::toupper);
    return prefix;
}

Work failing_worker(Worker& worker) {
    co_await worker.spend(std::chrono::milliseconds(200));
    die("command failed: exit code 1");
}

Work lying_worker(Worker& worker) {
    co_await worker.spend(std::chrono::milliseconds(200));
}

Work failing_late_worker(Worker& worker, Body body) {
    co_await body(worker);
    die("command failed: exit code 1");
}

}  // namespace

std::string Guest::name() const {
    return get(container ? "hostname" : "name", fmt::format("{} {}", container ? "CT" : "VM", id));
}

Cluster::Cluster(const Clock& clock, double speed, std::uint64_t seed)
    : tasks(speed), clock_(clock), random_(seed) {
    tasks.run_until(clock.since_boot(), [this](Moment at) { set_wall(at); });
    tasks.on_end = [this](Task& task) { task.endtime = epoch(task.node); };
}

// What the wall clock said at that moment. It may be a while ago: tasks are woken when somebody
// looks, and must not notice.
void Cluster::set_wall(Moment) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    wall_at_boot_us_ = clock_.now().time_since_epoch().count() -
                       duration_cast<microseconds>(clock_.since_boot()).count();
}

std::int64_t Cluster::epoch(const std::string& node) const {
    const auto since_boot =
        std::chrono::duration_cast<std::chrono::microseconds>(tasks.now()).count();
    const auto skewed = skew.find(node);
    return (wall_at_boot_us_ + since_boot) / 1'000'000 +
           (skewed == skew.end() ? 0 : skewed->second);
}

Node* Cluster::find_node(const std::string& called) {
    const auto found = std::find_if(
        nodes.begin(), nodes.end(), [&](const Node& node) { return node.name == called; });
    return found == nodes.end() ? nullptr : &*found;
}

Guest* Cluster::find_guest(int id) {
    const auto found = guests.find(id);
    return found == guests.end() ? nullptr : &found->second;
}

Guest& Cluster::guest_on(int id, const std::string& node, bool container) {
    Guest* guest = find_guest(id);
    if (!guest || guest->node != node || guest->container != container)
        die(fmt::format("Configuration file 'nodes/{}/{}/{}.conf' does not exist",
                        node,
                        container ? "lxc" : "qemu-server",
                        id));
    return *guest;
}

Storage& Cluster::storage(const std::string& called) {
    const auto found = storages.find(called);
    if (found == storages.end()) die(fmt::format("storage '{}' does not exist", called));
    return found->second;
}

std::map<std::string, Volume>& Cluster::volumes_of(Storage& storage, const std::string& node) {
    return storage.volumes[storage.shared ? "" : node];
}

Volume* Cluster::find_volume(const std::string& volid, const std::string& node) {
    const std::size_t colon = volid.find(':');
    if (colon == std::string::npos) return nullptr;
    const auto storage = storages.find(volid.substr(0, colon));
    if (storage == storages.end()) return nullptr;
    auto& volumes = volumes_of(storage->second, node);
    const auto found = volumes.find(volid.substr(colon + 1));
    return found == volumes.end() ? nullptr : &found->second;
}

Volume& Cluster::volume(const std::string& volid, const std::string& node) {
    Volume* found = find_volume(volid, node);
    if (!found) die(fmt::format("volume '{}' does not exist", volid));
    return *found;
}

std::string Cluster::pool_of(int guest) const {
    for (const auto& [called, pool] : pools)
        if (pool.guests.contains(guest)) return called;
    return {};
}

void Cluster::join_pool(int guest, const std::string& pool) {
    const auto found = pools.find(pool);
    if (found != pools.end()) found->second.guests.insert(guest);
}

bool Cluster::may(const Caller& caller,
                  const std::string& path,
                  const std::string& privilege) const {
    if (access.has(caller.name, path, privilege)) return true;
    if (!path.starts_with("/vms/")) return false;
    const std::string pool = pool_of(std::atoi(path.c_str() + 5));
    return !pool.empty() && access.has(caller.name, "/pool/" + pool, privilege);
}

void Cluster::need(const Caller& caller,
                   const std::string& path,
                   const std::string& privilege) const {
    if (!may(caller, path, privilege)) forbidden(path + ", " + privilege);
}

std::string Cluster::new_uuid() {
    const std::uint64_t a = random_();
    const std::uint64_t b = random_();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
                       a >> 32,
                       (a >> 16) & 0xffff,
                       a & 0xfff,
                       0x8000 | (b >> 50),
                       b & 0xffffffffffff);
}

std::string Cluster::new_mac() {
    const std::string prefix = prefix_of_macs(options);
    std::string mac = prefix;
    while (mac.size() < 17) mac += fmt::format(":{:02X}", random_() & 0xff);
    return mac;
}

std::string Cluster::new_upid(Task& task) {
    task.pid = next_pid_++;
    if (next_pid_ > 0x3fffff) next_pid_ = 1000;
    task.pstart = tasks.now() / std::chrono::milliseconds(10);
    task.starttime = epoch(task.node);
    return fmt::format("UPID:{}:{:08X}:{:08X}:{:08X}:{}:{}:{}:",
                       task.node,
                       task.pid,
                       task.pstart,
                       task.starttime,
                       task.type,
                       task.id,
                       task.user);
}

Task& Cluster::start_task(const std::string& node,
                          const Caller& caller,
                          const std::string& type,
                          const std::string& id,
                          const Body& body) {
    Task task{.upid = {}, .node = node, .type = type, .id = id, .user = caller.name};
    task.upid = new_upid(task);
    switch (std::exchange(next_task_shall, TaskFault::None)) {
        case TaskFault::None:
            break;
        case TaskFault::Fails:
            return tasks.start(std::move(task), failing_worker);
        case TaskFault::Lies:
            return tasks.start(std::move(task), lying_worker);
        case TaskFault::FailsLate:
            return tasks.start(std::move(task),
                               [&](Worker& worker) { return failing_late_worker(worker, body); });
    }
    return tasks.start(std::move(task), body);
}

void Cluster::set_online(const std::string& called, bool online) {
    Node& node = *find_node(called);
    node.online = online;
    if (online) {
        node.booted = now();
        return;
    }
    for (const auto& task : tasks.all())
        if (task->runs() && task->node == called) tasks.kill(*task);
    for (auto& [id, guest] : guests)
        if (guest.node == called) guest.run.reset();
}

std::string sha1_of(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), bytes.data(), &length, EVP_sha1(), nullptr);
    std::string hex;
    for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", bytes[i]);
    return hex;
}

std::string digest_of(const Guest& guest) {
    std::string file;
    const auto section = [&](const std::string& name, const Config& config) {
        file += "[" + name + "]\n";
        for (const auto& [key, value] : config) file += fmt::format("{}: {}\n", key, value);
    };
    section("", guest.config);
    section("PENDING", guest.pending);
    for (const std::string& key : guest.pending_delete) file += "delete: " + key + "\n";
    for (const auto& [name, snapshot] : guest.snapshots) {
        section(name, snapshot.config);
        file += snapshot.description + snapshot.parent + snapshot.state;
    }
    return sha1_of(file);
}

std::string digest_of(const FirewallFile& file) {
    std::string text;
    for (const auto& [key, value] : file.options) text += fmt::format("{}: {}\n", key, value);
    for (const auto& [name, alias] : file.aliases) text += fmt::format("{} {}\n", name, alias.cidr);
    for (const auto& [name, set] : file.sets) {
        text += "[IPSET " + name + "] " + set.comment + "\n";
        for (const auto& entry : set.entries)
            text += (entry.nomatch ? "!" : "") + entry.cidr + " # " + entry.comment + "\n";
    }
    for (const Properties& rule : file.rules) {
        for (const auto& [key, value] : rule) text += fmt::format("{}={} ", key, value);
        text += "\n";
    }
    return sha1_of(text);
}

std::string config_file_of(int id) {
    return fmt::format("/var/lock/qemu-server/lock-{}.conf", id);
}

void check_lock(const Guest& guest) {
    const std::string lock = guest.get("lock");
    if (!lock.empty()) die(fmt::format("{} is locked ({})", guest.container ? "CT" : "VM", lock));
}

std::string size_text(std::int64_t bytes) {
    constexpr std::array units = {"", "K", "M", "G", "T"};
    std::size_t unit = 0;
    while (unit + 1 < units.size() && bytes % 1024 == 0) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{}{}", bytes, units[unit]);
}

std::int64_t size_of_text(const std::string& text) {
    const std::size_t begin = text.starts_with('+') ? 1 : 0;
    const std::size_t end = std::min(text.find_first_not_of("0123456789.", begin), text.size());
    std::int64_t unit = 1;
    for (const char name : std::string_view("KMGT")) {
        if (end == text.size()) break;
        unit *= 1024;
        if (text[end] == name) break;
    }
    return end == begin ? 0 : bytes_of(text.substr(begin, end - begin), unit);
}

std::int64_t bytes_of(const std::string& number, std::int64_t unit) {
    constexpr std::int64_t most = 1LL << 62;
    const double bytes = number_in(number).value_or(0x1p62) * static_cast<double>(unit);
    return bytes < static_cast<double>(most) ? static_cast<std::int64_t>(bytes) : most;
}

void die(const std::string& text) {
    throw Refused(500, text);
}

void wrong_parameter(const std::string& field, const std::string& why) {
    throw Refused(400, "Parameter verification failed.", {{field, why}});
}

void forbidden(const std::string& what) {
    throw Refused(403, "Permission check failed" + (what.empty() ? "" : " (" + what + ")"));
}

std::string header(const HttpHeaders& headers, std::string_view name) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
    };
    for (const auto& [known, value] : headers)
        if (std::equal(known.begin(), known.end(), name.begin(), name.end(), same)) return value;
    return {};
}

}  // namespace slipway::sandbox
