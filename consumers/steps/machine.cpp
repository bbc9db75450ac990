#include "consumers/steps/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/http/http.h"
#include "consumers/runtime/check.h"
#include "consumers/runtime/outside.h"
#include "consumers/steps/applied.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

// What was seen so long ago at most is as good as a new look: a step verifies, the next one begins.
constexpr std::chrono::milliseconds a_moment{1'000};
constexpr std::chrono::seconds known_after{10};
constexpr std::int64_t log_lines = 12;

Outside& outside_of(World& world) {
    check(world.outside != nullptr, "a step that needs Proxmox runs where one was given");
    return *world.outside;
}

}  // namespace

std::string owner_mark(std::string_view installation, const Vm& vm) {
    return fmt::format(
        "{}/{}/{}", percent_encoded(installation), percent_encoded(vm.service_id), vm.run);
}

std::string description_with(std::string_view mark) {
    return fmt::format("Made by Slipway, which knows it by the next line.\nslipway-owner: {}",
                       mark);
}

bool carries(const VmConfig& config, std::string_view mark) {
    const std::string line = fmt::format("slipway-owner: {}", mark);
    std::string_view rest = config.values.contains("description")
                                ? std::string_view(config.values.at("description"))
                                : std::string_view();
    while (!rest.empty()) {
        const std::string_view one = rest.substr(0, rest.find('\n'));
        if (one == line) return true;
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    return false;
}

Machine::Machine(World& its_world, Vm& its_vm)
    : world(its_world),
      vm(its_vm),
      inventory(outside_of(its_world).inventory.newest()),
      wanted(wanted_of(*inventory, its_vm.target)),
      site_(outside_of(its_world).sites.of(wanted.cluster)) {}

std::optional<VmResource> Machine::find_anew() {
    const auto guests = site_->guests(world.clock.since_boot());
    const auto found = std::find_if(guests->begin(), guests->end(), [&](const VmResource& guest) {
        return guest.place.vmid == vm.vmid;
    });
    return found == guests->end() ? std::nullopt : std::optional(*found);
}

const DeclaredPool& Machine::pool_of(const HeldAddress& held) const {
    const DeclaredPool* pool = inventory->pool(held.pool);
    if (pool == nullptr)
        throw Error(
            fmt::format("the VM has an address of pool {}, which is not declared", held.pool));
    return *pool;
}

const VmConfig& Machine::config() {
    if (config_) return *config_;
    const nanoseconds since = world.clock.since_boot() - a_moment;
    config_ = site_->config(place(), since);
    if (!config_) {  // it may have moved
        const auto found = find_anew();
        if (!found)
            throw Error(fmt::format(
                "VM {} is nowhere in cluster {}: was it removed by hand?", vm.vmid, vm.cluster));
        vm.node = found->place.node;
        config_ = site_->config(place(), world.clock.since_boot());
    }
    if (!config_)
        throw Error(fmt::format("VM {} is listed on {}, which does not know it", vm.vmid, vm.node));
    const std::string mark = applied_of(vm).mark;
    if (mark.empty() || !carries(*config_, mark))
        throw Error(fmt::format(
            "VM {} on {} does not carry our mark ({}): it is somebody else's, and is left alone",
            vm.vmid,
            vm.node,
            mark));
    return *config_;
}

const VmConfig& Machine::config_anew() {
    config_.reset();
    site_->forget_config(vm.vmid);
    return config();
}

void Machine::about_to_change() {
    world.may_change_something();
    site_->forget_config(vm.vmid);
}

void Machine::configure(std::vector<Argument> values) {
    check(config_.has_value(), "what is changed was looked at");
    about_to_change();
    values.push_back({"digest", config_->digest});
    configure_vm(pve(), place(), std::move(values));
}

StepTask Machine::task() {
    StepTask newest;
    for (TaskRow& row : world.store.tasks(vm.service_id, vm.run))
        if (row.run == vm.run && row.step == vm.state && !row.ended_at)
            newest = {.is = StepTask::Is::Running, .row = std::move(row)};
    if (newest.is == StepTask::Is::None) return newest;
    const auto status = site_->tasks().status(parse_upid(newest.row.upid));
    // A node may list a task a moment after it has named it.
    const bool is_new = world.clock.now() - newest.row.started_at < known_after;
    if (status ? status->running : is_new) return newest;
    newest.is = StepTask::Is::Ended;
    newest.exit_status = status ? status->exit_status : "";
    newest.row.ended_at = status && status->ended ? *status->ended : world.clock.now();
    newest.row.exit_status = status ? status->exit_status : "unknown to its node";
    world.keep.tasks.push_back(newest.row);
    return newest;
}

Waiting Machine::started(const Upid& upid, std::string what) {
    const Time now = world.clock.now();
    const auto left = world.deadline.since_boot - world.clock.since_boot();
    world.keep.tasks.push_back(
        {.upid = upid.text,
         .cluster = vm.cluster,
         .service_id = vm.service_id,
         .run = vm.run,
         .step = vm.state,
         .started_at = now,
         .deadline = now + std::chrono::duration_cast<Time::duration>(left)});
    return {.what = std::move(what), .until = world.next_look(now)};
}

Upid Machine::start(const std::function<Upid()>& send) {
    try {
        return send();
    } catch (const ProxmoxError& error) {
        if (error.fault == Fault::Unknown) world.keep.frees_slots = false;
        throw;
    }
}

Waiting Machine::wait_for(const StepTask& task, std::string what) {
    const Time now = world.clock.now();
    Waiting waiting{.what = std::move(what), .until = world.next_look(task.row.started_at)};
    // How far it is costs a call, so only when it will be told.
    if (now - vm.told_at < world.times.heartbeat_line) return waiting;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::seconds>(now - task.row.started_at);
    waiting.progress = fmt::format("{}s", elapsed.count());
    try {
        const auto lines = task_log_tail(pve(), parse_upid(task.row.upid), log_lines);
        if (const auto percent = progress_in(lines))
            waiting.progress += fmt::format(", {:.0f} %", *percent);
    } catch (const ProxmoxError&) {
        // It goes on without our knowing how far it is.
        return waiting;
    }
    return waiting;
}

std::string Machine::why_it_failed(const StepTask& task) {
    if (task.exit_status.empty())
        return fmt::format("the node no longer knows the task {}", task.row.upid);
    std::vector<std::string> lines = task_log_tail(pve(), parse_upid(task.row.upid), log_lines);
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("TASK "); });
    if (lines.size() > 4) lines.erase(lines.begin(), lines.end() - 4);
    return fmt::format(
        "{}{}{}", task.exit_status, lines.empty() ? "" : ": ", fmt::join(lines, " / "));
}

std::optional<Waiting> while_locked(const std::string& lock) {
    if (lock.empty()) return std::nullopt;
    return Waiting{fmt::format("the machine is locked ({})", lock)};
}

NumberClaim number_claim(Machine& machine) {
    const Wanted& wanted = machine.wanted;
    NumberClaim claim{.cluster = wanted.cluster.name,
                      .first = std::max(wanted.cluster.vmid_first, wanted.package.first_vmid),
                      .last = wanted.cluster.vmid_last,
                      .rest = wanted.cluster.vmid_rest};
    for (const VmResource& guest : *machine.site().guests(machine.world.clock.since_boot()))
        if (guest.place.vmid >= claim.first && guest.place.vmid <= claim.last)
            claim.taken.push_back(guest.place.vmid);
    std::sort(claim.taken.begin(), claim.taken.end());
    if (!machine.world.store.has_number(claim, machine.world.clock.now()))
        throw Error(fmt::format(
            "No VM numbers available from {} to {} in cluster {}; a higher vmid_last in "
            "the inventory gives it more",
            claim.first,
            claim.last,
            claim.cluster));
    return claim;
}

}  // namespace slipway
