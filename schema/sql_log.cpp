// The log of runs, for people and for whoever takes up a dead process's step-events.

#include <fmt/format.h>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

struct LogSql {
    explicit LogSql(Dialect) {
        saved = {"SELECT 1 FROM run_step WHERE writer = :writer AND told_as = :told LIMIT 1", 1};
        heartbeat.text =
            "INSERT INTO writer (writer, heartbeat, published_below) VALUES (:w, :now, :below) "
            "ON CONFLICT (writer) DO UPDATE SET heartbeat = excluded.heartbeat, "
            "published_below = excluded.published_below";
        silent = {
            "SELECT writer, published_below FROM writer WHERE heartbeat < :since "
            "ORDER BY heartbeat",
            2};
        told = {fmt::format("SELECT {} FROM run_step WHERE writer = :writer AND told_as >= :told "
                            "ORDER BY told_as LIMIT :most",
                            step_columns),
                step_column_count};
        forget.text = "DELETE FROM writer WHERE writer = :writer";
        runs = {
            "SELECT service_id, run, pipeline, result, error, request_id, began, ended FROM run "
            "WHERE service_id = :service ORDER BY run DESC LIMIT :most",
            8};
        steps = {fmt::format("SELECT {} FROM run_step WHERE service_id = :service AND run = :run "
                             "ORDER BY row",
                             step_columns),
                 step_column_count};
        list = {fmt::format("SELECT {} FROM vm LEFT JOIN vm_detail d ON d.service_id = "
                            "vm.service_id WHERE vm.service_id > :after AND (:any = '' OR "
                            "vm.state = :state) ORDER BY vm.service_id LIMIT :most",
                            vm_columns),
                vm_column_count};
        count = {
            "SELECT pipeline, state, count(*) FROM vm "
            "WHERE service_id >= :prefix AND service_id < :beyond GROUP BY pipeline, state "
            "ORDER BY pipeline, state",
            3};
    }

    Sql saved, heartbeat, silent, told, forget, runs, steps, list, count;
};

std::vector<StepRow> read_steps(const Rows& rows) {
    std::vector<StepRow> steps;
    for (std::size_t i = 0; i < rows.size(); ++i) steps.push_back(read_step(rows, i));
    return steps;
}

}  // namespace

bool SqlStore::was_saved(std::string_view writer, std::int64_t told_as) {
    return pool_.read([&](Connection& c) {
        return !c.run(statements_of<LogSql>(dialect_).saved, {writer, told_as}).empty();
    });
}

void SqlStore::heartbeat(std::string_view writer, std::int64_t published_below, Time now) {
    pool_.write([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).heartbeat,
                     {writer, std::int64_t{now.time_since_epoch().count()}, published_below});
    });
}

std::vector<SilentWriter> SqlStore::silent_writers(Time since) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).silent,
                     {std::int64_t{since.time_since_epoch().count()}});
    });
    std::vector<SilentWriter> writers;
    for (std::size_t i = 0; i < rows.size(); ++i)
        writers.push_back({.writer = rows.text(i, 0), .published_below = rows.number(i, 1)});
    return writers;
}

std::vector<StepRow> SqlStore::told_from(std::string_view writer, std::int64_t from, int most) {
    return read_steps(pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).told, {writer, from, std::int64_t{most}});
    }));
}

void SqlStore::forget_writer(std::string_view writer) {
    pool_.write(
        [&](Connection& c) { return c.run(statements_of<LogSql>(dialect_).forget, {writer}); });
}

std::vector<RunRow> SqlStore::runs(std::string_view service_id, int most) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).runs, {service_id, std::int64_t{most}});
    });
    std::vector<RunRow> runs;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        runs.push_back({
            .service_id = rows.text(i, 0),
            .run = rows.number(i, 1),
            .pipeline = rows.text(i, 2),
            .result = rows.text(i, 3),
            .error = rows.text(i, 4),
            .request_id = rows.text(i, 5),
            .began = rows.time(i, 6),
            .ended = rows.maybe_time(i, 7),
        });
    }
    return runs;
}

std::vector<StepRow> SqlStore::steps(std::string_view service_id, std::int64_t run) {
    return read_steps(pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).steps, {service_id, run});
    }));
}

std::vector<Vm> SqlStore::list_vms(const VmFilter& filter) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).list,
                     {filter.after, filter.state, filter.state, std::int64_t{filter.most}});
    });
    std::vector<Vm> vms;
    for (std::size_t i = 0; i < rows.size(); ++i) vms.push_back(read_vm(rows, i));
    return vms;
}

std::vector<StateCount> SqlStore::count_states(std::string_view prefix) {
    const std::string beyond = std::string(prefix) + "\U0010FFFF";
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<LogSql>(dialect_).count, {prefix, std::string_view(beyond)});
    });
    std::vector<StateCount> counts;
    for (std::size_t i = 0; i < rows.size(); ++i)
        counts.push_back(
            {.pipeline = rows.text(i, 0), .state = rows.text(i, 1), .vms = rows.number(i, 2)});
    return counts;
}

}  // namespace slipway
