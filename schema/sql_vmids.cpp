// VM numbers: one per VM, each given out once until it has rested.
//
// Nothing is locked: the primary key (cluster, vmid) decides. Who comes second finds the number
// taken, looks again and gets the next one.

#include <algorithm>
#include <optional>
#include <utility>

#include "schema/sql_claims.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

constexpr std::int64_t page = 4096;

struct VmidSql {
    explicit VmidSql(Dialect) {}

    Sql held{"SELECT cluster, vmid FROM vmid WHERE service_id = :service AND state = 'held'", 2};
    Sql burn{
        "UPDATE vmid SET state = 'burnt', at = :now WHERE cluster = :cluster AND vmid = :vmid"};
    Sql highest{
        "SELECT max(vmid) FROM vmid WHERE cluster = :cluster AND vmid >= :first AND vmid <= :last",
        1};
    Sql take{
        "INSERT INTO vmid (cluster, vmid, service_id, run, state, at, rest) "
        "VALUES (:cluster, :vmid, :service, :run, 'held', :now, :rest) "
        "ON CONFLICT DO NOTHING RETURNING vmid",
        1};
    Sql rested{
        "SELECT vmid FROM vmid WHERE cluster = :cluster AND vmid >= :from AND vmid <= :last AND "
        "state = 'released' AND rests_until <= :now ORDER BY vmid LIMIT 1",
        1};
    Sql take_rested{
        "UPDATE vmid SET service_id = :service, run = :run, state = 'held', at = :now, "
        "rest = :rest, rests_until = NULL WHERE cluster = :cluster AND vmid = :vmid AND "
        "state = 'released' AND rests_until <= :by RETURNING vmid",
        1};
    Sql given{
        "SELECT vmid FROM vmid WHERE cluster = :cluster AND vmid >= :from AND vmid <= :last "
        "ORDER BY vmid LIMIT :most",
        1};
};

const VmidSql& sql_of(const Connection& connection) {
    return statements_of<VmidSql>(connection.dialect());
}

// The numbers that are free for such a claim, by the order in which they are given out.
class FreeNumbers {
  public:
    FreeNumbers(Connection& connection, const NumberClaim& claim, Time now)
        : connection_(connection),
          sql_(sql_of(connection)),
          claim_(claim),
          now_(now.time_since_epoch().count()) {}

    std::optional<std::int64_t> above_all() {
        const Rows highest =
            connection_.run(sql_.highest, {claim_.cluster, claim_.first, claim_.last});
        std::int64_t number = highest.is_null(0, 0) ? claim_.first : highest.number(0, 0) + 1;
        while (is_taken(number)) ++number;
        if (number > claim_.last) return std::nullopt;
        return number;
    }

    std::optional<std::int64_t> lowest_rested(std::int64_t from) {
        while (true) {
            const Rows rows =
                connection_.run(sql_.rested, {claim_.cluster, from, claim_.last, now_});
            if (rows.empty()) return std::nullopt;
            if (!is_taken(rows.number(0, 0))) return rows.number(0, 0);
            from = rows.number(0, 0) + 1;
        }
    }

    // Passed over when they were somebody else's, or when a package began higher up. Looked for
    // last, since it takes a walk through all that were given out.
    std::optional<std::int64_t> in_between() {
        std::int64_t number = claim_.first;
        while (number <= claim_.last) {
            const Rows given =
                connection_.run(sql_.given, {claim_.cluster, number, claim_.last, page});
            for (std::size_t i = 0; i < given.size(); ++i, ++number)
                for (; number < given.number(i, 0); ++number)
                    if (!is_taken(number)) return number;
            if (std::cmp_equal(given.size(), page)) continue;
            for (; number <= claim_.last; ++number)
                if (!is_taken(number)) return number;
        }
        return std::nullopt;
    }

  private:
    bool is_taken(std::int64_t number) const {
        return std::binary_search(claim_.taken.begin(), claim_.taken.end(), number);
    }

    Connection& connection_;
    const VmidSql& sql_;
    const NumberClaim& claim_;
    std::int64_t now_;
};

// One VM that takes a number.
class Taker {
  public:
    Taker(Connection& connection, const Change& change)
        : connection_(connection),
          sql_(sql_of(connection)),
          vm_(change.next),
          claim_(*change.number),
          free_(connection, claim_, change.log.ended),
          now_(change.log.ended.time_since_epoch().count()) {}

    // Until somebody else was not faster.
    bool take_any() {
        while (const auto number = free_.above_all())
            if (take(*number)) return true;
        for (std::int64_t from = claim_.first;;) {
            const auto number = free_.lowest_rested(from);
            if (!number) break;
            if (take_rested(*number)) return true;
            from = *number + 1;
        }
        while (const auto number = free_.in_between())
            if (take(*number)) return true;
        return false;
    }

    void burn(std::int64_t number) { connection_.run(sql_.burn, {now_, claim_.cluster, number}); }

  private:
    bool take(std::int64_t number) {
        return !connection_
                    .run(sql_.take, {claim_.cluster, number, vm_.service_id, vm_.run, now_, rest()})
                    .empty();
    }

    bool take_rested(std::int64_t number) {
        return !connection_
                    .run(sql_.take_rested,
                         {vm_.service_id, vm_.run, now_, rest(), claim_.cluster, number, now_})
                    .empty();
    }

    std::int64_t rest() const { return std::chrono::microseconds(claim_.rest).count(); }

    Connection& connection_;
    const VmidSql& sql_;
    const Vm& vm_;
    const NumberClaim& claim_;
    FreeNumbers free_;
    std::int64_t now_;
};

}  // namespace

// A VM has one number. Who asks for one and has it got what it asked for; in another cluster it has
// to give that one back first.
bool take_number(Connection& connection, const Change& change) {
    if (!change.number) return true;
    const Rows held = connection.run(sql_of(connection).held, {change.next.service_id});
    Taker taker(connection, change);
    if (!held.empty()) {
        if (held.text(0, 0) != change.number->cluster) return false;
        if (held.number(0, 1) != change.number->burns) return true;
        taker.burn(change.number->burns);
    }
    return taker.take_any();
}

bool SqlStore::has_number(const NumberClaim& claim, Time now) {
    return pool_.read([&](Connection& connection) {
        FreeNumbers free(connection, claim, now);
        return free.above_all() || free.lowest_rested(claim.first) || free.in_between();
    });
}

}  // namespace slipway
