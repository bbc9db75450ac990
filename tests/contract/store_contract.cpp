#include "tests/contract/store_contract.h"

#include <fmt/format.h>

#include "tests/live/skipping.h"

namespace slipway {
namespace {

constexpr std::int64_t epoch = 1'776'530'154'000'000;

std::string said(const std::optional<Time>& time) {
    return time ? fmt::format("{}", time->time_since_epoch().count() - epoch) : "-";
}

std::string identity_line(const Vm& vm) {
    const std::string what = what_it_is(vm);
    return what.empty() ? "" : "is " + what + "\n";
}

std::string record_lines(Store& store, std::string_view service_id) {
    std::string text;
    for (const DnsRecordRow& r : store.dns_records(service_id))
        text += fmt::format(
            "dns {} {}: {} {} {} {}\n", r.provider, r.zone, r.name, r.type, r.value, r.ttl);
    return text;
}

}  // namespace

void StoreContract::SetUp() {
    if (auto why = cannot_run(GetParam().missing())) GTEST_SKIP() << *why;
    database_ = GetParam().make();
    store_ = database_->open();
}

Time at(std::int64_t microseconds) {
    return Time(std::chrono::microseconds(epoch + microseconds));
}

Admitted order(std::string_view service_id, std::string_view request_id) {
    Admitted admitted;
    admitted.request = {.id = std::string(request_id),
                        .service_id = std::string(service_id),
                        .type = "deploy",
                        .payload = "{}",
                        .at = at(0)};
    admitted.admission = Admission::Begin;
    admitted.next = {.service_id = std::string(service_id),
                     .pipeline = "deploy",
                     .state = "creation",
                     .run = 1,
                     .version = epoch,
                     .wake_at = at(30'000'000),
                     .target = "{}",
                     .request_id = std::string(request_id)};
    return admitted;
}

Admitted request(const Vm& vm, std::string_view request_id, Admission admission) {
    Admitted admitted = order(vm.service_id, request_id);
    admitted.admission = admission;
    admitted.version = vm.version;
    admitted.request.type = "change_package";
    admitted.next = vm;
    admitted.next.pipeline = "change_package";
    admitted.next.state = "change_package";
    admitted.next.run = vm.run + 1;
    admitted.next.version = vm.version + 1;
    admitted.next.log_row = 0;
    admitted.next.wake_at = at(40'000'000);
    admitted.next.request_id = request_id;
    return admitted;
}

AdmitResult admit_one(Store& store, const Admitted& admitted) {
    return store.admit({&admitted, 1}).at(0);
}

Saved save_one(Store& store, const Change& change) {
    return store.save({&change, 1}).at(0);
}

std::optional<Vm> load_one(Store& store, std::string_view service_id) {
    const std::string id(service_id);
    std::vector<Vm> found = store.load({&id, 1});
    if (found.empty()) return std::nullopt;
    return found.at(0);
}

Vm begun(Store& store, std::string_view service_id) {
    EXPECT_EQ(admit_one(store, order(service_id, fmt::format("order-{}", service_id))),
              AdmitResult::Done);
    return load_one(store, service_id).value();
}

Change step_to(const Vm& vm, std::string_view state) {
    Change change;
    change.version = vm.version;
    change.next = vm;
    change.next.state = state;
    ++change.next.version;
    ++change.next.log_row;
    change.log = {.service_id = vm.service_id,
                  .run = vm.run,
                  .row = change.next.log_row,
                  .pipeline = vm.pipeline,
                  .number = change.next.log_row,
                  .label = fmt::format("To {}", state),
                  .result = "success",
                  .from = vm.state,
                  .to = std::string(state),
                  .began = at(1'000'000),
                  .ended = at(2'000'000),
                  .writer = "writer",
                  .told_as = change.next.version};
    return change;
}

Change rest_in(const Vm& vm, std::string_view state) {
    Change change = step_to(vm, state);
    change.next.wake_at.reset();
    change.touches_run = true;
    change.ends_run = true;
    change.run_result = "success";
    return change;
}

Change again(const Vm& vm) {
    Change change = step_to(vm, vm.state);
    change.next.log_row = vm.log_row;
    change.log.row = vm.log_row;
    change.log.result = "error";
    change.log.ended = at(3'000'000);
    change.repeats = true;
    return change;
}

Change asking(const Vm& vm, std::vector<SlotClaim> claims, std::int64_t when) {
    Change change = step_to(vm, vm.state);
    change.next.wake_at = at(90'000'000);
    change.log.ended = at(when);
    change.claims = std::move(claims);
    change.wake_if_granted = at(when);
    return change;
}

Change leaving(const Vm& vm, std::string_view state) {
    Change change = step_to(vm, state);
    change.frees_slots = true;
    return change;
}

Change start(const Vm& vm, std::string_view request_id) {
    Change change = step_to(vm, "change_package");
    change.next.run = vm.run + 1;
    change.next.log_row = 1;
    change.next.request_id = request_id;
    change.next.wake_at = at(50'000'000);
    change.log.run = change.next.run;
    change.log.row = 1;
    change.starts_request = request_id;
    change.changes_detail = true;
    return change;
}

Vm saved(Store& store, const Change& change) {
    EXPECT_TRUE(save_one(store, change).won);
    return load_one(store, change.next.service_id).value();
}

std::string what_it_is(const Vm& vm) {
    std::string text;
    const auto say = [&](std::string_view what, std::string_view value) {
        if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? "" : " ", what, value);
    };
    say("client", vm.client);
    say("product", vm.product);
    say("node", vm.node);
    say("vmid", vm.vmid == 0 ? "" : std::to_string(vm.vmid));
    say("name", vm.name);
    say("domain", vm.domain);
    say("username", vm.username);
    say("password", vm.password);
    say("mac", vm.mac);
    say("rev_dns", vm.rev_dns);
    say("service_status", vm.service_status);
    return text;
}

std::string holds(Store& store, std::string_view service_id) {
    const Holdings holdings = store.holdings(service_id);
    std::string text;
    const auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
    if (holdings.vmid != 0) say(fmt::format("number {}", holdings.vmid));
    for (const HeldAddress& held : holdings.addresses)
        say(fmt::format("{} ({})", print_address(held.address), held.pool));
    for (const std::string& slot : holdings.slots) say(fmt::format("slot {}", slot));
    return text;
}

Change claiming(const Vm& vm, std::vector<AddressClaim> addresses) {
    Change change = asking(vm, {});
    change.addresses = std::move(addresses);
    return change;
}

Change claiming(const Vm& vm, NumberClaim number) {
    Change change = asking(vm, {});
    change.number = std::move(number);
    return change;
}

PoolRanges pool(std::string_view name, std::initializer_list<std::string_view> ranges) {
    PoolRanges pool{.pool = std::string(name)};
    for (const std::string_view range : ranges) pool.ranges.push_back(parse_range(range));
    return pool;
}

std::string whole(Store& store, std::string_view service_id) {
    const auto vm = load_one(store, service_id);
    if (!vm) return "no such VM\n";
    std::string text = fmt::format(
        "{} {} {} run={} version=+{} wake_at={} queued={} row={} target={} request={}\n",
        vm->service_id,
        vm->pipeline,
        vm->state,
        vm->run,
        vm->version - epoch,
        said(vm->wake_at),
        vm->queued,
        vm->log_row,
        vm->target,
        vm->request_id);
    text += identity_line(*vm);
    if (const std::string held = holds(store, service_id); !held.empty())
        text += "holds " + held + "\n";
    text += record_lines(store, service_id);
    for (const RunRow& run : store.runs(service_id, 100)) {
        text += fmt::format("run {} {} {} error={} request={} ended={}\n",
                            run.run,
                            run.pipeline,
                            run.result,
                            run.error,
                            run.request_id,
                            said(run.ended));
        for (const StepRow& step : store.steps(service_id, run.run))
            text += fmt::format("  {}. {} {} x{} {} -> {} {}\n",
                                step.row,
                                step.label,
                                step.result,
                                step.attempts,
                                step.from,
                                step.to,
                                step.text);
    }
    return text;
}

std::string status_of(Store& store, const std::string& id) {
    const auto found = store.requests({&id, 1});
    return found.empty() ? "unknown"
                         : found[0].status + (found[0].why.empty() ? "" : ": ") + found[0].why;
}

}  // namespace slipway
