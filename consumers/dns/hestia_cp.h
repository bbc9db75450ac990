#pragma once
// HestiaCP by its API, which runs the commands of its panel: POST /api/, one command a call.
//
// A command adds or deletes one record, and adding what is there already makes a second one: so a
// zone is listed first, always. The name server is told after each record, as the commands do by
// default: whoever dies between two calls leaves nothing unserved.
//
// Without a user the secret is an API key, or an access key and its secret with a colon between.

#include "consumers/dns/dns_provider.h"
#include "consumers/dns/dns_wire.h"

namespace slipway {

class HestiaCp final : public DnsProvider {
  public:
    HestiaCp(Http& http, const Clock& clock, const DeclaredDnsProvider& declared);

    std::vector<DnsSet> read(const DeclaredZone& zone, std::span<const std::string> names) override;
    std::vector<DnsResult> write(const DeclaredZone& zone,
                                 std::span<const DnsSet> sets,
                                 Deadline deadline) override;
    void check(const DeclaredZone& zone) override;

  private:
    struct Listed {
        std::string id;
        DnsSet record;  // one value; no ttl: the zone's own
    };
    struct Command {
        std::string name;
        std::vector<std::string> arguments;
        std::optional<Deadline> deadline = {};  // of what changes something
    };

    std::vector<Listed> list(const DeclaredZone& zone);
    void write_set(const std::vector<Listed>& listed,
                   const DeclaredZone& zone,
                   const DnsSet& set,
                   Deadline deadline);
    void add(const DeclaredZone& zone, const DnsSet& record, Deadline deadline);
    void remove(const DeclaredZone& zone, const std::string& id, Deadline deadline);
    HttpAnswer send(const Command& command);
    void run(const Command& command, int fine_too);

    DnsWire wire_;
};

}  // namespace slipway
