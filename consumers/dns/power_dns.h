#pragma once
// PowerDNS Authoritative Server by its REST API (v1): the sets of a zone go in one PATCH.
//
// A PATCH is all or nothing. If one set of it is refused, they are sent one by one, so that the
// others get through and the refusal stands at its own set.
//
// It does not keep writers apart: with SQLite all but one of those that meet fail, with other
// databases records may double. So one write at a time leaves this process, and who meets
// somebody else's is told that the provider is busy.

#include <memory>
#include <mutex>

#include "consumers/dns/dns_provider.h"
#include "consumers/dns/dns_wire.h"

namespace slipway {

class PowerDns final : public DnsProvider {
  public:
    PowerDns(Http& http, const Clock& clock, const DeclaredDnsProvider& declared);

    std::vector<DnsSet> read(const DeclaredZone& zone, std::span<const std::string> names) override;
    std::vector<DnsResult> write(const DeclaredZone& zone,
                                 std::span<const DnsSet> sets,
                                 Deadline deadline) override;
    void check(const DeclaredZone& zone) override;

  private:
    DnsCall call_of(std::string method, const DeclaredZone& zone) const;
    std::string get(const DeclaredZone& zone, std::string query);
    HttpAnswer patch(const DeclaredZone& zone, std::span<const DnsSet> sets, Deadline deadline);
    [[noreturn]] void refuse(const HttpAnswer& answer, const DeclaredZone& zone) const;

    DnsWire wire_;
    std::mutex one_write_;
};

}  // namespace slipway
