// Start VM, and the last look: is it running? Then the customer is told.

#include <fmt/format.h>

#include <algorithm>

#include "consumers/runtime/outside.h"
#include "consumers/steps/applied.h"
#include "consumers/steps/machine.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

VmStatus status_of(Machine& machine) {
    machine.config();  // it is ours, and where it is
    const auto status = vm_status(machine.pve(), machine.place());
    if (!status) throw Error(fmt::format("VM {} is not on {}", machine.vm.vmid, machine.vm.node));
    return *status;
}

// The first look comes soon, the next ones ever later.
std::chrono::milliseconds verify_interval(const VerifyTimes& times, int look) {
    auto interval = times.first;
    for (int i = 1; i < look && interval < times.longest; ++i) interval *= 2;
    return std::min(interval, times.longest);
}

LetterRow ready_letter(const Vm& vm, Time now) {
    return {.service_id = vm.service_id, .run = vm.run, .kind = "ready", .at = now};
}

}  // namespace

StepOutcome start_vm(World& world, Vm& vm) {
    Machine machine(world, vm);
    const StepTask task = machine.task();
    if (task.is == StepTask::Is::Running) return machine.wait_for(task, "the start");
    const VmStatus status = status_of(machine);
    if (status.is_running() && status.lock.empty()) {
        if (task.has_ended()) return Done{};
        return Skipped{"runs already"};
    }
    if (const auto locked = while_locked(status.lock)) return *locked;
    if (task.has_ended())
        return Failed{fmt::format(
            "VM failed to start (status: {}): {}", status.status, machine.why_it_failed(task))};
    Applied applied = applied_of(vm);
    applied.start_looks = 0;
    set_applied(vm, applied);
    machine.about_to_change();
    return machine.started(start_vm(machine.pve(), machine.place()), "the start");
}

StepOutcome verify_running(World& world, Vm& vm) {
    Machine machine(world, vm);
    const VerifyTimes& times = world.outside->verify;
    Applied applied = applied_of(vm);
    const StepTask task = machine.task();
    if (task.is == StepTask::Is::Running) return machine.wait_for(task, "another start");
    const VmStatus status = status_of(machine);
    if (status.is_running() && status.qmp_status != "prelaunch") {
        if (machine.wanted.package.letters.contains("ready"))
            world.keep.letter = ready_letter(vm, world.clock.now());
        return Done{};
    }
    const bool failed_start = task.has_ended() && !succeeded(task.exit_status);
    const bool start_again = vm.failures > 0 && applied.start_looks == 0 && status.lock.empty();
    if (!task.has_ended() && start_again) {
        applied.start_looks = 1;
        set_applied(vm, applied);
        machine.about_to_change();
        return machine.started(start_vm(machine.pve(), machine.place()), "another start");
    }
    if (!failed_start && ++applied.start_looks < times.looks) {
        set_applied(vm, applied);
        return Waiting{.what = fmt::format("the machine to run (status: {})", status.status),
                       .until = world.clock.now() + verify_interval(times, applied.start_looks)};
    }
    applied.start_looks = 0;
    set_applied(vm, applied);
    return Failed{fmt::format("VM failed to start (status: {}){}",
                              status.status,
                              failed_start ? ": " + machine.why_it_failed(task) : "")};
}

}  // namespace slipway
