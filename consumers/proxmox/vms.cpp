#include "consumers/proxmox/vms.h"

#include "consumers/http/http.h"

namespace slipway {
namespace {

std::string text_or_empty(const JsonValue& object, std::string_view name) {
    return text_at(object, name).value_or("");
}

// The elements of a list; none if it is no list.
const JsonValue& list_in(const PveAnswer& answer) {
    static const JsonValue none = JsonValue::array();
    return answer.data.is_array() ? answer.data : none;
}

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

std::vector<VmResource> vm_resources(const Proxmox& pve) {
    const PveAnswer answer = pve.send(call_named("cluster_resources"), {{"type", "vm"}});
    std::vector<VmResource> vms;
    for (const JsonValue& entry : list_in(answer)) {
        const auto vmid = whole_at(entry, "vmid");
        if (!vmid) continue;
        vms.push_back({.place = {.node = text_or_empty(entry, "node"), .vmid = *vmid},
                       .type = text_or_empty(entry, "type"),
                       .status = text_or_empty(entry, "status"),
                       .name = text_or_empty(entry, "name"),
                       .lock = text_or_empty(entry, "lock"),
                       .tags = text_or_empty(entry, "tags"),
                       .is_template = flag_at(entry, "template").value_or(false)});
    }
    return vms;
}

std::vector<NodeState> nodes(const Proxmox& pve) {
    const PveAnswer answer = pve.send(call_named("nodes"));
    std::vector<NodeState> found;
    for (const JsonValue& entry : list_in(answer))
        if (const auto name = text_at(entry, "node"))
            found.push_back({.name = *name,
                             .online = text_at(entry, "status") == "online",
                             .memory = whole_at(entry, "maxmem").value_or(0),
                             .memory_used = whole_at(entry, "mem").value_or(0)});
    return found;
}

std::optional<VmStatus> vm_status(const Proxmox& pve, const VmPlace& place) {
    const auto answer = pve.look(call_named("vm_status"), at(place));
    if (!answer) return std::nullopt;
    const JsonValue& data = answer->data;
    return VmStatus{.status = text_or_empty(data, "status"),
                    .qmp_status = text_or_empty(data, "qmpstatus"),
                    .name = text_or_empty(data, "name"),
                    .lock = text_or_empty(data, "lock"),
                    .pid = whole_at(data, "pid").value_or(0),
                    .uptime = whole_at(data, "uptime").value_or(0),
                    .net_in = whole_at(data, "netin").value_or(0),
                    .net_out = whole_at(data, "netout").value_or(0)};
}

std::string VmConfig::value(const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
}

std::optional<VmConfig> vm_config(const Proxmox& pve, const VmPlace& place, Values which) {
    const auto current = which == Values::InForce ? std::optional(true) : std::nullopt;
    const auto answer = pve.look(call_named("vm_config"), at(place, {{"current", current}}));
    if (!answer) return std::nullopt;
    VmConfig config;
    if (!answer->data.is_object()) return config;
    for (const auto& [key, value] : answer->data.items()) {
        const auto text = text_of(value);
        if (!text) continue;
        if (key == "digest")
            config.digest = *text;
        else
            config.values.emplace(key, *text);
    }
    return config;
}

std::vector<PendingValue> vm_pending(const Proxmox& pve, const VmPlace& place) {
    const PveAnswer answer = pve.send(call_named("vm_pending"), at(place));
    std::vector<PendingValue> differing;
    for (const JsonValue& entry : list_in(answer)) {
        const auto pending = text_at(entry, "pending");
        const bool deleted = whole_at(entry, "delete").value_or(0) > 0;
        if (!pending && !deleted) continue;
        differing.push_back({.key = text_or_empty(entry, "key"),
                             .value = text_or_empty(entry, "value"),
                             .pending = pending.value_or(""),
                             .is_deleted = deleted});
    }
    return differing;
}

bool is_vmid_free(const Proxmox& pve, std::int64_t vmid) {
    try {
        pve.send(call_named("next_vmid"), {{"vmid", vmid}});
        return true;
    } catch (const ProxmoxError& error) {
        if (error.fault == Fault::WrongParameter) return false;  // "VM 218 already exists"
        throw;
    }
}

void configure_vm(const Proxmox& pve, const VmPlace& place, std::vector<Argument> values) {
    pve.send(call_named("vm_configure"), at(place, std::move(values)));
}

std::optional<Upid> configure_disks(const Proxmox& pve,
                                    const VmPlace& place,
                                    std::vector<Argument> values) {
    return pve.start_or_do(call_named("vm_configure_disks"), at(place, std::move(values)));
}

std::string sshkeys_value(const std::string& keys) {
    return percent_encoded(keys);
}

void unlock_vm(const Proxmox& pve, const VmPlace& place) {
    pve.send(call_named("vm_unlock"), at(place, {{"delete", "lock"}, {"skiplock", true}}));
}

void regenerate_cloudinit(const Proxmox& pve, const VmPlace& place) {
    pve.send(call_named("vm_cloudinit"), at(place));
}

std::optional<Upid> resize_disk(const Proxmox& pve,
                                const VmPlace& place,
                                const std::string& disk,
                                const std::string& size) {
    return pve.start_or_do(call_named("vm_resize"), at(place, {{"disk", disk}, {"size", size}}));
}

Upid clone_vm(const Proxmox& pve, const CloneVm& clone) {
    return pve.start(call_named("vm_clone"),
                     at(clone.source,
                        {{"newid", clone.to},
                         {"name", unless_empty(clone.name)},
                         {"description", unless_empty(clone.description)},
                         {"full", clone.full},
                         {"storage", clone.storage},
                         {"format", clone.format},
                         {"target", clone.target},
                         {"pool", clone.pool}}));
}

Upid start_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_start"), at(place));
}

Upid stop_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_stop"), at(place));
}

Upid shutdown_vm(const Proxmox& pve,
                 const VmPlace& place,
                 std::chrono::seconds timeout,
                 IfItStays if_it_stays) {
    return pve.start(
        call_named("vm_shutdown"),
        at(place, {{"timeout", timeout.count()}, {"forceStop", if_it_stays == IfItStays::Force}}));
}

Upid reboot_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_reboot"), at(place));
}

Upid suspend_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_suspend"), at(place));
}

Upid resume_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_resume"), at(place));
}

std::vector<std::string> allowed_targets(const Proxmox& pve, const VmPlace& place) {
    const PveAnswer answer = pve.send(call_named("vm_migrate_check"), at(place));
    std::vector<std::string> targets;
    const auto allowed =
        answer.data.is_object() ? answer.data.find("allowed_nodes") : answer.data.end();
    if (allowed != answer.data.end() && allowed->is_array())
        for (const JsonValue& node : *allowed)
            if (const auto name = text_of(node)) targets.push_back(*name);
    return targets;
}

Upid migrate_vm(const Proxmox& pve, const MigrateVm& migrate) {
    return pve.start(
        call_named("vm_migrate"),
        at(migrate.place, {{"target", migrate.target}, {"targetstorage", migrate.target_storage}}));
}

Upid destroy_vm(const Proxmox& pve, const VmPlace& place) {
    return pve.start(call_named("vm_destroy"), at(place, {{"purge", true}}));
}

}  // namespace slipway
