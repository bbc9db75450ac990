#pragma once
// What several statements have in common: column lists, and rows written to or read from them.

#include <span>
#include <string>
#include <vector>

#include "schema/connection.h"
#include "schema/row_batch.h"
#include "schema/store.h"

namespace slipway {

// How many runs of one VM keep their log.
constexpr std::int64_t runs_kept = 50;

RowBatch id_rows(std::span<const std::string> ids);

// vm and vm_detail as `d`, without the key; read_vm() takes them from column 0, service_id first.
extern const std::string_view vm_columns;
constexpr int vm_column_count = 31;
Vm read_vm(const Rows& rows, std::size_t row);

extern const std::string_view step_columns;
constexpr int step_column_count = 16;
StepRow read_step(const Rows& rows, std::size_t row);

extern const std::string_view request_columns;
constexpr int request_column_count = 8;
RequestRow read_request(const Rows& rows, std::size_t row);

// The row of vm as it shall be, and the same as columns for over_rows(). `version_was` goes along
// for the comparison. Throws std::logic_error unless a row that is there is raised by one version.
void add_vm(RowBatch& rows, const Vm& next, std::int64_t version_was);
// All of it but the version, which a row that is there need not be told.
extern const std::string_view vm_row_columns;
// "pipeline = j.pipeline, …" for all of them but wake_at and queued.
extern const std::string_view set_vm;
// "INSERT INTO vm (…) SELECT j.id, …", what it selects from comes after it; so below. Needs one
// column more: "version bigint".
extern const std::string_view insert_vm;

// The row of vm_detail, all of it.
void add_detail(RowBatch& rows, const Vm& next);
Sql upsert_detail(Dialect dialect);
// The part of it that an order brings. A VM that begins has nothing else yet.
void add_order_detail(RowBatch& rows, const Vm& next);
extern const std::string_view insert_order_detail;
Sql upsert_order_detail(Dialect dialect);

// Of id, run, pipeline, request_id and at.
extern const std::string_view insert_run;

// Inserts what is not known yet. Within the caller's transaction.
void insert_dead_letters(Connection& connection, std::span<const DeadLetterRow> letters);

// The sweep (now, most, until), for whoever wants to see its plan.
const Sql& take_due_sql(Dialect dialect);

// A batch of nothing but orders for VMs that nobody has heard of yet, on PostgreSQL: one statement,
// which is its own transaction. Throws KeyTaken if any of their keys is known after all.
bool are_new_orders(std::span<const Admitted> admitted);
void insert_new_orders(Connection& connection, std::span<const Admitted> admitted);

// Within the transaction of the changes, for those that won, or for all of them if they are tasks.
void keep_tasks(Connection& connection, std::span<const Change* const> changes);
void save_dns_records(Connection& connection, std::span<const Change* const> changes);
void save_letters(Connection& connection, std::span<const Change* const> changes);

// Of VMs (id) that begin a run (run): forgets the runs this makes too old.
void forget_old_runs(Connection& connection, const RowBatch& begun);

}  // namespace slipway
