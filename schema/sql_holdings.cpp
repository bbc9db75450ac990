// What VMs hold, for whoever wants to know; and the records made for them at DNS providers.

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

enum class Kind { Number = 1, Address = 2, Slot = 3 };

struct HoldingsSql {
    explicit HoldingsSql(Dialect d)
        : add_record(over_rows(
              d,
              "INSERT INTO dns_record (service_id, provider, zone, name, type, value, ttl) "
              "SELECT j.service_id, j.provider, j.zone, j.name, j.type, j.value, j.ttl "
              "{from_rows} WHERE true ON CONFLICT DO NOTHING",
              "service_id text, provider text, zone text, name text, type text, value text, "
              "ttl integer")) {}

    // In one statement, so that it is all of one moment.
    Sql holdings{
        "SELECT 1 AS kind, v.vmid AS place, v.cluster AS name, '' AS pool FROM vmid v "
        "WHERE v.service_id = :numbers AND v.state = 'held' "
        "UNION ALL SELECT 2, a.place, a.key, a.pool FROM ip_address a "
        "WHERE a.service_id = :addresses AND a.rests_until IS NULL "
        "UNION ALL SELECT 3, 0, s.resource, '' FROM slot s JOIN vm ON "
        "vm.service_id = s.service_id AND vm.run = s.run AND vm.state = s.state AND "
        "vm.phase = s.phase WHERE s.service_id = :slots ORDER BY 1, 2, 3",
        4};
    Sql pool_use{
        "SELECT pool, count(*), count(rests_until) FROM ip_address "
        "WHERE rests_until IS NULL OR rests_until > :now GROUP BY pool ORDER BY pool",
        3};
    Sql range_use{
        "SELECT count(*), count(rests_until) FROM ip_address WHERE key >= :first AND key <= :last "
        "AND (rests_until IS NULL OR rests_until > :now)",
        2};
    Sql records{
        "SELECT provider, zone, name, type, value, ttl FROM dns_record WHERE service_id = :service",
        6};
    Sql remove_records{"DELETE FROM dns_record WHERE service_id = :service"};
    Sql add_record;
};

}  // namespace

void save_dns_records(Connection& connection, std::span<const Change* const> changes) {
    const auto& sql = statements_of<HoldingsSql>(connection.dialect());
    RowBatch rows;
    for (const Change* change : changes) {
        if (!change->dns_records) continue;
        connection.run(sql.remove_records, {change->next.service_id});
        for (const DnsRecordRow& record : *change->dns_records)
            rows.row()
                .add("service_id", change->next.service_id)
                .add("provider", record.provider)
                .add("zone", record.zone)
                .add("name", record.name)
                .add("type", record.type)
                .add("value", record.value)
                .add("ttl", record.ttl);
    }
    connection.run(sql.add_record, rows);
}

Holdings SqlStore::holdings(std::string_view service_id) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<HoldingsSql>(dialect_).holdings,
                     {service_id, service_id, service_id});
    });
    Holdings holdings;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        switch (static_cast<Kind>(rows.small(i, 0))) {
            case Kind::Number:
                holdings.vmid = rows.number(i, 1);
                break;
            case Kind::Address:
                holdings.addresses.push_back(
                    {.address = address_of_key(rows.text(i, 2)), .pool = rows.text(i, 3)});
                break;
            case Kind::Slot:
                holdings.slots.push_back(rows.text(i, 2));
                break;
        }
    }
    return holdings;
}

std::vector<PoolUse> SqlStore::pool_use(Time now) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<HoldingsSql>(dialect_).pool_use,
                     {std::int64_t{now.time_since_epoch().count()}});
    });
    std::vector<PoolUse> use;
    for (std::size_t i = 0; i < rows.size(); ++i)
        use.push_back({.pool = rows.text(i, 0),
                       .held = rows.number(i, 1) - rows.number(i, 2),
                       .resting = rows.number(i, 2)});
    return use;
}

PoolUse SqlStore::pool_use(const PoolRanges& pool, Time now) {
    const std::int64_t at = now.time_since_epoch().count();
    PoolUse use{.pool = pool.pool};
    for (const IpRange& range : pool.ranges) {
        const Rows rows = pool_.read([&](Connection& c) {
            return c.run(statements_of<HoldingsSql>(dialect_).range_use,
                         {key_of(range.first), key_of(range.last), at});
        });
        use.held += rows.number(0, 0) - rows.number(0, 1);
        use.resting += rows.number(0, 1);
    }
    return use;
}

std::vector<DnsRecordRow> SqlStore::dns_records(std::string_view service_id) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<HoldingsSql>(dialect_).records, {service_id});
    });
    std::vector<DnsRecordRow> records;
    for (std::size_t i = 0; i < rows.size(); ++i)
        records.push_back({.provider = rows.text(i, 0),
                           .zone = rows.text(i, 1),
                           .name = rows.text(i, 2),
                           .type = rows.text(i, 3),
                           .value = rows.text(i, 4),
                           .ttl = rows.small(i, 5)});
    // Databases differ in how they sort text.
    const auto key = [](const DnsRecordRow& r) {
        return std::tie(r.provider, r.zone, r.name, r.type, r.value);
    };
    std::sort(records.begin(), records.end(), [&](const DnsRecordRow& a, const DnsRecordRow& b) {
        return key(a) < key(b);
    });
    return records;
}

}  // namespace slipway
