#pragma once
// Drives and network cards: the property strings of a guest's configuration, and the volumes that
// drives lie on.

#include <string>
#include <vector>

#include "ops/sandbox/cluster.h"

namespace slipway::sandbox {

struct Drive {
    std::string volume;  // STORAGE:NAME, STORAGE:SIZE to allocate, none, cdrom, or a path
    Properties options;  // everything else

    std::string storage() const { return volume.substr(0, volume.find(':')); }
    std::string volname() const { return volume.substr(volume.find(':') + 1); }
    bool has_volume() const;  // rather than being empty
    bool is_cloudinit() const;
    bool is_cdrom() const;
};

bool is_drive(const std::string& key);  // scsi0, ide2, efidisk0, …
bool is_unused(const std::string& key);
bool is_net(const std::string& key);

// Throws BadFormat for what Proxmox cannot parse although its schema let it pass.
Drive parse_drive(const std::string& key, const std::string& value);
std::string print_drive(const Drive& drive);
// What stands in a configuration was checked when it came there.
Drive read_drive(const std::string& value);

// With a new MAC if it has none.
std::string complete_net(Cluster& cluster, const std::string& key, const std::string& value);
Properties parse_net(const std::string& key, const std::string& value);
std::string print_net(const Properties& net);

struct NamedDrive {
    std::string key;
    Drive drive;
};
// In Proxmox's own order: ide, scsi, virtio, sata, then the special ones.
std::vector<NamedDrive> drives_of(const Config& config);

// What a guest starts from if nobody says: its first disk, first CD-ROM, first network card.
std::string default_boot(const Config& config);
std::vector<std::string> boot_order(const Config& config);
std::string boot_text(const std::vector<std::string>& order);

// --- volumes

struct NewVolume {
    std::string storage;
    std::string node;
    int vmid = 0;
    std::string format = {};  // the storage's own if empty
    std::int64_t size = 0;
    std::string name = {};  // the next vm-ID-disk-N if empty
    std::string content = "images";
};

// Makes the volume and answers its id. Throws Refused if the storage will not have it.
std::string allocate(Cluster& cluster, const NewVolume& wanted);
void remove_volume(Cluster& cluster, const std::string& volid, const std::string& node);
std::string cloudinit_volume(Cluster& cluster,
                             const std::string& storage,
                             const std::string& node,
                             int vmid,
                             const std::string& format = "");

// Refuses storages that are not there, not for this node, or not for this content.
Storage& usable_storage(Cluster& cluster,
                        const std::string& name,
                        const std::string& node,
                        const std::string& content);

// Refuses names that mean nothing on the storage.
void check_volname(const Storage& storage, const std::string& name);

bool keeps_files(const Storage& storage);  // as dir and nfs do, unlike lvmthin
std::string path_of(const Storage& storage, const std::string& volname);
std::string path_of(Cluster& cluster, const std::string& volid);
std::string format_of(const Storage& storage, const std::string& volname);
std::int64_t used_on(Cluster& cluster, Storage& storage, const std::string& node);
bool has_room(Cluster& cluster, Storage& storage, const std::string& node, std::int64_t size);
bool is_owned_by(const std::string& volname, int vmid);

std::string formatting_line(const Storage& storage,
                            const std::string& volname,
                            const std::string& format,
                            std::int64_t size);

}  // namespace slipway::sandbox
