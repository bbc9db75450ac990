#pragma once
// The machine of a VM as one step has it in hand: what it shall be, where it is, what it is like,
// whose it is, and the task that this step has started.
//
// Every look says whether the machine is ours, and every change is refused if it is not: the owner
// mark is installation, service and creating run, in the machine's description, compared whole.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consumers/inventory/order.h"
#include "consumers/proxmox/site.h"
#include "consumers/runtime/outcome.h"
#include "consumers/runtime/world.h"

namespace slipway {

// "slipway/5546/1": in a line of its own at the end of the description.
std::string owner_mark(std::string_view installation, const Vm& vm);
std::string description_with(std::string_view mark);
bool carries(const VmConfig& config, std::string_view mark);

// A task of this step, if there is one that was not settled yet.
struct StepTask {
    enum class Is { None, Running, Ended } is = Is::None;
    TaskRow row = {};
    std::string exit_status = {};  // of an ended one; empty: nobody knows any more

    bool has_ended() const { return is == Is::Ended; }
};

class Machine {
  public:
    // Throws Error if the inventory has not what the order names.
    Machine(World& world, Vm& vm);

    World& world;
    Vm& vm;
    const std::shared_ptr<const Inventory> inventory;  // one for the whole step
    const Wanted wanted;
    Site& site() { return *site_; }
    Proxmox pve() { return {site_->cluster(), world.deadline}; }

    // Where it is by the cluster's own list, read now. nullopt: nowhere.
    std::optional<VmResource> find_anew();
    VmPlace place() const { return {vm.node, vm.vmid}; }
    // Throws Error if it is not declared any more.
    const DeclaredPool& pool_of(const HeldAddress& held) const;

    // Its configuration, from a look a moment ago or a new one. Throws Error if there is no such
    // machine, or it is not ours.
    const VmConfig& config();
    const VmConfig& config_anew();

    // Compare-and-set of the configuration that was read; nothing is written over what somebody
    // else has changed meanwhile.
    void configure(std::vector<Argument> values);
    // Before anything that changes it by another call.
    void about_to_change();

    // The task that this step has started in this run, with what has become of it; an ended one is
    // noted as such in the commit of this step's answer.
    StepTask task();
    // Sends what starts one. If it may have begun though nobody heard of it, its slots are kept.
    Upid start(const std::function<Upid()>& send);
    // Keeps its UPID, and waits for it.
    Waiting started(const Upid& upid, std::string what);
    Waiting wait_for(const StepTask& task, std::string what);
    // Why it failed, with the newest lines of its log.
    std::string why_it_failed(const StepTask& task);

  private:
    std::shared_ptr<Site> site_;
    std::optional<VmConfig> config_;
};

// What has it locked is awaited, whatever it is.
std::optional<Waiting> while_locked(const std::string& lock);

// A number of the cluster's range that no machine there has; which of them is the commit's to say.
NumberClaim number_claim(Machine& machine);

// Looks; makes the difference, if there is one; and looks whether it is gone. `difference` says
// which values are to be sent so that the configuration is as it shall be: none if it is.
template <typename Difference>
StepOutcome make_so(Machine& machine, Difference difference) {
    const VmConfig& before = machine.config();
    if (const auto locked = while_locked(before.value("lock"))) return *locked;
    std::vector<Argument> values = difference(before);
    if (values.empty()) return Skipped{"no change"};
    const std::string named = values.front().name;
    machine.configure(std::move(values));
    if (difference(machine.config_anew()).empty()) return Done{};
    return Failed{"Proxmox took the change of " + named + " and says OK, but it is as it was"};
}

}  // namespace slipway
