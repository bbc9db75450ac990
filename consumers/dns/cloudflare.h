#pragma once
// Cloudflare by its REST API (v4), with a token: a zone's records are read, and whatever differs
// goes in one batch.
//
// A batch is all or nothing. If one change of it is refused, they are sent one by one, so that the
// others get through and the refusal stands at its own set. Records are made without Cloudflare's
// proxy: a name must lead to its machine.

#include <map>
#include <mutex>

#include "consumers/dns/dns_provider.h"
#include "consumers/dns/dns_wire.h"

namespace slipway {

class Cloudflare final : public DnsProvider {
  public:
    Cloudflare(Http& http, const Clock& clock, DeclaredDnsProvider declared);

    std::vector<DnsSet> read(const DeclaredZone& zone, std::span<const std::string> names) override;
    std::vector<DnsResult> write(const DeclaredZone& zone,
                                 std::span<const DnsSet> sets,
                                 Deadline deadline) override;
    void check(const DeclaredZone& zone) override;

  private:
    struct Listed {
        std::string id;
        DnsSet record;  // one value
    };
    enum class Verb { Delete, Patch, Post };
    struct Change {
        std::size_t set = 0;  // which one it is for
        Verb verb = Verb::Post;
        std::string id = {};
        std::string value = {};
    };
    struct Batch {
        const std::string& zone_id;
        std::span<const DnsSet> sets;
        std::span<const Change> changes;
        Deadline deadline;
    };

    std::string zone_id(const DeclaredZone& zone);
    std::vector<Listed> list(const std::string& zone_id, std::span<const std::string> names);
    HttpAnswer get(std::string path, std::string query);
    HttpAnswer post(const Batch& batch);
    void send_one_by_one(const Batch& batch, std::vector<DnsResult>& results);
    std::string fault_in(const HttpAnswer& answer) const;

    DnsWire wire_;
    std::mutex mutex_;
    std::map<std::string, std::string> ids_;  // by the name of the zone
};

}  // namespace slipway
