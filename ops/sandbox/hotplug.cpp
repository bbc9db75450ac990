#include "ops/sandbox/hotplug.h"

#include <fmt/format.h>

#include "ops/sandbox/devices.h"
#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/guests.h"

namespace slipway::sandbox {
namespace {

// Takes effect on a running guest as soon as it is written.
bool applies_at_once(const std::string& key) {
    static const std::set<std::string> names = {"name",
                                                "description",
                                                "onboot",
                                                "protection",
                                                "startup",
                                                "tags",
                                                "shares",
                                                "vmstatestorage",
                                                "hookscript",
                                                "lock"};
    return names.contains(key) || is_cloudinit_option(key) || is_unused(key);
}

// A throttle that QEMU refuses: such a value may stand in a configuration, but no guest starts.
bool is_out_of_range(const std::string& value) {
    return value.starts_with('-');
}

bool is_throttle(const std::string& option) {
    return option.starts_with("iops") || option.starts_with("mbps");
}

// The options of a drive that change nothing but what can be changed while it is attached.
bool differs_in_throttles_only(const Drive& was, const Drive& is) {
    if (was.volume != is.volume) return false;
    const auto others = [](const Drive& drive) {
        Properties kept = drive.options;
        std::erase_if(kept, [](const auto& option) {
            return is_throttle(option.first) || option.first == "size" ||
                   option.first == "backup" || option.first == "replicate";
        });
        return kept;
    };
    return others(was) == others(is);
}

void check_throttles_live(const Guest& guest, const Drive& drive) {
    for (const auto& [name, value] : drive.options)
        if (is_throttle(name) && is_out_of_range(value))
            throw BadFormat(
                fmt::format("VM {} qmp command 'qom-set' failed - bps/iops/max values must be "
                            "within [0, 1000000000000000]",
                            guest.id));
}

bool same_device(const Properties& was, const Properties& is) {
    for (const char* part : {"model", "macaddr", "queues", "mtu"}) {
        const auto a = was.find(part);
        const auto b = is.find(part);
        if ((a == was.end()) != (b == is.end()) || (a != was.end() && a->second != b->second))
            return false;
    }
    return true;
}

void let_go(Cluster& cluster, const Guest& guest, const std::string& key) {
    if (!has_system(cluster, guest))
        throw BadFormat(
            fmt::format("error on hot-unplugging device '{}' - still busy in guest?", key));
}

Plugged plug_net(Cluster& cluster,
                 const Guest& guest,
                 const std::string& key,
                 const std::string& value) {
    const auto was = guest.config.find(key);
    if (was != guest.config.end() &&
        !same_device(parse_net(key, was->second), parse_net(key, value)))
        let_go(cluster, guest, key);
    return Plugged::Now;
}

Plugged plug_drive(const Guest& guest, const std::string& key, const std::string& value) {
    const Drive drive = parse_drive(key, value);
    const auto before = guest.config.find(key);
    if (before == guest.config.end()) {
        const auto bus = numbered_name(key);
        return bus == "scsi" || bus == "virtio" ? Plugged::Now : Plugged::Later;
    }
    const Drive was = read_drive(before->second);
    if (was.is_cdrom() && drive.is_cdrom()) return Plugged::Now;
    if (was.is_cdrom() != drive.is_cdrom()) throw BadFormat("unable to change media type");
    if (!differs_in_throttles_only(was, drive)) return Plugged::Later;
    check_throttles_live(guest, drive);
    return Plugged::Now;
}

}  // namespace

Plugged plug(Cluster& cluster,
             const Guest& guest,
             const std::string& key,
             const std::string& value) {
    if (applies_at_once(key)) return Plugged::Now;
    if (is_net(key)) return plug_net(cluster, guest, key, value);
    if (is_drive(key)) return plug_drive(guest, key, value);
    return Plugged::Later;
}

Plugged unplug(Cluster& cluster, const Guest& guest, const std::string& key) {
    if (applies_at_once(key)) return Plugged::Now;
    if (is_net(key)) {
        let_go(cluster, guest, key);
        return Plugged::Now;
    }
    if (!is_drive(key)) return Plugged::Later;
    const auto bus = numbered_name(key);
    if (bus != "scsi" && bus != "virtio") return Plugged::Later;
    if (bus == "virtio") let_go(cluster, guest, key);
    return Plugged::Now;
}

}  // namespace slipway::sandbox
