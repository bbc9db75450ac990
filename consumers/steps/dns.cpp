// Configure DNS records. Whatever a provider cannot is noted and passed over: no customer waits for
// a name server, and `slipway dns check` and set_dns_records mend what is missing. One that is well
// and busy with others is waited for, some seconds at most.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "consumers/dns/dns.h"
#include "consumers/proxmox/json.h"
#include "consumers/runtime/outside.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

constexpr std::string_view busy = "a name server that is busy";
constexpr std::chrono::seconds patience{10};

// Since when it is busy, for this VM.
Time busy_since(const World& world, const Vm& vm) {
    const bool waited_before = vm.answer == fmt::format("waiting: {}", busy);
    return waited_before ? vm.answered_at : world.clock.now();
}

std::map<IpAddress, std::string> rev_names(const Vm& vm) {
    std::map<IpAddress, std::string> names;
    const JsonValue json = JsonValue::parse(vm.rev_dns, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return names;
    for (const auto& [address, name] : json.items())
        if (const auto text = text_of(name)) names.emplace(parse_address(address), *text);
    return names;
}

}  // namespace

DnsWanted dns_wanted(const Vm& vm, const Holdings& holdings) {
    DnsWanted wanted{.name = vm.domain, .rev_names = rev_names(vm)};
    for (const HeldAddress& held : holdings.addresses) wanted.addresses.push_back(held.address);
    if (const auto* first = holdings.first(IpVersion::V4)) wanted.ipv4 = first->address;
    if (const auto* first = holdings.first(IpVersion::V6)) wanted.ipv6 = first->address;
    return wanted;
}

StepOutcome set_dns(World& world, Vm& vm) {
    const auto inventory = world.outside->inventory.newest();
    const DnsPlan plan = plan_dns(*inventory, dns_wanted(vm, world.store.holdings(vm.service_id)));
    const std::vector<DnsRecordRow> had = world.store.dns_records(vm.service_id);
    if (plan.empty() && had.empty()) return Skipped{"no zone of ours holds its name or addresses"};
    const DnsDone done = world.outside->dns.sync(
        {.inventory = *inventory, .plan = plan, .had = had, .deadline = world.deadline});
    for (const DnsLine& line : done.lines) world.say(print(line));
    if (done.records != had) world.keep.dns_records = done.records;
    const Time since = busy_since(world, vm);
    if (done.is_busy && world.clock.now() < since + patience)
        return Waiting{.what = std::string(busy), .until = world.next_look(since)};
    if (!done.errors.empty()) return Failed{fmt::format("{}", fmt::join(done.errors, "; "))};
    if (done.lines.empty()) return Skipped{"no change"};
    return Done{};
}

}  // namespace slipway
