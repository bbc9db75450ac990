// Clone VM: the one step that makes a machine, and so the one that can make it twice, or take
// somebody else's for ours. Proxmox reserves no number and promises no answer; what can be relied
// on is that of two clones into one number only one succeeds, and that a finished clone carries the
// mark it was given.

#include <fmt/format.h>

#include <algorithm>

#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/slots.h"
#include "consumers/steps/steps.h"
#include "consumers/steps/system_disk.h"

namespace slipway {
namespace {

struct Source {
    VmPlace place;
    std::string storage;  // of its system disk
};

// Templates do not change; a look from the last minute will do.
constexpr std::chrono::seconds template_look{60};
constexpr std::chrono::seconds clock_skew{60};
constexpr std::string_view in_line = "waiting: its turn";

Source source_of(Machine& machine) {
    const DeclaredTemplate& wanted = machine.wanted.os_template;
    const auto guests = machine.site().guests(machine.world.clock.since_boot() - template_look);
    const auto found = std::find_if(guests->begin(), guests->end(), [&](const VmResource& guest) {
        return guest.place.vmid == wanted.vmid && guest.type == "qemu";
    });
    if (found == guests->end())
        throw Error(fmt::format("template {}: cluster {} has no VM {}, or we may not see it",
                                wanted.name,
                                machine.wanted.cluster.name,
                                wanted.vmid));
    const auto config =
        machine.site().config(found->place, machine.world.clock.since_boot() - template_look);
    if (!config)
        throw Error(fmt::format(
            "template {}: VM {} is not on {}", wanted.name, wanted.vmid, found->place.node));
    if (config->value("template") != "1")
        throw Error(fmt::format(
            "template {}: VM {} is no template; convert it first", wanted.name, wanted.vmid));
    const auto disk = system_disk_of(*config);
    if (!disk)
        throw Error(
            fmt::format("template {}: VM {} has no disk to boot from", wanted.name, wanted.vmid));
    return {found->place, disk->drive.storage()};
}

// Proxmox takes one for a full clone alone; without it the disks stay where the template's are.
std::optional<std::string> target_storage(const Machine& machine) {
    const std::string& wanted = machine.wanted.package.system_disk.storage;
    const bool chosen = machine.wanted.package.clone == CloneKind::Full && !wanted.empty();
    return chosen ? std::optional(wanted) : std::nullopt;
}

// Somebody else has made a machine of our number: it is given up for good, and we take another.
StepOutcome take_another(Machine& machine, const std::string& why) {
    NumberClaim claim = number_claim(machine);
    claim.burns = machine.vm.vmid;
    machine.world.say(fmt::format("VM number {} is given up: {}", machine.vm.vmid, why));
    return Waiting{
        .what = fmt::format("another number than {}, which {}", machine.vm.vmid, why),
        .claims = {.number = std::move(claim), .inventory_revision = machine.inventory->revision}};
}

constexpr std::string_view unheard_of = "a clone into our number, whose beginning nobody heard of";

// Could a clone into our number be running whose UPID we never got? One that began after we had
// seen its machine cannot be it.
bool may_be_cloning(Machine& machine, const std::string& node) {
    const Vm& vm = machine.vm;
    const bool waited_before = vm.answer == fmt::format("waiting: {}", unheard_of);
    const Time seen = waited_before ? vm.answered_at : machine.world.clock.now();
    const auto tasks =
        task_list(machine.pve(), node, {.most = 100, .type = "qmclone", .running = true});
    const std::string source = fmt::format("{}", machine.wanted.os_template.vmid);
    return std::any_of(tasks.begin(), tasks.end(), [&](const TaskStatus& task) {
        return task.upid.id == source && task.upid.started <= seen + clock_skew;
    });
}

std::optional<VmConfig> config_now(Machine& machine, const VmPlace& place) {
    machine.site().forget_config(machine.vm.vmid);
    return machine.site().config(place, machine.world.clock.since_boot());
}

// There is a machine of our number: is it ours, and is it whole? Until its first disk is copied a
// clone carries no mark and no name, so one that is being made is not judged.
StepOutcome judge(Machine& machine, const VmResource& there) {
    if (there.type != "qemu") return take_another(machine, "is a container of somebody else's");
    auto config = config_now(machine, there.place);
    if (config && config->value("lock") == "clone") {
        if (may_be_cloning(machine, there.place.node)) return Waiting{std::string(unheard_of)};
        config = config_now(machine, there.place);  // it may have become whole meanwhile
        if (config && config->value("lock") == "clone")
            return take_another(machine,
                                "was left locked by a clone that died; a person must remove it");
    }
    if (!config) return Waiting{"the new machine to be seen on its node"};
    if (!carries(*config, applied_of(machine.vm).mark))
        return take_another(machine, "is somebody else's machine");
    if (const auto locked = while_locked(config->value("lock"))) return *locked;
    if (!system_disk_of(*config)) return Failed{"the clone has no disk to boot from"};
    machine.vm.node = there.place.node;
    return Done{};
}

std::string what_runs(const Machine& machine) {
    return fmt::format("the {} clone of {} into {}",
                       machine.wanted.package.clone == CloneKind::Full ? "full" : "linked",
                       machine.wanted.os_template.name,
                       machine.vm.vmid);
}

StepOutcome begin(Machine& machine, const Holdings& holdings) {
    const Wanted& wanted = machine.wanted;
    const Source source = source_of(machine);
    const auto chosen = target_storage(machine);
    const std::string storage = chosen.value_or(source.storage);
    const auto slots = clone_slots(wanted.cluster, source.place.node, storage);
    if (!holds_all(holdings, slots))
        return Waiting{.what = fmt::format("its turn to clone on {}", storage),
                       .claims = {.slots = slots}};
    machine.about_to_change();
    const Upid upid = machine.start([&] {
        return slipway::clone_vm(machine.pve(),
                                 {.source = source.place,
                                  .to = machine.vm.vmid,
                                  .name = machine.vm.name,
                                  .description = description_with(applied_of(machine.vm).mark),
                                  .full = wanted.package.clone == CloneKind::Full,
                                  .storage = chosen});
    });
    machine.vm.node = source.place.node;
    return machine.started(upid, what_runs(machine));
}

}  // namespace

StepOutcome clone_vm(World& world, Vm& vm) {
    Machine machine(world, vm);
    const Holdings holdings = world.store.holdings(vm.service_id);
    vm.vmid = holdings.vmid;
    const StepTask task = machine.task();
    if (task.is == StepTask::Is::Running) return machine.wait_for(task, what_runs(machine));
    world.keep.frees_slots = !holdings.slots.empty();
    // Whoever stands in line has looked before, and looks again once it is its turn.
    const bool waits_its_turn = holdings.slots.empty() && vm.answer.starts_with(in_line);
    if (waits_its_turn) return begin(machine, holdings);
    if (const auto there = machine.find_anew()) return judge(machine, *there);
    if (task.has_ended())
        return Failed{fmt::format("the clone is not there: {}", machine.why_it_failed(task))};
    return begin(machine, holdings);
}

}  // namespace slipway
