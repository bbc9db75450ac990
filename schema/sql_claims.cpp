// Claims: all that a step asked for, or nothing of it.
//
// Whoever claims waits for others only in this order: the inventory, pools by name, slots by name,
// numbers. So nobody waits in a circle.

#include "schema/sql_claims.h"

#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

struct ClaimSql {
    explicit ClaimSql(Dialect d)
        : revision{std::string("SELECT revision FROM inventory_revision") +
                       (d == Dialect::PostgreSql ? " FOR SHARE" : ""),
                   1} {}

    Sql revision;
    Sql begin_attempt{"SAVEPOINT attempt"};
    Sql undo_attempt{"ROLLBACK TO SAVEPOINT attempt"};
    Sql set_wake{"UPDATE vm SET wake_at = :wake WHERE service_id = :service"};
};

// What the step read may be history: a pool that is smaller by now, a cluster with another range.
// From here on it is held still.
bool reads_old_inventory(Connection& connection, const Change& change) {
    if (change.addresses.empty() && !change.number) return false;
    const auto& sql = statements_of<ClaimSql>(connection.dialect());
    return connection.run(sql.revision).number(0, 0) != change.inventory_revision;
}

bool grant(Connection& connection, const Change& change) {
    const auto& sql = statements_of<ClaimSql>(connection.dialect());
    if (reads_old_inventory(connection, change)) return false;
    // What is learnt about a pool is kept even if nothing of it can be given.
    LockedPools pools = lock_pools(connection, change);
    // What it held before the attempt is as it was if the attempt fails; and what it took a moment
    // ago nobody has seen: no reason to wake anybody.
    connection.run(sql.begin_attempt);
    if (!take_slots(connection, change)) {
        connection.run(sql.undo_attempt);
        wait_for_slots(connection, change);
        return false;
    }
    const bool all = take_addresses(connection, change, pools) && take_number(connection, change);
    if (!all) connection.run(sql.undo_attempt);
    // Who could have its slots and lacks an address keeps no slot from others.
    if (!change.claims.empty()) stop_waiting_for_slots(connection, change);
    return all;
}

}  // namespace

bool settle_claims(Connection& connection, const Change& change) {
    if (change.frees_slots) free_slots(connection, change);
    if (!claims_anything(change) || !grant(connection, change)) return false;
    const std::int64_t wake = change.wake_if_granted.time_since_epoch().count();
    connection.run(statements_of<ClaimSql>(connection.dialect()).set_wake,
                   {wake, change.next.service_id});
    return true;
}

}  // namespace slipway
