// Disks: grown, never shrunk; limited; and the additional one made once.

#include <fmt/format.h>

#include <algorithm>

#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"
#include "consumers/steps/system_disk.h"

namespace slipway {
namespace {

constexpr std::int64_t gib = 1LL << 30;

NamedDrive system_disk(Machine& machine) {
    auto disk = system_disk_of(machine.config());
    if (!disk) throw Error(fmt::format("VM {} has no disk to boot from", machine.vm.vmid));
    return *std::move(disk);
}

std::optional<NamedDrive> added_disk(Machine& machine) {
    const std::string key = applied_of(machine.vm).added_disk;
    return key.empty() ? std::nullopt : disk_named(machine.config(), key);
}

// `key_of` is asked for only when the machine has to be looked at.
template <typename KeyOf>
StepOutcome grow(Machine& machine, KeyOf key_of, std::int64_t wanted_gib) {
    const std::int64_t wanted = wanted_gib * gib;
    const StepTask task = machine.task();
    const std::string what = fmt::format("the disk to grow to {} GiB", wanted_gib);
    if (task.is == StepTask::Is::Running) return machine.wait_for(task, what);
    if (task.has_ended()) machine.config_anew();
    const std::string key = key_of();
    const auto now = disk_named(machine.config(), key);
    const std::int64_t size = now ? now->drive.size_bytes().value_or(0) : 0;
    if (size == wanted) {
        if (task.has_ended()) return Done{};
        return Skipped{"no change"};
    }
    if (size > wanted) return Skipped{"new size is smaller"};
    if (task.has_ended())
        return Failed{fmt::format(
            "{} did not grow to {} GiB: {}", key, wanted_gib, machine.why_it_failed(task))};
    if (const auto locked = while_locked(machine.config().value("lock"))) return *locked;
    machine.about_to_change();
    const auto upid =
        resize_disk(machine.pve(), machine.place(), key, fmt::format("{}G", wanted_gib));
    if (upid) return machine.started(*upid, what);
    return Waiting{.what = what, .until = machine.world.clock.now()};  // a release 7 did it at once
}

StepOutcome limit(Machine& machine, const std::string& key, const Throttle& limits) {
    return make_so(machine, [&](const VmConfig& config) {
        std::vector<Argument> values;
        auto disk = disk_named(config, key);
        if (!disk) throw Error(fmt::format("the machine has no disk {} any more", key));
        Drive wanted = disk->drive;
        set_throttle(wanted, limits);
        if (!(throttle_of(disk->drive) == limits)) values.push_back({key, print_drive(wanted)});
        return values;
    });
}

// Of an allocation whose answer was lost: a disk of this machine that no drive of it uses.
std::optional<std::string> forgotten_volume(Machine& machine, const std::string& storage) {
    const VmConfig& config = machine.config();
    for (const Volume& volume : volumes(machine.pve(),
                                        machine.vm.node,
                                        storage,
                                        {.content = "images", .vmid = machine.vm.vmid})) {
        if (volume.vmid != machine.vm.vmid) continue;
        const bool used = std::any_of(config.values.begin(), config.values.end(), [&](auto& entry) {
            return entry.second == volume.id || entry.second.starts_with(volume.id + ",");
        });
        const bool is_cloudinit = volume.id.find("cloudinit") != std::string::npos;
        if (!used && !is_cloudinit) return volume.id;
    }
    return std::nullopt;
}

std::string added_storage(Machine& machine) {
    const std::string& wanted = machine.wanted.package.additional_disk.storage;
    return wanted.empty() ? system_disk(machine).drive.storage() : wanted;
}

// storage:SIZE makes a new disk each time it is sent. So it is sent once, and after a failure what
// it may have made is looked for first.
StepOutcome make_disk(Machine& machine, const std::string& key, const StepTask& task) {
    Vm& vm = machine.vm;
    const std::int64_t size = machine.wanted.package.additional_disk.size_gib;
    const std::string storage = added_storage(machine);
    const bool may_exist = vm.failures > 0 || task.has_ended();
    const auto made = may_exist ? forgotten_volume(machine, storage) : std::nullopt;
    const std::string value = made ? *made : fmt::format("{}:{}", storage, size);
    const std::string what = fmt::format("{} of {} GiB on {} to be made", key, size, storage);
    const std::string digest = machine.config().digest;
    machine.about_to_change();
    const auto upid =
        configure_disks(machine.pve(), machine.place(), {{key, value}, {"digest", digest}});
    if (upid) return machine.started(*upid, what);
    machine.config_anew();
    if (added_disk(machine)) return Done{};
    return Failed{fmt::format("Proxmox says OK, but there is no {}", key)};
}

}  // namespace

StepOutcome set_system_disk_size(World& world, Vm& vm) {
    Machine machine(world, vm);
    const std::int64_t wanted = machine.wanted.package.system_disk.size_gib;
    if (wanted == 0) return Skipped{"as in the template"};
    return grow(
        machine, [&] { return system_disk(machine).key; }, wanted);
}

StepOutcome set_system_disk_bandwidth(World& world, Vm& vm) {
    Machine machine(world, vm);
    return limit(machine, system_disk(machine).key, machine.wanted.package.system_disk.limits);
}

StepOutcome set_created_additional_disk(World& world, Vm& vm) {
    Machine machine(world, vm);
    if (machine.wanted.package.additional_disk.size_gib == 0) return Skipped{"none ordered"};
    Applied applied = applied_of(vm);
    const StepTask task = machine.task();
    if (task.is == StepTask::Is::Running) return machine.wait_for(task, "the disk to be made");
    if (task.has_ended()) machine.config_anew();
    if (!applied.added_disk.empty() && disk_named(machine.config(), applied.added_disk)) {
        if (task.has_ended() || vm.failures > 0) return Done{};
        return Skipped{"exists"};
    }
    if (task.has_ended() && !succeeded(task.exit_status))
        return Failed{fmt::format("the disk was not made: {}", machine.why_it_failed(task))};
    if (const auto locked = while_locked(machine.config().value("lock"))) return *locked;
    if (applied.added_disk.empty() || machine.config().values.contains(applied.added_disk)) {
        applied.added_disk = free_key_beside(machine.config(), system_disk(machine).key);
        set_applied(vm, applied);
        // Its name is saved one commit before it is made.
        return Waiting{.what = fmt::format("{} to be written down", applied.added_disk),
                       .until = world.clock.now()};
    }
    return make_disk(machine, applied.added_disk, task);
}

StepOutcome set_additional_disk_size(World& world, Vm& vm) {
    Machine machine(world, vm);
    const std::int64_t wanted = machine.wanted.package.additional_disk.size_gib;
    if (wanted == 0) return Skipped{"none ordered"};
    const auto key_of = [&] {
        const auto disk = added_disk(machine);
        if (!disk) throw Error("the additional disk is gone");
        return disk->key;
    };
    return grow(machine, key_of, wanted);
}

StepOutcome set_additional_disk_bandwidth(World& world, Vm& vm) {
    Machine machine(world, vm);
    if (machine.wanted.package.additional_disk.size_gib == 0) return Skipped{"none ordered"};
    const auto disk = added_disk(machine);
    if (!disk) return Failed{"the additional disk is gone"};
    return limit(machine, disk->key, machine.wanted.package.additional_disk.limits);
}

}  // namespace slipway
