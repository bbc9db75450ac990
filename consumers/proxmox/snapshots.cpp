#include "consumers/proxmox/snapshots.h"

#include <fmt/format.h>

#include <algorithm>

#include "topics/event.h"

namespace slipway {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::vector<Snapshot> snapshots(const Proxmox& pve, const VmPlace& place) {
    std::vector<Snapshot> found;
    const auto answer = pve.look(call_named("snapshot_list"), at(place));
    if (!answer || !answer->data.is_array()) return found;
    for (const JsonValue& entry : answer->data) {
        const auto name = text_at(entry, "name");
        if (!name || *name == "current") continue;
        Snapshot snapshot{.name = *name,
                          .description = text_at(entry, "description").value_or(""),
                          .with_memory = flag_at(entry, "vmstate").value_or(false),
                          .is_whole = text_at(entry, "snapstate").value_or("").empty()};
        if (const auto made = whole_at(entry, "snaptime"))
            snapshot.made =
                Time(std::chrono::seconds(std::clamp<std::int64_t>(*made, 0, 1LL << 40)));
        found.push_back(std::move(snapshot));
    }
    return found;
}

void check_snapshot_name(const std::string& name) {
    const bool fits = name.size() >= 2 && name.size() <= 40 && is_letter(name[0]) &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
                      });
    if (!fits)
        throw Error(
            fmt::format("snapshot name \"{}\": it takes 2 to 40 letters, digits, - and _, a letter "
                        "first",
                        clean_text(name)));
    if (name == "current" || name == "pending")
        throw Error(fmt::format("snapshot name \"{}\": Proxmox keeps it for itself", name));
}

Upid create_snapshot(const Proxmox& pve,
                     const VmPlace& place,
                     const std::string& name,
                     const std::string& description) {
    return pve.start(
        call_named("snapshot_create"),
        at(place,
           {{"snapname", name},
            {"description", description.empty() ? std::nullopt : std::optional(description)}}));
}

Upid delete_snapshot(const Proxmox& pve, const VmPlace& place, const std::string& name) {
    return pve.start(call_named("snapshot_delete"), at(place, {{"snapname", name}}));
}

Upid roll_back(const Proxmox& pve, const VmPlace& place, const std::string& name) {
    return pve.start(call_named("snapshot_rollback"), at(place, {{"snapname", name}}));
}

}  // namespace slipway
