#include "ops/sandbox/guest_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ops/sandbox/guests.h"
#include "ops/sandbox/hotplug.h"
#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

using Names = std::set<std::string>;

std::string in_order(const std::string& tags) {
    std::set<std::string> sorted;
    for (std::string tag : split_list(tags)) {
        std::transform(tag.begin(), tag.end(), tag.begin(), ::tolower);
        sorted.insert(tag);
    }
    return fmt::format("{}", fmt::join(sorted, ";"));
}

void check_ssh_keys(const std::string& encoded) {
    static const Pattern key(
        R"(((ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-zA-Z0-9@.-]+)\s+[A-Za-z0-9+/=]{16,}(\s.*)?)");
    std::string line;
    for (const char c : percent_decoded(encoded) + "\n") {
        if (c != '\n') {
            line += c;
            continue;
        }
        if (!line.empty() && !key.matches(line)) die("SSH public key validation error");
        line.clear();
    }
}

std::string hashed(Cluster& cluster, const std::string& password) {
    const std::string salt = fmt::format("{:08x}", cluster.random() & 0xffffffff);
    return "$5$" + salt + "$" + sha1_of(salt + password);
}

void leave_boot_order(Guest& guest, const std::string& key) {
    std::vector<std::string> order = boot_order(guest.config);
    if (std::erase(order, key) > 0) guest.config["boot"] = boot_text(order);
}

void remove_option(Cluster& cluster, Guest& guest, const std::string& key, bool force) {
    const auto found = guest.config.find(key);
    if (found == guest.config.end()) return;
    const std::string value = found->second;
    guest.config.erase(found);
    leave_boot_order(guest, key);
    if (is_unused(key)) remove_volume(cluster, value, guest.node);
    if (is_drive(key)) drop_drive(cluster, guest, value, force);
}

void set_option(Cluster& cluster, Guest& guest, const std::string& key, const std::string& value) {
    const auto before = guest.config.find(key);
    if (is_drive(key)) {
        const Drive drive = parse_drive(key, value);
        if (before == guest.config.end()) {
            std::vector<std::string> order = boot_order(guest.config);
            if (drive.is_cdrom() && !drive.is_cloudinit() && !order.empty()) {
                order.push_back(key);
                guest.config["boot"] = boot_text(order);
            }
        } else if (const Drive was = read_drive(before->second); was.volume != drive.volume) {
            drop_drive(cluster, guest, before->second, false);
        }
    }
    guest.config[key] = value;
}

// A device that a boot order names has to be there.
void check_boot(const Guest& guest, const ConfigChange& change) {
    const auto boot = change.set.find("boot");
    if (boot == change.set.end()) return;
    for (const std::string& device : boot_order(change.set))
        if (!guest.config.contains(device) && !guest.pending.contains(device) &&
            !change.set.contains(device))
            die(fmt::format("invalid bootorder: device '{}' does not exist'", device));
}

void check_one_cloudinit(const Guest& guest, const std::string& key, const Drive& drive) {
    if (!drive.is_cloudinit()) return;
    for (const auto& [other, value] : guest.config)
        if (other != key && is_drive(other) && parse_drive(other, value).is_cloudinit())
            die(fmt::format("{} - cloud-init drive is already attached at '{}'", key, other));
}

void forget_pending(Cluster& cluster, Guest& guest, const std::string& key) {
    const auto pending = guest.pending.find(key);
    if (pending == guest.pending.end()) return;
    const std::string value = pending->second;
    guest.pending.erase(pending);
    if (!is_drive(key)) return;
    const Drive drive = parse_drive(key, value);
    const auto current = guest.config.find(key);
    if (current == guest.config.end() || parse_drive(key, current->second).volume != drive.volume)
        drop_drive(cluster, guest, value, false);
}

// Writes what is wanted as pending changes, which is where every change begins.
void register_change(Cluster& cluster, Guest& guest, const ConfigChange& change, const Say& say) {
    for (const std::string& key : change.revert) {
        forget_pending(cluster, guest, key);
        guest.pending_delete.erase(key);
    }
    for (const std::string& key : change.remove) {
        if (is_drive(key) && guest.get("protection") == "1" && guest.config.contains(key))
            die(fmt::format("can't remove drive '{}' - protection mode enabled", key));
        forget_pending(cluster, guest, key);
        if (guest.config.contains(key)) guest.pending_delete.insert(key);
    }
    for (const auto& [key, value] : change.set) {
        std::string made = value;
        if (is_drive(key)) {
            check_one_cloudinit(guest, key, parse_drive(key, value));
            made = make_drive(cluster, guest, key, value, say);
            forget_pending(cluster, guest, key);
        }
        guest.pending_delete.erase(key);
        const auto current = guest.config.find(key);
        if (current != guest.config.end() && current->second == made) {
            guest.pending.erase(key);
        } else {
            guest.pending[key] = made;
        }
    }
}

// Only what this change names: what stayed pending before is left alone.
void hot_plug(Cluster& cluster, Guest& guest, const ConfigChange& change) {
    Json problems = Json::object();
    const auto each = [&](const std::string& key, auto&& act) {
        try {
            act();
        } catch (const BadFormat& problem) {
            problems[key] = fmt::format("hotplug problem - {}\n", problem.what());
        }
    };
    for (const std::string& key : change.remove)
        each(key, [&] {
            if (!guest.pending_delete.contains(key)) return;
            if (unplug(cluster, guest, key) == Plugged::Later) return;
            guest.pending_delete.erase(key);
            remove_option(cluster, guest, key, change.force);
        });
    for (const auto& [key, asked] : change.set)
        each(key, [&, &k = key] {
            const auto pending = guest.pending.find(k);
            if (pending == guest.pending.end()) return;
            const std::string value = pending->second;
            if (plug(cluster, guest, k, value) == Plugged::Later) return;
            guest.pending.erase(k);
            set_option(cluster, guest, k, value);
        });
    if (!problems.empty()) throw Refused(400, "Parameter verification failed.", problems);
}

}  // namespace

Json value_json(const std::string& key, const std::string& value, bool container) {
    static const Endpoint* of_vm = &the_api().endpoint("PUT /nodes/{node}/qemu/{vmid}/config");
    static const Endpoint* of_container =
        &the_api().endpoint("PUT /nodes/{node}/lxc/{vmid}/config");
    if (key == "cipassword") return "**********";
    if (const auto time = whole_number(value); key == "snaptime" && time) return *time;
    return typed(container ? *of_container : *of_vm, key, value);
}

Json config_json(const Config& config, bool container) {
    Json json = Json::object();
    for (const auto& [key, value] : config) json[key] = value_json(key, value, container);
    return json;
}

void complete_options(Cluster& cluster, Config& options) {
    for (auto& [key, value] : options) {
        if (key == "tags") value = in_order(value);
        if (key == "sshkeys") check_ssh_keys(value);
        if (key == "cipassword") value = hashed(cluster, value);
        if (key == "vmgenid" && value == "1") value = cluster.new_uuid();
        if (is_net(key)) value = complete_net(cluster, key, value);
        if (!is_drive(key)) continue;
        try {
            value = print_drive(parse_drive(key, value));
        } catch (const BadFormat& bad) {
            wrong_parameter(key, bad.what());
        }
    }
}

std::string make_drive(Cluster& cluster,
                       Guest& guest,
                       const std::string& key,
                       const std::string& value,
                       const Say& say) {
    static const Pattern size(R"(\d+(\.\d+)?)");
    Drive drive = parse_drive(key, value);
    if (!drive.has_volume()) return print_drive(drive);
    Storage& storage = cluster.storage(drive.storage());
    const auto option = [&](const std::string& name) {
        const auto found = drive.options.extract(name);
        return found.empty() ? std::string() : found.mapped();
    };
    const std::string format = option("format");
    if (drive.volname() == "cloudinit") {
        drive.volume = cloudinit_volume(cluster, storage.name, guest.node, guest.id, format);
        drive.options["media"] = "cdrom";
        return print_drive(drive);
    }
    const std::string import = option("import-from");
    if (size.matches(drive.volname())) {
        std::int64_t bytes = bytes_of(drive.volname(), 1LL << 30);
        const Volume* from = import.empty() ? nullptr : cluster.find_volume(import, guest.node);
        if (!import.empty() && !from) die(fmt::format("volume '{}' does not exist", import));
        if (from) bytes = from->size;
        drive.volume = allocate(cluster,
                                {.storage = storage.name,
                                 .node = guest.node,
                                 .vmid = guest.id,
                                 .format = format.empty() && from ? from->format : format,
                                 .size = bytes});
        Volume& made = *cluster.find_volume(drive.volume, guest.node);
        if (from) made.has_system = from->has_system;
        drive.options["size"] = size_text(bytes);
        say(formatting_line(storage, drive.volname(), made.format, bytes));
        say(fmt::format("{}: successfully created disk '{}'", key, print_drive(drive)));
        return print_drive(drive);
    }
    const Volume* existing = cluster.find_volume(drive.volume, guest.node);
    if (!existing && !drive.is_cdrom())
        die(fmt::format("volume '{}' does not exist", drive.volume));
    if (existing && !drive.is_cloudinit()) drive.options["size"] = size_text(existing->size);
    if (drive.is_cloudinit()) drive.options["media"] = "cdrom";
    return print_drive(drive);
}

void drop_drive(Cluster& cluster, Guest& guest, const std::string& value, bool force) {
    const Drive drive = read_drive(value);
    if (!drive.has_volume() || !is_owned_by(drive.volname(), guest.id)) return;
    if (drive.is_cloudinit() || force) {
        remove_volume(cluster, drive.volume, guest.node);
        return;
    }
    if (drive.is_cdrom()) return;
    for (const auto& [key, known] : guest.config)
        if (is_unused(key) && known == drive.volume) return;
    for (int i = 0; i < 256; ++i) {
        const std::string key = fmt::format("unused{}", i);
        if (guest.config.contains(key)) continue;
        guest.config[key] = drive.volume;
        return;
    }
}

void apply_pending(Cluster& cluster, Guest& guest) {
    for (const std::string& key : std::exchange(guest.pending_delete, {}))
        remove_option(cluster, guest, key, false);
    for (const auto& [key, value] : std::exchange(guest.pending, {}))
        set_option(cluster, guest, key, value);
}

void apply_change(Cluster& cluster, Guest& guest, const ConfigChange& change, const Say& say) {
    if (!change.digest.empty() && change.digest != digest_of(guest))
        die("checksum mismatch (file change by other user?)");
    if (!change.skip_lock) check_lock(guest);
    check_boot(guest, change);
    register_change(cluster, guest, change, say);
    if (guest.run) {
        hot_plug(cluster, guest, change);
        return;
    }
    if (change.force)
        for (const std::string& key : std::exchange(guest.pending_delete, {}))
            remove_option(cluster, guest, key, true);
    apply_pending(cluster, guest);
}

}  // namespace slipway::sandbox
