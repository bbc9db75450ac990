#include "ops/sandbox/devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace slipway::sandbox {
namespace {

constexpr std::array buses = {"ide", "scsi", "virtio", "sata"};

const std::map<std::string, Schema>& parts_of(const std::string& key) {
    static const Endpoint& config = the_api().endpoint("PUT /nodes/{node}/qemu/{vmid}/config");
    return Api::find_param(config, key)->parts;
}

// mbps= stands for both directions, so it cannot stand beside one of them.
void check_throttles(const Properties& options) {
    for (const char* kind : {"mbps", "iops", "mbps_max", "iops_max"}) {
        const std::string name = kind;
        const std::string base = name.substr(0, 4);
        const std::string rest = name.substr(4);
        if (options.contains(name) && (options.contains(fmt::format("{}_rd{}", base, rest)) ||
                                       options.contains(fmt::format("{}_wr{}", base, rest))))
            throw BadFormat("unable to parse drive options");
    }
}

// Bytes per second become MiB per second, and by a slip of Proxmox's always none, which is no
// limit at all.
void convert_bps(Properties& options) {
    for (const char* way : {"", "_rd", "_wr"})
        if (options.erase(fmt::format("bps{}", way)) > 0)
            options[fmt::format("mbps{}", way)] = "0.000";
}

int number_in(const std::string& key) {
    const std::size_t digits = key.find_first_of("0123456789");
    return digits == std::string::npos ? 0 : std::stoi(key.substr(digits));
}

int place_of(const std::string& key) {
    for (std::size_t i = 0; i < buses.size(); ++i)
        if (key.starts_with(buses[i])) return static_cast<int>(i) * 1000 + number_in(key);
    return 10'000;
}

int free_disk_number(const std::map<std::string, Volume>& volumes, int vmid) {
    std::set<int> taken;
    const std::string mark = fmt::format("-{}-disk-", vmid);
    for (const auto& [name, volume] : volumes) {
        const std::size_t at = name.rfind(mark);
        if (volume.vmid == vmid && at != std::string::npos)
            taken.insert(std::atoi(name.c_str() + at + mark.size()));
    }
    int number = 0;
    while (taken.contains(number)) ++number;
    return number;
}

std::string file_name(const Storage& storage,
                      int vmid,
                      const std::string& name,
                      const std::string& format) {
    if (!keeps_files(storage)) return name;
    return fmt::format("{}/{}{}", vmid, name, format.empty() ? "" : "." + format);
}

}  // namespace

bool Drive::has_volume() const {
    return volume != "none" && volume != "cdrom" && volume.find(':') != std::string::npos;
}

bool Drive::is_cloudinit() const {
    return volume.ends_with(":cloudinit") || volume.find("-cloudinit") != std::string::npos;
}

bool Drive::is_cdrom() const {
    const auto media = options.find("media");
    return (media != options.end() && media->second == "cdrom") || !has_volume() || is_cloudinit();
}

bool is_drive(const std::string& key) {
    if (key == "efidisk0" || key == "tpmstate0") return true;
    const auto bare = numbered_name(key);
    return bare && std::find(buses.begin(), buses.end(), *bare) != buses.end();
}

bool is_unused(const std::string& key) {
    return numbered_name(key) == "unused";
}

bool is_net(const std::string& key) {
    return numbered_name(key) == "net";
}

Drive parse_drive(const std::string& key, const std::string& value) {
    Properties found = parse_properties(parts_of(key), value, key);
    Drive drive{.volume = found["file"], .options = {}};
    found.erase("file");
    check_throttles(found);
    convert_bps(found);
    drive.options = std::move(found);
    return drive;
}

Drive read_drive(const std::string& value) {
    Drive drive;
    std::size_t begin = std::min(value.find(','), value.size());
    drive.volume = value.substr(0, begin);
    while (begin < value.size()) {
        const std::size_t end = std::min(value.find(',', ++begin), value.size());
        const std::size_t equals = std::min(value.find('=', begin), end);
        drive.options.emplace(value.substr(begin, equals - begin),
                              equals < end ? value.substr(equals + 1, end - equals - 1) : "");
        begin = end;
    }
    return drive;
}

std::string print_drive(const Drive& drive) {
    std::string text = drive.volume;
    for (const auto& [name, value] : drive.options) text += fmt::format(",{}={}", name, value);
    return text;
}

Properties parse_net(const std::string& key, const std::string& value) {
    return parse_properties(parts_of(key), value, key);
}

std::string print_net(const Properties& net) {
    std::string text = fmt::format("{}={}", net.at("model"), net.at("macaddr"));
    for (const auto& [name, value] : net)
        if (name != "model" && name != "macaddr") text += fmt::format(",{}={}", name, value);
    return text;
}

std::string complete_net(Cluster& cluster, const std::string& key, const std::string& value) {
    Properties net = parse_net(key, value);
    if (!net.contains("macaddr")) net["macaddr"] = cluster.new_mac();
    return print_net(net);
}

std::vector<NamedDrive> drives_of(const Config& config) {
    std::vector<NamedDrive> found;
    for (const auto& [key, value] : config)
        if (is_drive(key)) found.push_back({key, read_drive(value)});
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return place_of(a.key) < place_of(b.key);
    });
    return found;
}

std::string default_boot(const Config& config) {
    std::vector<std::string> order;
    std::string cdrom;
    for (const auto& [key, drive] : drives_of(config)) {
        if (key == "efidisk0" || key == "tpmstate0") continue;
        if (drive.is_cdrom() && cdrom.empty()) cdrom = key;
        if (!drive.is_cdrom() && order.empty()) order.push_back(key);
    }
    if (!cdrom.empty()) order.push_back(cdrom);
    for (int i = 0; i < 32; ++i) {
        const std::string key = fmt::format("net{}", i);
        if (!config.contains(key)) continue;
        order.push_back(key);
        break;
    }
    return boot_text(order);
}

std::vector<std::string> boot_order(const Config& config) {
    const auto boot = config.find("boot");
    if (boot == config.end() || !boot->second.starts_with("order=")) return {};
    return split_list(boot->second.substr(6));
}

// One space is what Proxmox makes of an empty order.
std::string boot_text(const std::vector<std::string>& order) {
    return order.empty() ? " " : fmt::format("order={}", fmt::join(order, ";"));
}

bool keeps_files(const Storage& storage) {
    constexpr std::array types = {"dir", "nfs", "cifs", "cephfs", "btrfs"};
    return std::find(types.begin(), types.end(), storage.type) != types.end();
}

std::string format_of(const Storage& storage, const std::string& volname) {
    const std::size_t dot = volname.rfind('.');
    return keeps_files(storage) && dot != std::string::npos ? volname.substr(dot + 1) : "raw";
}

std::string path_of(const Storage& storage, const std::string& volname) {
    if (!keeps_files(storage)) return fmt::format("/dev/{}/{}", storage.name, volname);
    if (volname.starts_with("backup/"))
        return fmt::format("{}/dump/{}", storage.path, volname.substr(7));
    if (volname.starts_with("iso/") || volname.starts_with("vztmpl/"))
        return fmt::format("{}/template/{}", storage.path, volname);
    if (volname.starts_with("snippets/")) return fmt::format("{}/{}", storage.path, volname);
    return fmt::format("{}/images/{}", storage.path, volname);
}

std::string path_of(Cluster& cluster, const std::string& volid) {
    const std::size_t colon = volid.find(':');
    return path_of(cluster.storage(volid.substr(0, colon)), volid.substr(colon + 1));
}

Storage& usable_storage(Cluster& cluster,
                        const std::string& name,
                        const std::string& node,
                        const std::string& content) {
    Storage& storage = cluster.storage(name);
    if (storage.disabled) die(fmt::format("storage '{}' is disabled", name));
    if (!storage.nodes.empty() && !storage.nodes.contains(node))
        die(fmt::format("storage '{}' is not available on node '{}'", name, node));
    if (!content.empty() && !storage.content.contains(content))
        die(fmt::format("storage '{}' does not support content-type '{}'", name, content));
    return storage;
}

void check_volname(const Storage& storage, const std::string& name) {
    static const Pattern file(
        R"((iso|vztmpl|backup|snippets|import|rootdir)/.+|(\d+/base-[^/]+/)?\d+/[^/]+)");
    static const Pattern block(R"((base-[^/]+/)?(vm|base)-\d+-.+)");
    const bool files = keeps_files(storage);
    if ((files ? file : block).matches(name)) return;
    die(fmt::format("unable to parse {} volume name '{}'",
                    files                             ? "directory"
                    : storage.type.starts_with("lvm") ? "lvm"
                                                      : storage.type,
                    name));
}

std::int64_t used_on(Cluster& cluster, Storage& storage, const std::string& node) {
    std::int64_t used = 0;
    for (const auto& [name, volume] : cluster.volumes_of(storage, node))
        if (volume.parent.empty()) used += volume.size;
    return used;
}

bool has_room(Cluster& cluster, Storage& storage, const std::string& node, std::int64_t size) {
    return !storage.full && size <= storage.size - used_on(cluster, storage, node);
}

std::string allocate(Cluster& cluster, const NewVolume& wanted) {
    Storage& storage = usable_storage(cluster, wanted.storage, wanted.node, wanted.content);
    auto& volumes = cluster.volumes_of(storage, wanted.node);
    std::string format = wanted.format.empty() || !keeps_files(storage) ? "raw" : wanted.format;
    std::string name = wanted.name;
    if (name.empty()) {
        const std::string bare =
            fmt::format("vm-{}-disk-{}", wanted.vmid, free_disk_number(volumes, wanted.vmid));
        name = file_name(storage, wanted.vmid, bare, format);
    }
    if (volumes.contains(name))
        die(fmt::format("disk image '{}' already exists", path_of(storage, name)));
    if (!has_room(cluster, storage, wanted.node, wanted.size))
        die(
            fmt::format("unable to create image: qemu-img: {}: Could not resize file: No space "
                        "left on device",
                        path_of(storage, name)));
    volumes[name] = {.vmid = wanted.vmid,
                     .content = wanted.content,
                     .format = format,
                     .size = wanted.size,
                     .ctime = cluster.epoch(wanted.node)};
    return wanted.storage + ":" + name;
}

std::string cloudinit_volume(Cluster& cluster,
                             const std::string& storage_name,
                             const std::string& node,
                             int vmid,
                             const std::string& wanted_format) {
    Storage& storage = usable_storage(cluster, storage_name, node, "images");
    const std::string format = !keeps_files(storage)   ? "raw"
                               : wanted_format.empty() ? "qcow2"
                                                       : wanted_format;
    const std::string name = file_name(storage, vmid, fmt::format("vm-{}-cloudinit", vmid), format);
    if (cluster.volumes_of(storage, node).contains(name)) return storage_name + ":" + name;
    return allocate(cluster,
                    {.storage = storage_name,
                     .node = node,
                     .vmid = vmid,
                     .format = format,
                     .size = 4 << 20,
                     .name = name});
}

void remove_volume(Cluster& cluster, const std::string& volid, const std::string& node) {
    const std::size_t colon = volid.find(':');
    const auto storage = cluster.storages.find(volid.substr(0, colon));
    if (colon == std::string::npos || storage == cluster.storages.end()) return;
    cluster.volumes_of(storage->second, node).erase(volid.substr(colon + 1));
}

// Its own part of the name says so: 100/vm-100-disk-0.raw, base-9000-disk-0/vm-100-disk-0.
bool is_owned_by(const std::string& volname, int vmid) {
    const std::size_t file = volname.rfind('/') + 1;  // npos + 1 is the beginning
    return volname.find(fmt::format("vm-{}-", vmid), file) != std::string::npos ||
           volname.find(fmt::format("base-{}-", vmid), file) != std::string::npos;
}

std::string formatting_line(const Storage& storage,
                            const std::string& volname,
                            const std::string& format,
                            std::int64_t size) {
    if (!keeps_files(storage))
        return fmt::format("  Logical volume \"{}\" created.",
                           volname.substr(volname.rfind('/') + 1));
    const std::string how =
        format == "qcow2" ? fmt::format(
                                "cluster_size=65536 extended_l2=off preallocation=metadata "
                                "compression_type=zlib size={} lazy_refcounts=off refcount_bits=16",
                                size)
                          : fmt::format("size={} preallocation=off", size);
    return fmt::format("Formatting '{}', fmt={} {}", path_of(storage, volname), format, how);
}

}  // namespace slipway::sandbox
