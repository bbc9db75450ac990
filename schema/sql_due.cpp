// The only timer: rows whose wake_at has passed.

#include <fmt/format.h>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

struct DueSql {
    explicit DueSql(Dialect dialect) {
        // Materialized, so that the limit holds whatever plan is made. Rows somebody else is
        // changing at the moment are not waited for: that change moves them.
        const bool locks = dialect == Dialect::PostgreSql;
        take = {fmt::format("WITH due AS MATERIALIZED (SELECT service_id FROM vm "
                            "WHERE wake_at <= :now ORDER BY wake_at LIMIT :most {}) "
                            "UPDATE vm SET wake_at = :until FROM due "
                            "WHERE vm.service_id = due.service_id "
                            "RETURNING vm.service_id, pipeline, state, run, version, "
                            "(SELECT d.traceparent FROM vm_detail d "
                            "WHERE d.service_id = vm.service_id)",
                            locks ? "FOR NO KEY UPDATE SKIP LOCKED" : ""),
                6};
        wake_all.text = "UPDATE vm SET wake_at = :now WHERE wake_at IS NOT NULL";
        next = {"SELECT wake_at FROM vm WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1", 1};
    }

    Sql take, wake_all, next;
};

}  // namespace

const Sql& take_due_sql(Dialect dialect) {
    return statements_of<DueSql>(dialect).take;
}

std::vector<Nudge> SqlStore::take_due(Time now, Time until, int most) {
    const Rows rows = pool_.write([&](Connection& c) {
        return c.run(take_due_sql(dialect_),
                     {std::int64_t{now.time_since_epoch().count()},
                      std::int64_t{most},
                      std::int64_t{until.time_since_epoch().count()}});
    });
    std::vector<Nudge> nudges;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        nudges.push_back({
            .service_id = rows.text(i, 0),
            .pipeline = rows.text(i, 1),
            .state = rows.text(i, 2),
            .run = rows.number(i, 3),
            .version = rows.number(i, 4),
            .traceparent = rows.text(i, 5),
        });
    }
    return nudges;
}

void SqlStore::wake_all(Time now) {
    pool_.write([&](Connection& c) {
        return c.run(statements_of<DueSql>(dialect_).wake_all,
                     {std::int64_t{now.time_since_epoch().count()}});
    });
}

std::optional<Time> SqlStore::next_wake() {
    const Rows rows =
        pool_.read([&](Connection& c) { return c.run(statements_of<DueSql>(dialect_).next); });
    if (rows.empty()) return std::nullopt;
    return rows.maybe_time(0, 0);
}

}  // namespace slipway
