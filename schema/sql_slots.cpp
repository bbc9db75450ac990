// Slots and tasks: granted, freed and kept inside the transaction that wins the compare-and-set.
//
// Two processes may want the last slot at once. The primary key (resource, n) decides: who comes
// second finds the number taken and looks again. Nobody ever waits for another's VM row here: a
// waiter whose row is being saved right now is passed over, it looks by itself soon enough.
//
// Nobody waits for ever either: those who wait stand in one line, and a slot that an older one will
// need is not given to a younger. So the oldest who still asks gets all it needs once those who
// hold it have left.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "schema/sql_claims.h"
#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// The VM still stands where it stood then.
std::string stands(std::string_view table) {
    return fmt::format(
        "vm.service_id = {0}.service_id AND vm.run = {0}.run AND vm.state = {0}.state AND "
        "vm.phase = {0}.phase",
        table);
}

// Deletes rows as they were when it looked: one that is renewed meanwhile, which moves it to where
// its VM stands now, is another row than that. And it passes over what is being saved right now.
std::string delete_of_those_elsewhere(Dialect d, std::string_view table, std::string_view row) {
    return fmt::format(
        "DELETE FROM {0} WHERE ({1}) IN (SELECT {1} FROM {0} w WHERE NOT EXISTS "
        "(SELECT 1 FROM vm WHERE {2}) {3}) RETURNING resource",
        table,
        row,
        stands("w"),
        d == Dialect::PostgreSql ? "FOR UPDATE OF w SKIP LOCKED" : "");
}

constexpr std::string_view task_columns =
    "upid, cluster, service_id, run, step, started_at, deadline, ended_at, exit_status";

struct SlotSql {
    explicit SlotSql(Dialect d)
        : wake{fmt::format("UPDATE vm SET wake_at = :now WHERE service_id IN (SELECT vm.service_id "
                           "FROM slot_wait w JOIN vm ON {} WHERE w.resource = :resource AND "
                           "w.asks_by > :late AND "
                           "(vm.wake_at IS NULL OR vm.wake_at > :later) ORDER BY w.since, "
                           "w.service_id LIMIT :most {})",
                           stands("w"),
                           d == Dialect::PostgreSql ? "FOR UPDATE OF vm SKIP LOCKED" : "")},
          free_elsewhere{delete_of_those_elsewhere(
                             d, "slot", "resource, n, service_id, run, state, phase, taken_at"),
                         1},
          stop_elsewhere{
              delete_of_those_elsewhere(d, "slot_wait", "resource, service_id, run, state, phase"),
              1},
          wait(over_rows(
              d,
              "INSERT INTO slot_wait (resource, service_id, run, state, phase, since, asks_by) "
              "SELECT j.resource, j.service, j.run, j.state, j.phase, j.since, j.asks_by "
              "{from_rows} WHERE true ON CONFLICT DO NOTHING",
              "resource text, service text, run bigint, state text, phase text, since bigint, "
              "asks_by bigint")),
          keep_task(over_rows(
              d,
              fmt::format("INSERT INTO vm_task ({}) SELECT j.upid, j.cluster, j.service_id, "
                          "j.run, j.step, j.started_at, j.deadline, j.ended_at, j.exit_status "
                          "{{from_rows}} WHERE true ON CONFLICT (upid) DO UPDATE SET "
                          "ended_at = excluded.ended_at, exit_status = excluded.exit_status "
                          "WHERE vm_task.ended_at IS NULL",
                          task_columns),
              "upid text, cluster text, service_id text, run bigint, step text, "
              "started_at bigint, deadline bigint, ended_at bigint null, exit_status text")) {}

    Sql held{
        "SELECT resource FROM slot WHERE service_id = :service AND run = :run AND "
        "state = :state AND phase = :phase",
        1};
    // It may be left from an earlier step: from now on it is this one's, or it would be swept away.
    Sql renew{
        "UPDATE slot SET run = :run, state = :state, phase = :phase, taken_at = :now "
        "WHERE resource = :resource AND service_id = :service RETURNING n",
        1};
    Sql taken{"SELECT n FROM slot WHERE resource = :resource ORDER BY n", 1};
    Sql since{
        "SELECT min(since) FROM slot_wait WHERE service_id = :service AND run = :run AND "
        "state = :state AND phase = :phase",
        1};
    Sql ahead{"SELECT count(*) FROM slot_wait w JOIN vm ON " + stands("w") +
                  " WHERE w.resource = :resource AND w.asks_by > :now AND "
                  "(w.since, w.service_id) < (:since, :service)",
              1};
    Sql take{
        "INSERT INTO slot (resource, n, service_id, run, state, phase, taken_at) "
        "VALUES (:resource, :n, :service, :run, :state, :phase, :now) "
        "ON CONFLICT DO NOTHING RETURNING n",
        1};
    Sql stop_waiting{"DELETE FROM slot_wait WHERE service_id = :service"};
    Sql free{"DELETE FROM slot WHERE service_id = :service RETURNING resource", 1};
    Sql all{
        "SELECT resource, n, service_id, run, state, phase, taken_at FROM slot "
        "ORDER BY resource, n",
        7};
    Sql tasks{fmt::format("SELECT {} FROM vm_task WHERE service_id = :service AND run >= :since "
                          "ORDER BY started_at, upid",
                          task_columns),
              9};
    Sql wake, free_elsewhere, stop_elsewhere, wait, keep_task;
};

std::int64_t microseconds(Time time) {
    return time.time_since_epoch().count();
}

const SlotSql& sql_of(const Connection& connection) {
    return statements_of<SlotSql>(connection.dialect());
}

// A VM that asks, and for how long it has.
struct Asker {
    const Vm& vm;
    Time now;
    Time since;
    Time asks_by;
};

// By when it has asked again, if it still wants to: a step may fail before it gets there, for days,
// and must not hold anybody up. Late is late by three polls; or by a minute, so that a process that
// is busy or starts again costs nobody his turn.
Time asks_by(const Change& change) {
    const Time now = change.log.ended;
    const auto until_next = change.next.wake_at.value_or(now) - now;
    return now + std::max<Time::duration>(3 * until_next, std::chrono::minutes(1));
}

// Who asks again at the same place keeps his turn, whatever he was refused for before. One turn for
// all resources: if each had its own, two VMs could be ahead of each other.
Asker asker_of(Connection& connection, const Change& change) {
    const Vm& vm = change.next;
    const Time now = change.log.ended;
    const Rows rows =
        connection.run(sql_of(connection).since, {vm.service_id, vm.run, vm.state, vm.phase});
    return {.vm = vm,
            .now = now,
            .since = std::min(now, rows.maybe_time(0, 0).value_or(now)),
            .asks_by = asks_by(change)};
}

std::int64_t count_ahead(Connection& connection, const SlotClaim& claim, const Asker& asker) {
    const Rows ahead = connection.run(
        sql_of(connection).ahead,
        {claim.resource, microseconds(asker.now), microseconds(asker.since), asker.vm.service_id});
    return ahead.number(0, 0);
}

// The lowest number that nobody has; nullopt if as many as may be are taken, or older waiters will
// need what is left.
std::optional<std::int64_t> free_number(Connection& connection,
                                        const SlotClaim& claim,
                                        const Asker& asker) {
    const Rows taken = connection.run(sql_of(connection).taken, {claim.resource});
    const auto left = claim.limit - static_cast<std::int64_t>(taken.size());
    if (left <= 0) return std::nullopt;
    if (left <= count_ahead(connection, claim, asker)) return std::nullopt;
    std::int64_t n = 1;
    for (std::size_t i = 0; i < taken.size() && taken.number(i, 0) == n; ++i) ++n;
    return n;
}

bool take_one(Connection& connection, const SlotClaim& claim, const Asker& asker) {
    const SlotSql& sql = sql_of(connection);
    const Vm& vm = asker.vm;
    const std::int64_t now = microseconds(asker.now);
    const Rows renewed =
        connection.run(sql.renew, {vm.run, vm.state, vm.phase, now, claim.resource, vm.service_id});
    if (!renewed.empty()) return true;
    // Somebody else may take the number first; then there is one less, so this ends.
    while (const auto n = free_number(connection, claim, asker)) {
        const Rows took = connection.run(
            sql.take, {claim.resource, *n, vm.service_id, vm.run, vm.state, vm.phase, now});
        if (!took.empty()) return true;
    }
    return false;
}

void erase_held(Connection& connection, std::vector<SlotClaim>& claims, const Asker& asker) {
    const Vm& vm = asker.vm;
    const Rows held =
        connection.run(sql_of(connection).held, {vm.service_id, vm.run, vm.state, vm.phase});
    for (std::size_t i = 0; i < held.size(); ++i)
        std::erase_if(claims,
                      [&](const SlotClaim& claim) { return claim.resource == held.text(i, 0); });
}

// Where it could not be granted a slot even if nobody held one, since older waiters would get them.
std::vector<SlotClaim> far_behind(Connection& connection,
                                  const std::vector<SlotClaim>& claims,
                                  const Asker& asker) {
    std::vector<SlotClaim> far;
    for (const SlotClaim& claim : claims)
        if (count_ahead(connection, claim, asker) >= claim.limit) far.push_back(claim);
    return far;
}

// Who could be next waits for all that it asked for and does not hold, so that what becomes free is
// kept for it until it has all of it. Who stands far behind for one resource waits for that alone:
// a queue before one storage must not keep the whole cluster's slots.
void wait_for(Connection& connection, std::vector<SlotClaim> claims, const Asker& asker) {
    connection.run(sql_of(connection).stop_waiting, {asker.vm.service_id});
    erase_held(connection, claims, asker);
    const std::vector<SlotClaim> far = far_behind(connection, claims, asker);
    if (!far.empty()) claims = far;
    RowBatch rows;
    for (const SlotClaim& claim : claims)
        rows.row()
            .add("resource", claim.resource)
            .add("service", asker.vm.service_id)
            .add("run", asker.vm.run)
            .add("state", asker.vm.state)
            .add("phase", asker.vm.phase)
            .add("since", asker.since)
            .add("asks_by", asker.asks_by);
    connection.run(sql_of(connection).wait, rows);
}

void wake_waiters(Connection& connection, const Rows& freed, Time now) {
    std::map<std::string, std::int64_t> counts;
    for (std::size_t i = 0; i < freed.size(); ++i) ++counts[freed.text(i, 0)];
    const std::int64_t at = microseconds(now);
    for (const auto& [resource, count] : counts)
        connection.run(sql_of(connection).wake, {at, resource, at, at, count});
}

// In one order, so that two who want the same two never wait in a circle.
std::vector<SlotClaim> in_order(std::vector<SlotClaim> claims) {
    std::sort(claims.begin(), claims.end(), [](const SlotClaim& a, const SlotClaim& b) {
        return a.resource < b.resource;
    });
    return claims;
}

}  // namespace

void free_slots(Connection& connection, const Change& change) {
    stop_waiting_for_slots(connection, change);
    const Rows freed = connection.run(sql_of(connection).free, {change.next.service_id});
    wake_waiters(connection, freed, change.log.ended);
}

bool take_slots(Connection& connection, const Change& change) {
    if (change.claims.empty()) return true;
    const Asker asker = asker_of(connection, change);
    const std::vector<SlotClaim> claims = in_order(change.claims);
    return std::all_of(claims.begin(), claims.end(), [&](const SlotClaim& claim) {
        return take_one(connection, claim, asker);
    });
}

void wait_for_slots(Connection& connection, const Change& change) {
    wait_for(connection, in_order(change.claims), asker_of(connection, change));
}

void stop_waiting_for_slots(Connection& connection, const Change& change) {
    connection.run(sql_of(connection).stop_waiting, {change.next.service_id});
}

void keep_tasks(Connection& connection, std::span<const Change* const> changes) {
    RowBatch rows;
    for (const Change* change : changes)
        for (const TaskRow& task : change->tasks)
            rows.row()
                .add("upid", task.upid)
                .add("cluster", task.cluster)
                .add("service_id", task.service_id)
                .add("run", task.run)
                .add("step", task.step)
                .add("started_at", task.started_at)
                .add("deadline", task.deadline)
                .add("ended_at", task.ended_at)
                .add("exit_status", task.exit_status);
    if (!rows.empty()) connection.run(sql_of(connection).keep_task, rows);
}

std::vector<SlotRow> SqlStore::slots() {
    const Rows rows =
        pool_.read([&](Connection& c) { return c.run(statements_of<SlotSql>(dialect_).all); });
    std::vector<SlotRow> slots;
    for (std::size_t i = 0; i < rows.size(); ++i)
        slots.push_back({.resource = rows.text(i, 0),
                         .n = rows.small(i, 1),
                         .service_id = rows.text(i, 2),
                         .run = rows.number(i, 3),
                         .state = rows.text(i, 4),
                         .phase = rows.text(i, 5),
                         .taken_at = rows.time(i, 6)});
    return slots;
}

int SqlStore::sweep_slots(Time now) {
    return pool_.transaction([&](Connection& c) {
        const SlotSql& sql = sql_of(c);
        c.run(sql.stop_elsewhere);
        const Rows freed = c.run(sql.free_elsewhere);
        wake_waiters(c, freed, now);
        return static_cast<int>(freed.size());
    });
}

std::vector<TaskRow> SqlStore::tasks(std::string_view service_id, std::int64_t since_run) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<SlotSql>(dialect_).tasks, {service_id, since_run});
    });
    std::vector<TaskRow> tasks;
    for (std::size_t i = 0; i < rows.size(); ++i)
        tasks.push_back({.upid = rows.text(i, 0),
                         .cluster = rows.text(i, 1),
                         .service_id = rows.text(i, 2),
                         .run = rows.number(i, 3),
                         .step = rows.text(i, 4),
                         .started_at = rows.time(i, 5),
                         .deadline = rows.time(i, 6),
                         .ended_at = rows.maybe_time(i, 7),
                         .exit_status = rows.text(i, 8)});
    return tasks;
}

}  // namespace slipway
