// Migrate to target node. The target is chosen once and saved a commit before the move, so that a
// move whose answer was lost is never followed by another one elsewhere. What cannot move stays,
// says why, and goes on.

#include <fmt/format.h>

#include <algorithm>

#include "consumers/proxmox/placement.h"
#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/slots.h"
#include "consumers/steps/steps.h"
#include "consumers/steps/system_disk.h"

namespace slipway {
namespace {

constexpr std::chrono::seconds node_look{2};
constexpr std::string_view stays = "-";

std::vector<DiskMove> disk_moves(Machine& machine) {
    std::vector<DiskMove> moves;
    for (const NamedDrive& disk : disks_of(machine.config())) {
        const std::string storage = disk.drive.storage();
        const auto& storages = machine.wanted.cluster.storages;
        const auto declared = std::find_if(
            storages.begin(), storages.end(), [&](auto& one) { return one.name == storage; });
        DiskMove move{storage, storage};
        if (declared != storages.end() && !declared->moves_to.empty())
            move.moves_to = declared->moves_to;
        if (std::find(moves.begin(), moves.end(), move) == moves.end()) moves.push_back(move);
    }
    return moves;
}

// Of a node that does not answer: none, so nothing goes there, and nobody waits for it.
std::vector<std::string> image_storages(Machine& machine, const std::string& node) {
    const auto since = machine.world.clock.since_boot() - node_look;
    std::vector<std::string> names;
    try {
        for (const StorageState& storage : *machine.site().storages(node, since))
            if (storage.active && storage.content.find("images") != std::string::npos)
                names.push_back(storage.name);
    } catch (const ProxmoxError& error) {
        if (node == machine.vm.node) throw;
        machine.world.say(fmt::format("{} is passed over: {}", node, error.what()));
    }
    return names;
}

std::vector<NodeRoom> rooms(Machine& machine) {
    const auto since = machine.world.clock.since_boot() - node_look;
    std::vector<NodeRoom> rooms;
    for (const NodeState& node : *machine.site().nodes(since)) {
        NodeRoom room{.name = node.name, .online = node.online};
        room.memory_free = node.memory - node.memory_used - machine.site().promised(node.name);
        if (node.online) room.storages = image_storages(machine, node.name);
        rooms.push_back(std::move(room));
    }
    return rooms;
}

// What Proxmox itself says keeps it here; asked where the table of storages says it could go.
Placement choose(Machine& machine) {
    const std::int64_t memory = machine.wanted.package.memory_mib << 20;
    Placement placement = place_vm(rooms(machine),
                                   {.here = machine.vm.node,
                                    .configured = machine.wanted.package.node,
                                    .memory = memory,
                                    .disks = disk_moves(machine)});
    machine.site().promise(placement.node, memory);
    return placement;
}

Waiting ask_for_turn(Machine& machine, const std::string& target) {
    return {.what = fmt::format("its turn to move to {}", target),
            .claims = {.slots = task_slots(machine.wanted.cluster, machine.vm.node)}};
}

// It has looked before it stood in line, and looks again once it is its turn.
bool waits_its_turn(Machine& machine) {
    return machine.vm.answer.starts_with("waiting: its turn") &&
           machine.world.store.holdings(machine.vm.service_id).slots.empty();
}

StepOutcome begin(Machine& machine, const std::string& target) {
    Vm& vm = machine.vm;
    const auto slots = task_slots(machine.wanted.cluster, vm.node);
    const Holdings holdings = machine.world.store.holdings(vm.service_id);
    if (!holds_all(holdings, slots)) return ask_for_turn(machine, target);
    const std::string map = storage_map(disk_moves(machine));
    machine.about_to_change();
    const Upid upid = machine.start([&] {
        return migrate_vm(machine.pve(),
                          {.place = machine.place(),
                           .target = target,
                           .target_storage = map.empty() ? std::nullopt : std::optional(map)});
    });
    return machine.started(upid, fmt::format("the move to {}", target));
}

// The move was tried and the machine is not there. If it is whole where it is, it stays.
StepOutcome stay(Machine& machine, Applied applied, const std::string& why) {
    if (const std::string lock = machine.config_anew().value("lock"); !lock.empty())
        return Failed{
            fmt::format("the move failed and left the machine locked ({}): {}", lock, why)};
    const std::string note = fmt::format("stays on {}: {}", machine.vm.node, why);
    applied.moves_to = std::string(stays);
    applied.move_note = note;
    set_applied(machine.vm, applied);
    return Skipped{note};
}

}  // namespace

StepOutcome migrate(World& world, Vm& vm) {
    Machine machine(world, vm);
    if (!machine.wanted.cluster.migrate) return Skipped{"the cluster's clones stay where they are"};
    const StepTask task = machine.task();
    if (task.is == StepTask::Is::Running)
        return machine.wait_for(task, fmt::format("the move to {}", applied_of(vm).moves_to));
    if (waits_its_turn(machine)) return ask_for_turn(machine, applied_of(vm).moves_to);
    if (const auto found = machine.find_anew()) vm.node = found->place.node;
    Applied applied = applied_of(vm);
    world.keep.frees_slots = !applied.moves_to.empty();  // it asked for some, and may have them
    if (applied.moves_to == stays) return Skipped{applied.move_note};
    if (applied.moves_to.empty()) {
        const Placement placement = choose(machine);
        if (placement.node == vm.node) return Skipped{placement.why};
        applied.moves_to = placement.node;
        applied.move_note = placement.why;
        set_applied(vm, applied);
        world.say(fmt::format("moves to {}: {}", placement.node, placement.why));
        return ask_for_turn(machine, placement.node);
    }
    if (applied.moves_to == vm.node) {
        if (const auto locked = while_locked(machine.config_anew().value("lock"))) return *locked;
        return Done{};
    }
    if (task.has_ended()) return stay(machine, applied, machine.why_it_failed(task));
    if (const auto locked = while_locked(machine.config().value("lock"))) return *locked;
    try {
        return begin(machine, applied.moves_to);
    } catch (const ProxmoxError& error) {
        if (error.fault != Fault::Refused && error.fault != Fault::WrongParameter) throw;
        return stay(machine, applied, error.text);
    }
}

}  // namespace slipway
