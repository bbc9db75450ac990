#include "ops/sandbox/state_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "consumers/runtime/error.h"
#include "ops/sandbox/devices.h"
#include "ops/sandbox/guests.h"

namespace slipway::sandbox {
namespace {

constexpr std::int64_t gib = 1LL << 30;

[[noreturn]] void wrong(const YAML::Node& at, const std::string& what) {
    throw Error(fmt::format("line {}: {}", at.Mark().line + 1, what));
}

// The entries of one map; whoever misspells a key hears of it.
class Entries {
  public:
    Entries(const YAML::Node& map, std::set<std::string> known) : map_(map) {
        if (!map.IsMap()) wrong(map, "expected key: value");
        for (const auto& entry : map) {
            const auto key = entry.first.as<std::string>();
            if (!known.contains(key))
                wrong(entry.first,
                      fmt::format("unknown key \"{}\"; there are {}", key, fmt::join(known, ", ")));
        }
    }

    template <class T>
    T get(const std::string& key, const T& otherwise) const {
        const YAML::Node value = map_[key];
        if (!value) return otherwise;
        try {
            return value.as<T>();
        } catch (const YAML::Exception&) {
            wrong(value, fmt::format("{} has a value of the wrong kind", key));
        }
    }
    template <class T>
    T need(const std::string& key) const {
        if (!map_[key]) wrong(map_, fmt::format("{} is missing here", key));
        return get<T>(key, T());
    }
    YAML::Node list(const std::string& key) const { return map_[key]; }
    const YAML::Node& node() const { return map_; }

  private:
    YAML::Node map_;
};

void add_node(Cluster& cluster, const YAML::Node& from) {
    const Entries entries(from, {"name", "ip", "online", "cpus", "memory_gib", "bridges", "skew"});
    Node node{.name = entries.need<std::string>("name")};
    node.ip = entries.get<std::string>("ip", fmt::format("10.0.0.{}", cluster.nodes.size() + 1));
    node.online = entries.get("online", true);
    node.cpus = entries.get("cpus", 16);
    node.memory = entries.get<std::int64_t>("memory_gib", 64) * gib;
    node.bridges = entries.get<std::vector<std::string>>("bridges", {"vmbr0"});
    node.booted = cluster.now() - std::chrono::hours(1);
    if (const auto skew = entries.get<std::int64_t>("skew", 0)) cluster.skew[node.name] = skew;
    cluster.nodes.push_back(node);
}

void add_storage(Cluster& cluster, const YAML::Node& from) {
    const Entries entries(from,
                          {"name",
                           "type",
                           "path",
                           "content",
                           "shared",
                           "nodes",
                           "size_gib",
                           "prune-backups",
                           "full"});
    Storage storage{.name = entries.need<std::string>("name")};
    storage.type = entries.get<std::string>("type", "dir");
    storage.path = entries.get<std::string>("path", "/mnt/pve/" + storage.name);
    storage.shared = entries.get("shared", storage.type == "nfs" || storage.type == "rbd");
    storage.size = entries.get<std::int64_t>("size_gib", 1024) * gib;
    storage.prune_backups = entries.get<std::string>("prune-backups", "");
    storage.full = entries.get("full", false);
    for (const auto& content :
         entries.get<std::vector<std::string>>("content", {"images", "rootdir"}))
        storage.content.insert(content);
    for (const auto& node : entries.get<std::vector<std::string>>("nodes", {})) {
        if (!cluster.find_node(node)) wrong(entries.node(), "there is no node " + node);
        storage.nodes.insert(node);
    }
    cluster.storages[storage.name] = storage;
}

void add_volume(Cluster& cluster, const YAML::Node& from) {
    const Entries entries(from, {"storage", "node", "name", "size_mib"});
    const auto name = entries.need<std::string>("name");
    const auto where = entries.need<std::string>("storage");
    const auto storage = cluster.storages.find(where);
    if (storage == cluster.storages.end())
        wrong(entries.node(), "there is no storage " + where + " above");
    const auto node = entries.get<std::string>("node", cluster.nodes.front().name);
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) wrong(entries.node(), "name is CONTENT/FILE");
    cluster.volumes_of(storage->second, node)[name] = {
        .content = name.substr(0, slash),
        .format = name.substr(name.rfind('.') + 1),
        .size = entries.get<std::int64_t>("size_mib", 1) << 20,
        .ctime = cluster.epoch()};
}

// A guest with one disk and one network card, and whatever else `config` says.
void add_guest(Cluster& cluster, const YAML::Node& from) {
    const Entries entries(from,
                          {"vmid",
                           "node",
                           "name",
                           "storage",
                           "disk_gib",
                           "format",
                           "template",
                           "cloudinit",
                           "bridge",
                           "system",
                           "running",
                           "config"});
    Guest guest{.id = entries.need<int>("vmid")};
    if (cluster.guests.contains(guest.id))
        wrong(entries.node(), fmt::format("there is a guest {} already", guest.id));
    guest.node = entries.get<std::string>("node", cluster.nodes.front().name);
    if (!cluster.find_node(guest.node)) wrong(entries.node(), "there is no node " + guest.node);
    guest.made = cluster.now() - std::chrono::hours(1);
    const bool is_template = entries.get("template", false);
    for (const auto& option : entries.get<std::map<std::string, std::string>>("config", {}))
        guest.config.insert(option);
    guest.config["name"] = entries.get<std::string>("name", fmt::format("vm{}", guest.id));
    guest.config.try_emplace("scsihw", "virtio-scsi-single");
    guest.config["net0"] = complete_net(
        cluster, "net0", "virtio,bridge=" + entries.get<std::string>("bridge", "vmbr0"));
    const auto storage = entries.get<std::string>("storage", "local");
    const auto size = static_cast<std::int64_t>(entries.get("disk_gib", 4.0) * gib);
    try {
        const std::string volid = allocate(cluster,
                                           {.storage = storage,
                                            .node = guest.node,
                                            .vmid = guest.id,
                                            .format = entries.get<std::string>("format", "qcow2"),
                                            .size = size});
        auto& volumes = cluster.volumes_of(cluster.storages.at(storage), guest.node);
        std::string name = volid.substr(volid.find(':') + 1);
        volumes[name].has_system = entries.get("system", true);
        if (is_template) {
            auto volume = volumes.extract(name);
            name.replace(name.rfind("vm-"), 3, "base-");
            volume.key() = name;
            volumes.insert(std::move(volume));
        }
        guest.config["scsi0"] = fmt::format("{}:{},size={}", storage, name, size_text(size));
        if (entries.get("cloudinit", is_template))
            guest.config["ide2"] =
                cloudinit_volume(cluster, storage, guest.node, guest.id) + ",media=cdrom";
    } catch (const Refused& refused) {
        wrong(entries.node(), refused.what());
    }
    guest.config.try_emplace("boot", default_boot(guest.config));
    add_identity(cluster, guest.node, guest.config);
    if (is_template) guest.config["template"] = "1";
    Guest& added = cluster.guests[guest.id] = guest;
    if (entries.get("running", false)) start_guest(cluster, added);
}

void add_user(Cluster& cluster, const YAML::Node& from) {
    const Entries entries(from, {"id", "password", "tokens", "rights"});
    const auto id = entries.need<std::string>("id");
    User& user = cluster.access.users[id];
    user.password = entries.get<std::string>("password", user.password);
    for (const YAML::Node& listed : entries.list("tokens")) {
        const Entries token(listed, {"name", "secret", "privsep"});
        user.tokens[token.need<std::string>("name")] = {
            .secret = token.get<std::string>("secret", cluster.new_uuid()),
            .separate = token.get("privsep", true)};
    }
    for (const YAML::Node& listed : entries.list("rights")) {
        const Entries right(listed, {"path", "role", "token"});
        const auto role = right.need<std::string>("role");
        if (!cluster.access.roles.contains(role)) wrong(right.node(), "there is no role " + role);
        const auto token = right.get<std::string>("token", "");
        cluster.access.grants.push_back({right.need<std::string>("path"),
                                         token.empty() ? id : fmt::format("{}!{}", id, token),
                                         role});
    }
}

void add_rule(Misbehaviour& misbehaviour, const YAML::Node& from) {
    const Entries entries(from, {"fault", "method", "path", "nth", "times", "delay_ms", "text"});
    const auto name = entries.need<std::string>("fault");
    const auto fault = fault_named(name);
    if (!fault)
        wrong(entries.node(),
              fmt::format(
                  "there is no fault \"{}\"; there are {}", name, fmt::join(fault_names(), ", ")));
    misbehaviour.add(
        {.fault = *fault,
         .method = entries.get<std::string>("method", ""),
         .path = entries.get<std::string>("path", ""),
         .nth = entries.get("nth", 1),
         .times = entries.get("times", 1),
         .delay = std::chrono::milliseconds(entries.get<std::int64_t>("delay_ms", 30'000)),
         .text = entries.get<std::string>("text", "")});
}

DnsBoxKind dns_kind_of(const Entries& entries) {
    const auto kind = entries.need<std::string>("kind");
    if (kind == "powerdns") return DnsBoxKind::PowerDns;
    if (kind == "hestiacp") return DnsBoxKind::HestiaCp;
    if (kind == "cloudflare") return DnsBoxKind::Cloudflare;
    wrong(entries.node(),
          fmt::format("there is no kind \"{}\"; there are powerdns, hestiacp, cloudflare", kind));
}

void add_dns(Beginning& beginning, const YAML::Node& from) {
    const Entries entries(from,
                          {"name", "kind", "secret", "user", "zone_owner", "server", "zones"});
    NamedDnsBox box{.name = entries.need<std::string>("name"),
                    .settings = {.kind = dns_kind_of(entries)}};
    for (const NamedDnsBox& other : beginning.dns)
        if (other.name == box.name) wrong(from, "there is a DNS provider " + box.name + " already");
    DnsBoxSettings& settings = box.settings;
    settings.secret = entries.get<std::string>("secret", beginning.cluster->new_uuid());
    settings.user = entries.get("user", settings.user);
    settings.zone_owner = entries.get("zone_owner", settings.zone_owner);
    settings.server = entries.get("server", settings.server);
    settings.zones = entries.get("zones", settings.zones);
    beginning.dns.push_back(std::move(box));
}

// There is always root@pam, with a password and a token that has all of his rights.
void complete_root(Beginning& beginning) {
    Cluster& cluster = *beginning.cluster;
    User& root = cluster.access.users["root@pam"];
    if (root.password.empty()) root.password = cluster.new_uuid().substr(0, 13);
    beginning.password = root.password;
    if (root.tokens.empty())
        root.tokens["slipway"] = {.secret = cluster.new_uuid(), .separate = false};
    for (const auto& [name, token] : root.tokens)
        if (!token.separate) beginning.token = fmt::format("root@pam!{}={}", name, token.secret);
}

}  // namespace

std::string default_state() {
    return R"(cluster: lab
nodes:
  - {name: pve1, ip: 10.0.0.1}
  - {name: pve2, ip: 10.0.0.2}
storages:
  - {name: local, type: dir, path: /var/lib/vz, content: [images, rootdir, backup, iso, vztmpl, snippets, import]}
  - {name: local-lvm, type: lvmthin, content: [images, rootdir]}
  - {name: shared, type: nfs, content: [images, rootdir, backup]}
volumes:
  - {storage: local, node: pve1, name: vztmpl/debian-12-standard_12.7-1_amd64.tar.zst, size_mib: 120}
  - {storage: local, node: pve2, name: vztmpl/debian-12-standard_12.7-1_amd64.tar.zst, size_mib: 120}
guests:
  - {vmid: 9000, node: pve1, name: debian-12, template: true, storage: local, disk_gib: 2,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
  - {vmid: 9001, node: pve2, name: debian-12, template: true, storage: shared, disk_gib: 2,
     config: {memory: "1024", cores: "1", agent: "enabled=1", ostype: l26}}
dns:
  - {name: pdns1, kind: powerdns,
     zones: [example.com, 130.168.192.in-addr.arpa, 0-127.131.168.192.in-addr.arpa,
             0.0.0.0.0.3.1.0.8.b.d.0.1.0.0.2.ip6.arpa]}
  - {name: hestia, kind: hestiacp, user: admin, zone_owner: dns, zones: [example.com]}
)";
}

Beginning read_state(const std::string& yaml,
                     const Clock& clock,
                     const BeginningSettings& settings) {
    Beginning beginning;
    beginning.cluster = std::make_unique<Cluster>(clock, settings.speed, settings.seed);
    Cluster& cluster = *beginning.cluster;
    YAML::Node root;
    try {
        root = YAML::Load(yaml);
    } catch (const YAML::Exception& error) {
        throw Error(fmt::format("line {}: {}", error.mark.line + 1, error.msg));
    }
    const Entries entries(root,
                          {"cluster",
                           "nodes",
                           "storages",
                           "volumes",
                           "guests",
                           "users",
                           "dns",
                           "misbehave",
                           "misbehave_seed",
                           "misbehave_share"});
    cluster.name = entries.get<std::string>("cluster", "lab");
    for (const YAML::Node& node : entries.list("nodes")) add_node(cluster, node);
    if (cluster.nodes.empty()) wrong(root, "nodes is missing or empty; there must be one at least");
    for (const YAML::Node& storage : entries.list("storages")) add_storage(cluster, storage);
    for (const YAML::Node& volume : entries.list("volumes")) add_volume(cluster, volume);
    for (const YAML::Node& guest : entries.list("guests")) add_guest(cluster, guest);
    for (const YAML::Node& user : entries.list("users")) add_user(cluster, user);
    for (const YAML::Node& rule : entries.list("misbehave")) add_rule(beginning.misbehaviour, rule);
    if (const double share = entries.get("misbehave_share", 0.0); share > 0)
        beginning.misbehaviour.by_seed(entries.get<std::uint64_t>("misbehave_seed", 1), share);
    complete_root(beginning);
    for (const YAML::Node& dns : entries.list("dns")) add_dns(beginning, dns);
    return beginning;
}

}  // namespace slipway::sandbox
