#include "consumers/proxmox/storage.h"

#include <algorithm>

namespace slipway {
namespace {

std::string text_or_empty(const JsonValue& object, std::string_view name) {
    return text_at(object, name).value_or("");
}

std::vector<Argument> at(const VolumePlace& place, std::vector<Argument> more = {}) {
    more.push_back({"node", place.node});
    more.push_back({"storage", place.storage});
    more.push_back({"volume", place.id});
    return more;
}

std::optional<Time> time_at(const JsonValue& object, std::string_view name) {
    const auto seconds = whole_at(object, name);
    if (!seconds) return std::nullopt;
    return Time(std::chrono::seconds(std::clamp<std::int64_t>(*seconds, 0, 1LL << 40)));
}

}  // namespace

std::vector<StorageState> storages(const Proxmox& pve, const std::string& node) {
    const PveAnswer answer = pve.send(call_named("storage_list"), {{"node", node}});
    std::vector<StorageState> found;
    if (!answer.data.is_array()) return found;
    for (const JsonValue& entry : answer.data)
        found.push_back({.name = text_or_empty(entry, "storage"),
                         .type = text_or_empty(entry, "type"),
                         .content = text_or_empty(entry, "content"),
                         .active = flag_at(entry, "active").value_or(false),
                         .shared = flag_at(entry, "shared").value_or(false),
                         .available = whole_at(entry, "avail").value_or(0),
                         .total = whole_at(entry, "total").value_or(0)});
    return found;
}

std::vector<Volume> volumes(const Proxmox& pve,
                            const std::string& node,
                            const std::string& storage,
                            const VolumeFilter& filter) {
    const PveAnswer answer = pve.send(
        call_named("volume_list"),
        {{"node", node}, {"storage", storage}, {"content", filter.content}, {"vmid", filter.vmid}});
    std::vector<Volume> found;
    if (!answer.data.is_array()) return found;
    for (const JsonValue& entry : answer.data)
        found.push_back({.id = text_or_empty(entry, "volid"),
                         .content = text_or_empty(entry, "content"),
                         .vmid = whole_at(entry, "vmid").value_or(0),
                         .size = whole_at(entry, "size").value_or(0),
                         .made = time_at(entry, "ctime"),
                         .notes = text_or_empty(entry, "notes"),
                         .is_protected = flag_at(entry, "protected").value_or(false)});
    return found;
}

std::optional<Upid> delete_volume(const Proxmox& pve, const VolumePlace& place) {
    return pve.start_or_do(call_named("volume_delete"), at(place));
}

void set_protected(const Proxmox& pve, const VolumePlace& place, bool is_protected) {
    pve.send(call_named("volume_protect"), at(place, {{"protected", is_protected}}));
}

std::optional<Upid> back_up(const Proxmox& pve, const BackUpVm& backup) {
    const std::vector<Argument> arguments = {
        {"node", backup.place.node},
        {"vmid", std::to_string(backup.place.vmid)},
        {"storage", backup.storage},
        {"mode", backup.mode},
        {"compress", backup.compress},
        {"remove", backup.prune},
        {"notes-template", backup.notes.empty() ? std::nullopt : std::optional(backup.notes)}};
    const PveAnswer answer = pve.send(call_named("backup"), arguments);
    if (text_of(answer.data) == "OK") return std::nullopt;
    return upid_in(answer, call_named("backup"));
}

Upid restore_vm(const Proxmox& pve, const RestoreVm& restore) {
    return pve.start(call_named("vm_restore"),
                     at(restore.place,
                        {{"archive", restore.archive},
                         {"storage", restore.storage},
                         {"force", restore.overwrite ? std::optional(true) : std::nullopt}}));
}

}  // namespace slipway
