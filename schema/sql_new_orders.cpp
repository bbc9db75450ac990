// New orders: what most requests are, and all they need is rows that are not there yet.
//
// One statement instead of a transaction of nine: it assumes that no request id and no VM of the
// batch is known or stands in it twice, and fails as a whole if one does. Then the general way
// finds out which.

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// Every other insert waits until all the VMs are in: locks are taken in the same order as on the
// general way, and parts of a statement promise no order of their own.
constexpr std::string_view once_vms_are_in = "FROM j WHERE (SELECT count(*) FROM vms) > 0";

constexpr std::string_view insert_requests =
    "INSERT INTO request (id, service_id, type, payload, status, why, traceparent, at) "
    "SELECT j.request_id, j.id, j.type, j.payload, 'accepted', j.why, j.request_traceparent, j.at ";

constexpr std::string_view order_columns =
    "version bigint, cluster text, target text, applied text, request_id text, traceparent text, "
    "type text, "
    "payload text, why text, request_traceparent text, at bigint";

struct NewOrdersSql {
    explicit NewOrdersSql(Dialect d)
        : insert(over_rows(d,
                           fmt::format("WITH j AS MATERIALIZED (SELECT * {{from_rows}}), "
                                       "vms AS ({vm}FROM j RETURNING 1), "
                                       "requests AS ({request}{then} "
                                       "ORDER BY j.request_id COLLATE \"C\"), "
                                       "details AS ({detail}{then}) "
                                       "{run}{then}",
                                       fmt::arg("vm", insert_vm),
                                       fmt::arg("request", insert_requests),
                                       fmt::arg("detail", insert_order_detail),
                                       fmt::arg("run", insert_run),
                                       fmt::arg("then", once_vms_are_in)),
                           fmt::format("{}, {}", vm_row_columns, order_columns))) {}

    Sql insert;
};

bool is_new_order(const Admitted& a) {
    return a.admission == Admission::Begin && a.version == 0 && !a.dead_letter &&
           a.next.service_id == a.request.service_id && a.next.request_id == a.request.id &&
           a.next.run <= runs_kept;
}

}  // namespace

bool are_new_orders(std::span<const Admitted> admitted) {
    return std::all_of(admitted.begin(), admitted.end(), is_new_order);
}

void insert_new_orders(Connection& connection, std::span<const Admitted> admitted) {
    std::vector<const Admitted*> sorted;
    for (const Admitted& a : admitted) sorted.push_back(&a);
    std::sort(sorted.begin(), sorted.end(), [](const Admitted* a, const Admitted* b) {
        return a->request.service_id < b->request.service_id;
    });
    RowBatch rows;
    for (const Admitted* a : sorted) {
        add_vm(rows.row(), a->next, a->version);
        add_order_detail(rows, a->next);
        rows.add("type", a->request.type)
            .add("payload", a->request.payload)
            .add("why", a->request.why)
            .add("request_traceparent", a->request.traceparent)
            .add("at", a->request.at);
    }
    connection.run(statements_of<NewOrdersSql>(connection.dialect()).insert, rows);
}

}  // namespace slipway
