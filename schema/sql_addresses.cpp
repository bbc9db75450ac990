// Addresses: the lowest that are free, out of pools that may be as large as a /64.
//
// Nobody counts through a pool. Free is what has no row, or a row whose rest is over. Rows are
// never deleted, so below the first address without a row nothing but rests can end: ip_pool keeps
// where that is, and what rests has an index of its own. A pool with 65,000 addresses taken costs
// what an empty one does; only the first claim after its ranges have changed walks through its
// rows.

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "schema/sql_claims.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// Instead of a key in ip_pool.first_free: every address of the ranges has a row.
constexpr std::string_view none_left = "~";
constexpr std::int64_t first_page = 4;
constexpr std::int64_t largest_page = 4096;

struct AddressSql {
    explicit AddressSql(Dialect d)
        : lock{std::string("SELECT first_free, ranges FROM ip_pool WHERE name = :name") +
                   (d == Dialect::PostgreSql ? " FOR UPDATE" : ""),
               2},
          // Somebody may have been faster, out of a pool that overlaps this one.
          give(over_rows(
              d,
              "INSERT INTO ip_address (key, address, pool, service_id, run, place, taken_at, "
              "quarantine) SELECT j.key, j.address, j.pool, j.service_id, j.run, j.place, "
              "j.taken_at, j.quarantine {from_rows} WHERE true ON CONFLICT (key) DO UPDATE SET "
              "pool = excluded.pool, service_id = excluded.service_id, run = excluded.run, "
              "place = excluded.place, taken_at = excluded.taken_at, "
              "quarantine = excluded.quarantine, rests_until = NULL "
              "WHERE ip_address.rests_until <= excluded.taken_at RETURNING key",
              "key text, address text, pool text, service_id text, run bigint, place integer, "
              "taken_at bigint, quarantine bigint",
              1)) {}

    Sql lock, give;
    Sql add_pool{"INSERT INTO ip_pool (name) VALUES (:name) ON CONFLICT DO NOTHING"};
    Sql remember{"UPDATE ip_pool SET first_free = :first, ranges = :ranges WHERE name = :name"};
    Sql listed{
        "SELECT key FROM ip_address WHERE key >= :first AND key <= :last ORDER BY key LIMIT :most",
        1};
    Sql rested{
        "SELECT key FROM ip_address WHERE key >= :first AND key <= :last AND "
        "rests_until IS NOT NULL AND rests_until <= :now ORDER BY key LIMIT :most",
        1};
    Sql highest_place{
        "SELECT max(place) FROM ip_address WHERE service_id = :service AND rests_until IS NULL", 1};
};

const AddressSql& sql_of(const Connection& connection) {
    return statements_of<AddressSql>(connection.dialect());
}

std::string print_ranges(const std::vector<IpRange>& ranges) {
    std::string text;
    for (const IpRange& range : ranges) text += (text.empty() ? "" : " ") + print_range(range);
    return text;
}

std::string key_after(const IpAddress& address) {
    const auto after = next(address);
    return after ? key_of(*after) : std::string(none_left);
}

// Looks for addresses without a row, until it has found so many.
struct Search {
    Connection& connection;
    std::size_t want = 0;
    std::vector<IpAddress> found = {};

    bool is_done() const { return found.size() >= want; }

    // Counts from `at` on up to `last`, without it. Where it came to.
    IpAddress take(IpAddress at, const IpAddress& last) {
        while (at < last && !is_done()) {
            found.push_back(at);
            at = next(at).value();
        }
        return at;
    }

    void look_in(const IpRange& range) {
        IpAddress at = range.first;
        for (std::int64_t page = first_page; !is_done(); page = std::min(4 * page, largest_page)) {
            const Rows rows =
                connection.run(sql_of(connection).listed, {key_of(at), key_of(range.last), page});
            for (std::size_t i = 0; i < rows.size() && !is_done(); ++i) {
                const IpAddress listed = address_of_key(rows.text(i, 0));
                at = take(at, listed);
                if (at != listed) continue;  // enough, or an IPv4 address amid IPv6 ones
                if (listed == range.last) return;
                at = next(listed).value();
            }
            if (std::cmp_less(rows.size(), page)) {
                if (take(at, range.last) == range.last && !is_done()) found.push_back(range.last);
                return;
            }
        }
    }
};

std::vector<IpAddress> without_row(Connection& connection,
                                   const std::vector<IpRange>& ranges,
                                   const std::string& first_free,
                                   std::size_t want) {
    Search search{.connection = connection, .want = want};
    if (first_free == none_left) return {};
    for (const IpRange& range : ranges) {
        if (key_of(range.last) < first_free) continue;
        const bool begins_below = key_of(range.first) < first_free;
        search.look_in(
            {.first = begins_below ? address_of_key(first_free) : range.first, .last = range.last});
        if (search.is_done()) break;
    }
    return search.found;
}

// With a row, but their rest is over.
std::vector<IpAddress> rested(Connection& connection,
                              const std::vector<IpRange>& ranges,
                              Time now,
                              std::size_t want) {
    std::vector<IpAddress> found;
    const auto page = static_cast<std::int64_t>(want + 8);
    std::string from = key_of(ranges.front().first);
    while (true) {
        const Rows rows = connection.run(
            sql_of(connection).rested,
            {from, key_of(ranges.back().last), now.time_since_epoch().count(), page});
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const IpAddress address = address_of_key(rows.text(i, 0));
            const bool in_pool = std::any_of(ranges.begin(), ranges.end(), [&](const IpRange& r) {
                return r.contains(address);
            });
            if (in_pool) found.push_back(address);
            if (found.size() == want) return found;
            from = key_after(address);
        }
        if (std::cmp_less(rows.size(), page)) return found;
    }
}

// Gives addresses to one VM.
struct Giver {
    Connection& connection;
    const Change& change;
    std::int64_t place = 0;  // the highest that the VM has

    // How many of these it got.
    std::size_t give(const PoolRanges& pool, std::span<const IpAddress> addresses) {
        RowBatch rows;
        for (const IpAddress& address : addresses)
            rows.row()
                .add("key", key_of(address))
                .add("address", print_address(address))
                .add("pool", pool.pool)
                .add("service_id", change.next.service_id)
                .add("run", change.next.run)
                .add("place", ++place)
                .add("taken_at", change.log.ended)
                .add("quarantine", std::chrono::microseconds(pool.quarantine).count());
        return connection.run(sql_of(connection).give, rows).size();
    }

    // How many of so many this pool had.
    std::size_t take_from(const PoolRanges& pool, std::string& first_free, std::size_t want) {
        std::size_t got = 0;
        while (got < want && !pool.ranges.empty()) {
            const auto fresh = without_row(connection, pool.ranges, first_free, want - got);
            std::vector<IpAddress> lowest =
                rested(connection, pool.ranges, change.log.ended, want - got);
            lowest.insert(lowest.end(), fresh.begin(), fresh.end());
            if (lowest.empty()) break;
            std::sort(lowest.begin(), lowest.end());
            if (lowest.size() > want - got) lowest.resize(want - got);
            got += give(pool, lowest);
            for (const IpAddress& address : fresh)
                if (address <= lowest.back()) first_free = key_after(address);
        }
        if (got > 0)
            connection.run(sql_of(connection).remember,
                           {first_free, print_ranges(pool.ranges), pool.pool});
        return got;
    }
};

// Where to begin to look in a pool, from now on locked.
std::string lock_pool(Connection& connection, const PoolRanges& pool) {
    const AddressSql& sql = sql_of(connection);
    Rows row = connection.run(sql.lock, {pool.pool});
    if (row.empty()) {
        connection.run(sql.add_pool, {pool.pool});
        row = connection.run(sql.lock, {pool.pool});
    }
    const std::string ranges = print_ranges(pool.ranges);
    const std::string known = row.text(0, 1) == ranges ? row.text(0, 0) : "";
    const auto fresh = without_row(connection, pool.ranges, known, 1);
    std::string first_free = fresh.empty() ? std::string(none_left) : key_of(fresh.front());
    if (first_free != known) connection.run(sql.remember, {first_free, ranges, pool.pool});
    return first_free;
}

}  // namespace

LockedPools lock_pools(Connection& connection, const Change& change) {
    std::map<std::string_view, const PoolRanges*> by_name;
    for (const AddressClaim& claim : change.addresses)
        for (const PoolRanges& pool : claim.pools) by_name.emplace(pool.pool, &pool);
    LockedPools locked;
    for (const auto& [name, pool] : by_name) locked.emplace(name, lock_pool(connection, *pool));
    return locked;
}

bool take_addresses(Connection& connection, const Change& change, LockedPools& pools) {
    if (change.addresses.empty()) return true;
    const Rows highest = connection.run(sql_of(connection).highest_place, {change.next.service_id});
    Giver giver{.connection = connection, .change = change, .place = highest.number(0, 0)};
    for (const AddressClaim& claim : change.addresses) {
        auto left = static_cast<std::size_t>(std::max(claim.count, 0));
        for (const PoolRanges& pool : claim.pools)
            if (left > 0) left -= giver.take_from(pool, pools.at(pool.pool), left);
        if (left > 0) return false;
    }
    return true;
}

}  // namespace slipway
