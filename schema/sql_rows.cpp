#include "schema/sql_rows.h"

#include <fmt/format.h>

#include <stdexcept>

#include "schema/sql_store_parts.h"

namespace slipway {

const std::string_view vm_columns =
    "vm.service_id, vm.pipeline, vm.state, vm.phase, vm.run, vm.version, vm.wake_at, vm.queued, "
    "vm.log_row, vm.failures, vm.answer, vm.answered_at, vm.told_at, vm.last_error_action, "
    "vm.last_error, d.cluster, d.target, d.applied, d.request_id, d.traceparent, "
    "d.client, d.product, d.node, d.vmid, d.name, d.domain, d.username, d.password, d.mac, "
    "d.rev_dns, d.service_status";

const std::string_view step_columns =
    "service_id, run, row, pipeline, number, label, result, text, lines, left_state, "
    "reached_state, began, ended, attempts, writer, told_as";

const std::string_view request_columns =
    "r.id, r.service_id, r.type, r.payload, r.status, r.why, r.traceparent, r.at";

const std::string_view vm_row_columns =
    "id text, version_was bigint, pipeline text, state text, phase text, run bigint, "
    "wake_at bigint null, log_row integer, failures integer, answer text, "
    "answered_at bigint, told_at bigint, last_error_action text, last_error text";

const std::string_view set_vm =
    "pipeline = j.pipeline, state = j.state, phase = j.phase, run = j.run, "
    "version = vm.version + 1, log_row = j.log_row, failures = j.failures, answer = j.answer, "
    "answered_at = j.answered_at, "
    "told_at = j.told_at, last_error_action = j.last_error_action, last_error = j.last_error";

const std::string_view insert_vm =
    "INSERT INTO vm (service_id, pipeline, state, phase, run, version, wake_at, queued, log_row, "
    "failures, answer, answered_at, told_at, last_error_action, last_error) "
    "SELECT j.id, j.pipeline, j.state, j.phase, j.run, j.version, j.wake_at, 0, j.log_row, "
    "j.failures, j.answer, j.answered_at, j.told_at, j.last_error_action, j.last_error ";

const std::string_view insert_order_detail =
    "INSERT INTO vm_detail (service_id, cluster, target, applied, request_id, traceparent) "
    "SELECT j.id, j.cluster, j.target, j.applied, j.request_id, j.traceparent ";

const std::string_view insert_run =
    "INSERT INTO run (service_id, run, pipeline, result, error, request_id, began) "
    "SELECT j.id, j.run, j.pipeline, 'waiting', '', j.request_id, j.at ";

namespace {

constexpr std::string_view order_detail_columns =
    "id text, cluster text, target text, applied text, request_id text, traceparent text";

constexpr std::string_view identity_columns =
    "client text, product text, node text, vmid bigint, name text, domain text, username text, "
    "password text, mac text, rev_dns text, service_status text";

// A row with these columns, whether there is one or not. The first is the key, called id.
Sql upsert_into_detail(Dialect dialect, std::string_view list) {
    std::string names, values, sets;
    for (const RowColumn& column : row_columns(list)) {
        if (column.name == "id") continue;
        names += ", " + column.name;
        values += ", j." + column.name;
        sets +=
            fmt::format("{}{} = excluded.{}", sets.empty() ? "" : ", ", column.name, column.name);
    }
    return over_rows(dialect,
                     fmt::format("INSERT INTO vm_detail (service_id{}) SELECT j.id{} {{from_rows}} "
                                 "WHERE true ON CONFLICT (service_id) DO UPDATE SET {}",
                                 names,
                                 values,
                                 sets),
                     list);
}

}  // namespace

RowBatch id_rows(std::span<const std::string> ids) {
    RowBatch rows;
    for (const std::string& id : ids) rows.row().add("id", id);
    return rows;
}

Vm read_vm(const Rows& rows, std::size_t row) {
    return {
        .service_id = rows.text(row, 0),
        .pipeline = rows.text(row, 1),
        .state = rows.text(row, 2),
        .phase = rows.text(row, 3),
        .run = rows.number(row, 4),
        .version = rows.number(row, 5),
        .wake_at = rows.maybe_time(row, 6),
        .queued = rows.small(row, 7),
        .log_row = rows.small(row, 8),
        .failures = rows.small(row, 9),
        .answer = rows.text(row, 10),
        .answered_at = rows.time(row, 11),
        .told_at = rows.time(row, 12),
        .last_error_action = rows.text(row, 13),
        .last_error = rows.text(row, 14),
        .cluster = rows.text(row, 15),
        .target = rows.text(row, 16),
        .applied = rows.text(row, 17),
        .request_id = rows.text(row, 18),
        .traceparent = rows.text(row, 19),
        .client = rows.text(row, 20),
        .product = rows.text(row, 21),
        .node = rows.text(row, 22),
        .vmid = rows.number(row, 23),
        .name = rows.text(row, 24),
        .domain = rows.text(row, 25),
        .username = rows.text(row, 26),
        .password = rows.text(row, 27),
        .mac = rows.text(row, 28),
        .rev_dns = rows.text(row, 29),
        .service_status = rows.text(row, 30),
    };
}

StepRow read_step(const Rows& rows, std::size_t row) {
    return {
        .service_id = rows.text(row, 0),
        .run = rows.number(row, 1),
        .row = rows.small(row, 2),
        .pipeline = rows.text(row, 3),
        .number = rows.small(row, 4),
        .label = rows.text(row, 5),
        .result = rows.text(row, 6),
        .text = rows.text(row, 7),
        .lines = rows.text(row, 8),
        .from = rows.text(row, 9),
        .to = rows.text(row, 10),
        .began = rows.time(row, 11),
        .ended = rows.time(row, 12),
        .attempts = rows.number(row, 13),
        .writer = rows.text(row, 14),
        .told_as = rows.number(row, 15),
    };
}

RequestRow read_request(const Rows& rows, std::size_t row) {
    return {
        .id = rows.text(row, 0),
        .service_id = rows.text(row, 1),
        .type = rows.text(row, 2),
        .payload = rows.text(row, 3),
        .status = rows.text(row, 4),
        .why = rows.text(row, 5),
        .traceparent = rows.text(row, 6),
        .at = rows.time(row, 7),
    };
}

void add_vm(RowBatch& rows, const Vm& next, std::int64_t version_was) {
    if (version_was != 0 && next.version != version_was + 1) {
        throw std::logic_error(fmt::format("version {} of {} is not the one after {}",
                                           next.version,
                                           next.service_id,
                                           version_was));
    }
    rows.add("id", next.service_id)
        .add("version_was", version_was)
        .add("pipeline", next.pipeline)
        .add("state", next.state)
        .add("phase", next.phase)
        .add("run", next.run)
        .add("version", next.version)
        .add("wake_at", next.wake_at)
        .add("log_row", next.log_row)
        .add("failures", next.failures)
        .add("answer", next.answer)
        .add("answered_at", next.answered_at)
        .add("told_at", next.told_at)
        .add("last_error_action", next.last_error_action)
        .add("last_error", next.last_error);
}

void add_order_detail(RowBatch& rows, const Vm& next) {
    rows.add("cluster", next.cluster)
        .add("target", next.target)
        .add("applied", next.applied)
        .add("request_id", next.request_id)
        .add("traceparent", next.traceparent);
}

void add_detail(RowBatch& rows, const Vm& next) {
    add_order_detail(rows, next);
    rows.add("client", next.client)
        .add("product", next.product)
        .add("node", next.node)
        .add("vmid", next.vmid)
        .add("name", next.name)
        .add("domain", next.domain)
        .add("username", next.username)
        .add("password", next.password)
        .add("mac", next.mac)
        .add("rev_dns", next.rev_dns)
        .add("service_status", next.service_status);
}

Sql upsert_order_detail(Dialect dialect) {
    return upsert_into_detail(dialect, order_detail_columns);
}

Sql upsert_detail(Dialect dialect) {
    return upsert_into_detail(dialect,
                              fmt::format("{}, {}", order_detail_columns, identity_columns));
}

namespace {

struct ForgetSql {
    explicit ForgetSql(Dialect dialect) {
        const std::string old = fmt::format(
            "(SELECT r.service_id, r.run FROM {{rows_and}} run r "
            "WHERE r.service_id = j.id AND r.run <= j.run - {})",
            runs_kept);
        const auto forget = [&](std::string_view table) {
            return over_rows(dialect,
                             fmt::format("DELETE FROM {} WHERE (service_id, run) IN ", table) + old,
                             "id text, run bigint");
        };
        steps = forget("run_step");
        tasks = forget("vm_task");
        runs = forget("run");
    }
    Sql steps, tasks, runs;
};

}  // namespace

void forget_old_runs(Connection& connection, const RowBatch& begun) {
    const auto& sql = statements_of<ForgetSql>(connection.dialect());
    connection.run(sql.steps, begun);
    connection.run(sql.tasks, begun);
    connection.run(sql.runs, begun);
}

}  // namespace slipway
