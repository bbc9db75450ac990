// Which right the change of an option takes.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"

namespace slipway::sandbox {
namespace {

using Names = std::set<std::string>;

// The privilege that a change of the option needs; empty if only root may.
std::string privilege_for(const std::string& option) {
    static const Names cpu = {
        "cores", "cpu", "cpulimit", "cpuunits", "numa", "smp", "sockets", "vcpus", "affinity"};
    static const Names memory = {"memory", "balloon", "shares"};
    static const Names hardware = {"acpi",
                                   "hotplug",
                                   "kvm",
                                   "machine",
                                   "scsihw",
                                   "smbios1",
                                   "tablet",
                                   "vga",
                                   "watchdog",
                                   "audio0",
                                   "rng0",
                                   "efidisk0",
                                   "tpmstate0",
                                   "bios",
                                   "vmgenid"};
    static const Names root_only = {"lock", "args", "hookscript", "ivshmem", "amd-sev"};
    static const Names disk = {"boot", "bootdisk", "vmstatestorage"};
    if (root_only.contains(option) || numbered_name(option) == "parallel") return {};
    if (cpu.contains(option) || numbered_name(option) == "numa") return "VM.Config.CPU";
    if (memory.contains(option)) return "VM.Config.Memory";
    if (disk.contains(option) || is_unused(option)) return "VM.Config.Disk";
    if (is_net(option)) return "VM.Config.Network";
    if (is_cloudinit_option(option)) return "VM.Config.Cloudinit";
    if (option == "freeze") return "VM.PowerMgmt";
    if (hardware.contains(option)) return "VM.Config.HWType";
    return "VM.Config.Options";
}

void check_real_device(const Call& call, const std::string& option) {
    const auto bare = numbered_name(option);
    if (!bare || (*bare != "serial" && *bare != "usb" && *bare != "hostpci")) return;
    const std::string value = call.params.text(option);
    const bool is_virtual = value == "socket" || value.starts_with("spice") ||
                            value.find("mapping=") != std::string::npos || value.empty();
    if (!is_virtual && !call.who.is_root())
        die(fmt::format("only root can modify '{}' config for real devices", option));
}

}  // namespace

bool is_cloudinit_option(const std::string& key) {
    static const Names names = {"cicustom",
                                "cipassword",
                                "citype",
                                "ciupgrade",
                                "ciuser",
                                "nameserver",
                                "searchdomain",
                                "sshkeys"};
    return names.contains(key) || numbered_name(key) == "ipconfig";
}

void check_option_rights(const Call& call, int vmid, const std::set<std::string>& options) {
    const std::string path = fmt::format("/vms/{}", vmid);
    for (const std::string& option : options) {
        if (is_drive(option)) {
            const std::string value = call.params.text(option);
            const bool cdrom = !value.empty() && parse_drive(option, value).is_cdrom();
            call.need(path, cdrom ? "VM.Config.CDROM" : "VM.Config.Disk");
            continue;
        }
        const std::string privilege = privilege_for(option);
        if (privilege.empty()) {
            if (!call.who.is_root()) die(fmt::format("only root can set '{}' config", option));
            continue;
        }
        check_real_device(call, option);
        call.need(path, privilege);
    }
}

void check_drive_rights(const Call& call, int vmid, const Config& options) {
    static const Pattern to_allocate(R"((\d+(\.\d+)?|cloudinit))");
    for (const auto& [key, value] : options) {
        if (!is_drive(key)) continue;
        const Drive drive = parse_drive(key, value);
        const auto import = drive.options.find("import-from");
        for (const std::string& volume :
             {drive.volume, import == drive.options.end() ? "none" : import->second})
            if (volume.starts_with('/') && !call.who.is_root())
                die("Only root can pass arbitrary filesystem paths. at "
                    "/usr/share/perl5/PVE/Storage.pm line 651.");
        if (!drive.has_volume()) continue;
        Storage& storage = call.cluster.storage(drive.storage());
        if (to_allocate.matches(drive.volname())) {
            call.need("/storage/" + storage.name, "Datastore.AllocateSpace");
            continue;
        }
        check_volname(storage, drive.volname());
        if (!is_owned_by(drive.volname(), vmid) &&
            !call.may("/storage/" + storage.name, "Datastore.Audit"))
            forbidden(fmt::format("/storage/{}, Datastore.Audit", storage.name));
    }
}

}  // namespace slipway::sandbox
