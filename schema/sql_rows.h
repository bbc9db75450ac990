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
constexpr int vm_column_count = 20;
Vm read_vm(const Rows& rows, std::size_t row);

extern const std::string_view step_columns;
constexpr int step_column_count = 16;
StepRow read_step(const Rows& rows, std::size_t row);

extern const std::string_view request_columns;
constexpr int request_column_count = 8;
RequestRow read_request(const Rows& rows, std::size_t row);

// The row of vm as it shall be, and the same as columns for over_rows(). `version_was` goes along
// for the comparison.
void add_vm(RowBatch& rows, const Vm& next, std::int64_t version_was);
extern const std::string_view vm_row_columns;
// "pipeline = j.pipeline, …" for all of them but wake_at and queued.
extern const std::string_view set_vm;

void add_detail(RowBatch& rows, const Vm& next);
extern const std::string_view detail_row_columns;
Sql upsert_detail(Dialect dialect);

// Inserts what is not known yet. Within the caller's transaction.
void insert_dead_letters(Connection& connection, std::span<const DeadLetterRow> letters);

// The sweep (now, most, until), for whoever wants to see its plan.
const Sql& take_due_sql(Dialect dialect);

// Of VMs (id) that begin a run (run): forgets the runs this makes too old.
void forget_old_runs(Connection& connection, const RowBatch& begun);

}  // namespace slipway
