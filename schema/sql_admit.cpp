// Requests: what intake decided, grouped. One transaction, a handful of statements; where all of a
// batch are new orders, as most are, PostgreSQL has a short way: see sql_new_orders.cpp.
//
// Locks are taken in one order everywhere (vm rows by service_id, new vm rows, requests by id), so
// that two batches wait for each other but never in a circle.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// A parked or removed VM never comes to rest again, so nothing may wait behind it.
constexpr std::string_view queue_text =
    "UPDATE vm SET queued = vm.queued + 1, "
    "wake_at = CASE WHEN vm.state = 'ready' THEN j.at ELSE vm.wake_at END {from_rows} "
    "WHERE vm.service_id = j.id AND vm.state NOT IN ('remove', 'error_terminate') "
    "RETURNING service_id";

constexpr std::string_view insert_request_text =
    "INSERT INTO request (id, service_id, type, payload, status, why, traceparent, at) "
    "SELECT j.id, j.service_id, j.type, j.payload, j.status, j.why, j.traceparent, j.at "
    "{from_rows} WHERE true ON CONFLICT (id) DO NOTHING RETURNING id";

constexpr std::string_view interrupt_request_text =
    "UPDATE request SET status = 'done', why = 'interrupted by request ' || j.request_id "
    "FROM {rows_and} run r WHERE r.service_id = j.id AND r.run < j.run "
    "AND r.ended IS NULL AND request.id = r.request_id";

constexpr std::string_view interrupt_run_text =
    "UPDATE run SET result = 'error', error = 'interrupted by request ' || j.request_id, "
    "ended = j.at {from_rows} WHERE run.service_id = j.id AND run.run < j.run "
    "AND run.ended IS NULL";

constexpr std::string_view request_row_columns =
    "id text, service_id text, type text, payload text, status text, why text, traceparent text, "
    "at bigint";

constexpr std::string_view run_row_columns =
    "id text, run bigint, pipeline text, request_id text, at bigint";

struct AdmitSql {
    explicit AdmitSql(Dialect d)
        : known(over_rows(
              d, "SELECT r.id FROM {rows_and} request r WHERE r.id = j.id", "id text", 1)),
          lock(over_rows(d,
                         "SELECT vm.service_id FROM {rows_and} vm WHERE vm.service_id = "
                         "j.id ORDER BY vm.service_id FOR NO KEY UPDATE OF vm",
                         "id text",
                         1)),
          insert_vm(over_rows(d,
                              fmt::format("{}{{from_rows}} WHERE true ON CONFLICT DO NOTHING "
                                          "RETURNING service_id",
                                          slipway::insert_vm),
                              fmt::format("{}, version bigint", vm_row_columns),
                              1)),
          update_vm(over_rows(d,
                              fmt::format("UPDATE vm SET {}, wake_at = j.wake_at {{from_rows}} "
                                          "WHERE vm.service_id = j.id "
                                          "AND vm.version = j.version_was RETURNING service_id",
                                          set_vm),
                              vm_row_columns,
                              1)),
          queue(over_rows(d, queue_text, "id text, at bigint", 1)),
          request(over_rows(d, insert_request_text, request_row_columns, 1)),
          new_detail(upsert_order_detail(d)),
          detail(upsert_detail(d)),
          interrupt_request(over_rows(d, interrupt_request_text, run_row_columns)),
          interrupt_run(over_rows(d, interrupt_run_text, run_row_columns)),
          begin_run(over_rows(d, fmt::format("{}{{from_rows}}", insert_run), run_row_columns)) {}

    Sql known, lock, insert_vm, update_vm, queue, request, new_detail, detail, interrupt_request,
        interrupt_run, begin_run;
};

struct RequestSql {
    explicit RequestSql(Dialect d)
        : by_id(over_rows(d,
                          fmt::format("SELECT {} FROM {{rows_and}} request r "
                                      "WHERE r.id = j.id",
                                      request_columns),
                          "id text",
                          request_column_count)),
          next_queued{fmt::format("SELECT {} FROM request r WHERE r.service_id = :service "
                                  "AND r.status = 'queued' ORDER BY r.place LIMIT 1",
                                  request_columns),
                      request_column_count} {}

    Sql by_id, next_queued;
};

// Another intake committed one of these request ids after we had looked for them.
struct Overtaken : std::runtime_error {
    Overtaken()
        : std::runtime_error("database: a request was admitted by someone else meanwhile") {}
};

bool begins(const Admitted& a) {
    return a.admission == Admission::Begin || a.admission == Admission::Start ||
           a.admission == Admission::Interrupt;
}

// One batch on its way in: who is still in the running, by service.
class Batch {
  public:
    Batch(Connection& connection, std::span<const Admitted> admitted)
        : connection_(connection),
          sql_(statements_of<AdmitSql>(connection.dialect())),
          admitted_(admitted),
          results_(admitted.size(), AdmitResult::Lost) {}

    std::vector<AdmitResult> run() {
        choose();
        if (chosen_.empty()) return results_;
        lock_vms();
        std::vector<const Admitted*> won;
        write_vms(won);
        insert_requests(won);
        begin_runs(won);
        reject(won);
        for (const Admitted* a : won)
            results_[static_cast<std::size_t>(a - admitted_.data())] = AdmitResult::Done;
        return results_;
    }

  private:
    // Requests that are known are answered so. Of several for one VM the first is taken: it moves
    // the row, so that the others have to be decided again.
    void choose() {
        RowBatch ids;
        for (const Admitted& a : admitted_) ids.row().add("id", a.request.id);
        const Rows rows = connection_.run(sql_.known, ids);
        std::set<std::string_view> known, services, requests;
        for (std::size_t i = 0; i < rows.size(); ++i) known.insert(rows.text(i, 0));
        for (std::size_t i = 0; i < admitted_.size(); ++i) {
            const Admitted& a = admitted_[i];
            if (known.contains(a.request.id)) {
                results_[i] = AdmitResult::Known;
            } else if (requests.insert(a.request.id).second &&
                       services.insert(a.request.service_id).second) {
                chosen_.push_back(&a);
            }
        }
        std::sort(chosen_.begin(), chosen_.end(), [](const Admitted* a, const Admitted* b) {
            return a->request.service_id < b->request.service_id;
        });
    }

    void lock_vms() {
        if (connection_.dialect() == Dialect::Sqlite || chosen_.size() == 1) return;
        RowBatch ids;
        for (const Admitted* a : chosen_) ids.row().add("id", a->request.service_id);
        connection_.run(sql_.lock, ids);
    }

    void write_vms(std::vector<const Admitted*>& won) {
        RowBatch updated, queued, inserted;
        for (const Admitted* a : chosen_) {
            if (a->admission == Admission::Reject) {
                won.push_back(a);
            } else if (a->admission == Admission::Queue) {
                queued.row().add("id", a->request.service_id).add("at", a->request.at);
            } else {
                add_vm((a->version == 0 ? inserted : updated).row(), a->next, a->version);
            }
        }
        std::set<std::string> moved;
        const auto write = [&](const Sql& sql, RowBatch& rows) {
            if (rows.empty()) return;
            const Rows ids = connection_.run(sql, rows);
            for (std::size_t i = 0; i < ids.size(); ++i) moved.insert(ids.text(i, 0));
        };
        write(sql_.update_vm, updated);
        write(sql_.queue, queued);
        write(sql_.insert_vm, inserted);
        for (const Admitted* a : chosen_)
            if (moved.contains(a->request.service_id)) won.push_back(a);
    }

    void insert_requests(std::vector<const Admitted*> won) {
        if (won.empty()) return;
        std::sort(won.begin(), won.end(), [](const Admitted* a, const Admitted* b) {
            return a->request.id < b->request.id;
        });
        RowBatch rows;
        for (const Admitted* a : won) {
            const RequestRow& request = a->request;
            rows.row()
                .add("id", request.id)
                .add("service_id", request.service_id)
                .add("type", request.type)
                .add("payload", request.payload)
                .add("status", status_of(a->admission))
                .add("why", request.why)
                .add("traceparent", request.traceparent)
                .add("at", request.at);
        }
        if (connection_.run(sql_.request, rows).size() < won.size()) throw Overtaken();
    }

    void begin_runs(const std::vector<const Admitted*>& won) {
        RowBatch new_details, details, interrupting, begun, long_lived;
        const auto add_run = [](RowBatch& rows, const Admitted& a) {
            rows.row()
                .add("id", a.next.service_id)
                .add("run", a.next.run)
                .add("pipeline", a.next.pipeline)
                .add("request_id", a.request.id)
                .add("at", a.request.at);
        };
        for (const Admitted* a : won) {
            if (!begins(*a)) continue;
            if (a->version == 0)
                add_order_detail(new_details.row().add("id", a->next.service_id), a->next);
            else
                add_detail(details.row().add("id", a->next.service_id), a->next);
            add_run(begun, *a);
            if (a->admission == Admission::Interrupt) add_run(interrupting, *a);
            if (a->next.run > runs_kept) add_run(long_lived, *a);
        }
        if (begun.empty()) return;
        connection_.run(sql_.new_detail, new_details);
        connection_.run(sql_.detail, details);
        if (!interrupting.empty()) {
            connection_.run(sql_.interrupt_request, interrupting);
            connection_.run(sql_.interrupt_run, interrupting);
        }
        connection_.run(sql_.begin_run, begun);
        if (!long_lived.empty()) forget_old_runs(connection_, long_lived);
    }

    void reject(const std::vector<const Admitted*>& won) {
        std::vector<DeadLetterRow> letters;
        for (const Admitted* a : won)
            if (a->dead_letter) letters.push_back(*a->dead_letter);
        insert_dead_letters(connection_, letters);
    }

    Connection& connection_;
    const AdmitSql& sql_;
    std::span<const Admitted> admitted_;
    std::vector<AdmitResult> results_;
    std::vector<const Admitted*> chosen_;
};

}  // namespace

std::string_view status_of(Admission admission) {
    switch (admission) {
        case Admission::Begin:
        case Admission::Start:
        case Admission::Interrupt:
            return "accepted";
        case Admission::Queue:
            return "queued";
        case Admission::Reject:
            return "rejected";
    }
    throw std::logic_error("an admission is one of five");
}

std::vector<AdmitResult> SqlStore::admit(std::span<const Admitted> admitted) {
    if (admitted.empty()) return {};
    if (dialect_ == Dialect::PostgreSql && are_new_orders(admitted)) {
        try {
            return pool_.write([&](Connection& c) {
                insert_new_orders(c, admitted);
                return std::vector<AdmitResult>(admitted.size(), AdmitResult::Done);
            });
        } catch (const KeyTaken&) {
            // Not all of them are new. The general way finds out which.
        }
    }
    const auto once = [&] {
        return pool_.transaction([&](Connection& c) { return Batch(c, admitted).run(); });
    };
    try {
        return once();
    } catch (const Overtaken&) {
        return once();  // now it sees what it was overtaken by
    }
}

std::vector<RequestRow> SqlStore::requests(std::span<const std::string> ids) {
    if (ids.empty()) return {};
    const RowBatch wanted = id_rows(ids);
    const Rows rows = pool_.read(
        [&](Connection& c) { return c.run(statements_of<RequestSql>(dialect_).by_id, wanted); });
    std::vector<RequestRow> found;
    for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(read_request(rows, i));
    return found;
}

std::optional<RequestRow> SqlStore::next_queued(std::string_view service_id) {
    const Rows rows = pool_.read([&](Connection& c) {
        return c.run(statements_of<RequestSql>(dialect_).next_queued, {service_id});
    });
    if (rows.empty()) return std::nullopt;
    return read_request(rows, 0);
}

}  // namespace slipway
