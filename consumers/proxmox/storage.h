#pragma once
// Storages, the volumes on them, and backups, which are volumes too.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/vms.h"

namespace slipway {

struct StorageState {
    std::string name;
    std::string type;
    std::string content;  // "images,rootdir"
    bool active = false;
    bool shared = false;
    std::int64_t available = 0;  // bytes
    std::int64_t total = 0;
};
std::vector<StorageState> storages(const Proxmox& pve, const std::string& node);

struct Volume {
    std::string id;  // local:backup/vzdump-qemu-100-2026_01_31-02_00_00.vma.zst
    std::string content;
    std::int64_t vmid = 0;
    std::int64_t size = 0;
    std::optional<Time> made = {};
    std::string notes = {};
    bool is_protected = false;
};
struct VolumeFilter {
    std::optional<std::string> content = {};  // backup, images
    std::optional<std::int64_t> vmid = {};
};
std::vector<Volume> volumes(const Proxmox& pve,
                            const std::string& node,
                            const std::string& storage,
                            const VolumeFilter& filter);

struct VolumePlace {
    std::string node;
    std::string storage;
    std::string id;
};
// A disk that a VM has is removed as well, without a question. nullopt: done at once.
std::optional<Upid> delete_volume(const Proxmox& pve, const VolumePlace& place);
void set_protected(const Proxmox& pve, const VolumePlace& place, bool is_protected);

struct BackUpVm {
    VmPlace place;
    std::string storage;
    std::string mode = "snapshot";  // or suspend, stop
    std::string compress = "zstd";  // or gzip, lzo, 0
    std::string notes = {};
    bool prune = false;  // else older backups stay, whatever the storage is set to
};
// nullopt: Proxmox answered "OK" and has done nothing, since the VM is on another node.
std::optional<Upid> back_up(const Proxmox& pve, const BackUpVm& backup);

struct RestoreVm {
    VmPlace place;
    std::string archive;  // volume id
    std::optional<std::string> storage = {};
    bool overwrite = false;  // the VM that has this number: its disks go first
};
Upid restore_vm(const Proxmox& pve, const RestoreVm& restore);

}  // namespace slipway
