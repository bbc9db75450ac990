#include "consumers/steps/system_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "consumers/proxmox/json.h"
#include "consumers/runtime/error.h"

namespace slipway {
namespace {

struct Bus {
    std::string_view name;
    int drives;
};
constexpr Bus buses[] = {{"scsi", 31}, {"virtio", 16}, {"sata", 6}, {"ide", 4}};

const Bus* bus_of(std::string_view key) {
    const auto found = std::find_if(std::begin(buses), std::end(buses), [&](const Bus& bus) {
        return key.starts_with(bus.name) && whole_in(key.substr(bus.name.size()));
    });
    return found == std::end(buses) ? nullptr : &*found;
}

// "order=scsi0;ide2;net0", "scsi0;net0" or the old "cdn", which names no drive.
std::vector<std::string> boot_keys(const VmConfig& config) {
    const std::string text = config.value("boot");
    std::string_view order = text;
    std::vector<std::string> keys;
    if (order.starts_with("order=")) order.remove_prefix(6);
    while (!order.empty()) {
        const std::string_view key = order.substr(0, order.find(';'));
        keys.emplace_back(key);
        order.remove_prefix(std::min(order.size(), key.size() + 1));
    }
    if (const std::string old = config.value("bootdisk"); !old.empty()) keys.push_back(old);
    return keys;
}

}  // namespace

std::optional<NamedDrive> disk_named(const VmConfig& config, const std::string& key) {
    const auto value = config.values.find(key);
    if (value == config.values.end() || bus_of(key) == nullptr) return std::nullopt;
    NamedDrive named{key, parse_drive(value->second)};
    if (named.drive.is_cdrom() || named.drive.storage().empty()) return std::nullopt;
    return named;
}

std::vector<NamedDrive> disks_of(const VmConfig& config) {
    std::vector<NamedDrive> disks;
    for (const Bus& bus : buses)
        for (int i = 0; i < bus.drives; ++i)
            if (auto disk = disk_named(config, fmt::format("{}{}", bus.name, i)))
                disks.push_back(std::move(*disk));
    return disks;
}

std::optional<NamedDrive> system_disk_of(const VmConfig& config) {
    for (const std::string& key : boot_keys(config))
        if (auto disk = disk_named(config, key)) return disk;
    std::vector<NamedDrive> disks = disks_of(config);
    return disks.empty() ? std::nullopt : std::optional(std::move(disks.front()));
}

std::string free_key_beside(const VmConfig& config, const std::string& key) {
    const Bus* bus = bus_of(key);
    if (bus != nullptr)
        for (int i = 0; i < bus->drives; ++i) {
            std::string free = fmt::format("{}{}", bus->name, i);
            if (!config.values.contains(free)) return free;
        }
    throw Error(fmt::format("no drive is free beside {}", key));
}

}  // namespace slipway
