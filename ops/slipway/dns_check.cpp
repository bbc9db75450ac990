#include "ops/slipway/dns_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/pipelines/pipelines.h"
#include "consumers/steps/steps.h"

namespace slipway {
namespace {

// Asked about together: a provider that lists its whole zone lists it once for so many.
constexpr int vms_at_once = 500;

// A VM on its way to its first records has none yet, and nothing has drifted.
bool has_records(const Vm& vm) {
    const Pipeline* pipeline = find_pipeline(vm.pipeline);
    if (pipeline == nullptr) return true;
    const auto& steps = pipeline->steps;
    const auto at = [&](std::string_view state) {
        return std::find_if(
            steps.begin(), steps.end(), [&](const Step& step) { return step.state == state; });
    };
    const auto written = at("set_dns");
    const auto here = at(vm.state);
    return written == steps.end() || (here != steps.end() && here >= written);
}

class Checking {
  public:
    explicit Checking(const DnsCheckPlaces& places) : places_(places) {}

    void add_zones() {
        for (const DeclaredZone& zone : places_.inventory.zones)
            plan_.push_back({.zone = zone, .sets = {}});
    }

    void add(const Vm& vm) {
        if (!has_records(vm)) return;
        ++checked_.vms;
        add_plan(
            plan_,
            plan_dns(places_.inventory, dns_wanted(vm, places_.store.holdings(vm.service_id))));
    }

    // Asks about what was added so far.
    void ask() {
        for (DnsDrift& drift : places_.dns.drift(places_.inventory, plan_)) {
            const bool is_known = std::any_of(
                checked_.drifts.begin(), checked_.drifts.end(), [&](const DnsDrift& known) {
                    return known.kind == DnsDrift::Kind::Unknown &&
                           known.provider == drift.provider && known.zone == drift.zone;
                });
            if (!is_known) checked_.drifts.push_back(std::move(drift));
        }
        plan_.clear();
    }

    DnsChecked done() { return std::move(checked_); }

  private:
    const DnsCheckPlaces& places_;
    DnsPlan plan_;
    DnsChecked checked_;
};

}  // namespace

DnsChecked check_dns(const DnsCheckPlaces& places, const DnsProgress& progress) {
    Checking checking(places);
    checking.add_zones();
    VmFilter filter{.most = vms_at_once};
    std::int64_t seen = 0;
    while (true) {
        const std::vector<Vm> vms = places.store.list_vms(filter);
        for (const Vm& vm : vms) checking.add(vm);
        checking.ask();
        seen += static_cast<std::int64_t>(vms.size());
        progress(seen);
        if (static_cast<int>(vms.size()) < vms_at_once) return checking.done();
        filter.after = vms.back().service_id;
    }
}

DnsChecked check_dns_of(const DnsCheckPlaces& places, const std::string& service) {
    const auto rows = places.store.load({&service, 1});
    if (rows.empty())
        throw Error(
            fmt::format("there is no service {}; `slipway vm list` shows who is here", service));
    Checking checking(places);
    checking.add(rows.front());
    checking.ask();
    return checking.done();
}

std::string print(const DnsChecked& checked) {
    std::string text;
    for (const DnsDrift& drift : checked.drifts) text += print(drift) + "\n";
    const std::size_t count = checked.drifts.size();
    return text + fmt::format("VMs looked at: {}; {}\n",
                              checked.vms,
                              count == 0 ? "the providers serve what they should"
                                         : fmt::format("differences: {}", count));
}

}  // namespace slipway
