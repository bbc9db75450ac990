#pragma once
// DNS as the steps use it: brings what a VM's records are to what a plan says they must be, on all
// providers at once, and says line by line how that went.
//
// Nothing here throws because a provider cannot: that is a line with an error, and the record stays
// in our rows as it was. Providers are asked side by side, each provider's zones one after another;
// a sick one is passed over for a while (dns_wire.h). Any thread.

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "consumers/dns/dns_line.h"
#include "consumers/dns/dns_plan.h"
#include "consumers/dns/dns_provider.h"
#include "consumers/http/http.h"
#include "consumers/runtime/clock.h"
#include "schema/store.h"

namespace slipway {

struct DnsSettings {
    // Of one call, each on a thread of its own; 1: all in the caller's thread, one after another.
    int providers_at_once = 8;
};

struct DnsOrder {
    const Inventory& inventory;
    const DnsPlan& plan;
    std::span<const DnsRecordRow> had;  // what we made before, all of the VM's
    Deadline deadline;                  // after it nothing is changed any more
};

struct DnsDone {
    std::vector<DnsRecordRow> records;  // what we have there now
    std::vector<DnsLine> lines;         // one per record touched; none: all was well before
    std::vector<std::string> errors;    // each once: "powerdns-1, example.com: connection refused"
    bool is_busy = false;               // one of them is of a provider that may do it in a moment

    bool operator==(const DnsDone&) const = default;
};

class Dns final {
  public:
    Dns(Http& http, const Clock& clock, DnsSettings settings = {});

    // Writes what differs from `had`, one call per zone where the provider can. Asks nobody.
    DnsDone sync(const DnsOrder& order);

    // Writes what differs from what the providers really serve, whatever `had` says.
    DnsDone mend(const DnsOrder& order);

    // Removes every record for the plan's names and what else we had, with or without a row.
    DnsDone remove(const DnsOrder& order);

    // What the providers serve and should not, or do not and should. Of a zone from which the plan
    // wants nothing, whether it is there.
    std::vector<DnsDrift> drift(const Inventory& inventory, const DnsPlan& plan);

    // Is the zone's provider there, and does it know the zone? Throws Error that says what is
    // wrong.
    void check(const Inventory& inventory, const DeclaredZone& zone);

  private:
    enum class Compare { WithRows, WithProvider, WithNothing };
    struct Task;
    struct Known {
        DeclaredDnsProvider declared;
        std::shared_ptr<DnsProvider> provider;
    };

    DnsDone bring(const DnsOrder& order, Compare compare);
    void act(Task& task, const DnsOrder& order, Compare compare);
    std::shared_ptr<DnsProvider> provider(const Inventory& inventory, const std::string& name);

    Http& http_;
    const Clock& clock_;
    const DnsSettings settings_;

    std::mutex mutex_;
    std::map<std::string, Known> providers_;
};

}  // namespace slipway
