// Saving answers: the hot path.
//
// PostgreSQL: one statement for the whole batch, which is its own transaction. It updates the vm
// rows that still have their version and feeds what it won to the log, the run and the request.
// SQLite has no data-modifying CTE: the same in a transaction, a prepared statement per table.
//
// What few changes carry (a new target, a parked VM, a queued request begun) follows in further
// statements for the winners, and makes it an explicit transaction on both.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "schema/sql_claims.h"
#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

constexpr std::string_view change_columns =
    "takes integer, rejects integer, log_pipeline text, number integer, label text, result text, "
    "text text, lines text, left_state text, began bigint, ended bigint, writer text, "
    "told_as bigint";

// Only in batches in which at least one change touches its run.
constexpr std::string_view run_columns =
    "run_result text, run_error text, ends_run integer, request_id text";

// A VM that comes to rest looks at the queue in this very statement: a sub-select would miss a
// request that was committed meanwhile, the column does not.
constexpr std::string_view update_vm =
    "UPDATE vm SET {}, wake_at = CASE WHEN j.rejects = 1 THEN NULL "
    "WHEN j.wake_at IS NULL AND vm.queued > 0 THEN j.ended ELSE j.wake_at END, "
    "queued = CASE WHEN j.rejects = 1 THEN 0 ELSE vm.queued - j.takes END "
    "{{from_rows}} WHERE vm.service_id = j.id AND vm.version = j.version_was RETURNING ";

constexpr std::string_view insert_step =
    "INSERT INTO run_step (service_id, run, row, pipeline, number, label, result, text, lines, "
    "left_state, reached_state, began, ended, attempts, writer, told_as) "
    "SELECT j.id, j.run, j.log_row, CASE WHEN j.log_pipeline = '' THEN j.pipeline "
    "ELSE j.log_pipeline END, j.number, j.label, j.result, j.text, j.lines, j.left_state, "
    "CASE WHEN j.phase = '' THEN j.state ELSE j.phase END, j.began, j.ended, 1, j.writer, "
    "j.told_as {source}";

// Only in batches in which at least one answer repeats the one before: looking for the conflict is
// a twelfth of the statement.
constexpr std::string_view count_up =
    " WHERE true ON CONFLICT (service_id, run, row) DO UPDATE SET "
    "attempts = run_step.attempts + 1, result = excluded.result, text = excluded.text, "
    "lines = excluded.lines, ended = excluded.ended, writer = excluded.writer, "
    "told_as = excluded.told_as";

constexpr std::string_view update_run =
    "UPDATE run SET result = j.run_result, error = j.run_error, "
    "ended = CASE WHEN j.ends_run = 1 THEN j.ended END {source} "
    "WHERE j.run_result <> '' AND run.service_id = j.id AND run.run = j.run";

constexpr std::string_view update_request =
    "UPDATE request SET status = 'done' {source} "
    "WHERE j.ends_run = 1 AND request.id = j.request_id";

std::string from(std::string_view text, std::string_view source) {
    return fmt::format(fmt::runtime(text), fmt::arg("source", source));
}

struct SaveSql {
    explicit SaveSql(Dialect d) {
        const std::string lean = fmt::format("{}, {}", vm_row_columns, change_columns);
        const std::string full = fmt::format("{}, {}", lean, run_columns);
        const std::string update = fmt::format(fmt::runtime(update_vm), set_vm);
        if (d == Dialect::Sqlite) {
            vms = over_rows(d, update + "service_id, wake_at, queued", lean, 3);
            log = over_rows(d, from(insert_step, "{from_rows}") + std::string(count_up), lean);
            runs = over_rows(d, from(update_run, "{from_rows}"), full);
            requests = over_rows(d, from(update_request, "{from_rows}"), full);
            return;
        }
        // The winners, with all the columns of j, are what the other tables get.
        const std::string won = "WITH won AS (" + update +
                                "j.*, vm.wake_at AS won_wake_at, vm.queued AS won_queued), " +
                                "logged AS (" + from(insert_step, "FROM won AS j");
        const std::string ran = ", ran AS (" + from(update_run, "FROM won AS j") + "), asked AS (" +
                                from(update_request, "FROM won AS j") + ")";
        const std::string answer = " SELECT id, won_wake_at, won_queued FROM won";
        for (const bool repeats : {false, true}) {
            const std::string logged = fmt::format("{}{})", won, repeats ? count_up : "");
            steps[repeats] = over_rows(d, fmt::format("{}{}", logged, answer), lean, 3);
            steps_and_runs[repeats] =
                over_rows(d, fmt::format("{}{}{}", logged, ran, answer), full, 3);
        }
    }

    std::array<Sql, 2> steps, steps_and_runs;  // PostgreSQL, without and with answers that repeat
    Sql vms, log, runs, requests;              // SQLite
};

struct RareSql {
    explicit RareSql(Dialect d)
        : detail(upsert_detail(d)),
          accept(over_rows(d,
                           "UPDATE request SET status = 'accepted' {from_rows} "
                           "WHERE request.id = j.request_id",
                           "request_id text")),
          begin_run(over_rows(d,
                              fmt::format("{}{{from_rows}}", insert_run),
                              "id text, run bigint, pipeline text, request_id text, at bigint")),
          reject(over_rows(d,
                           "UPDATE request SET status = 'rejected', why = j.reason {from_rows} "
                           "WHERE request.service_id = j.service AND request.status = 'queued' "
                           "RETURNING id, service_id, type, why",
                           "service text, reason text",
                           4)),
          activity(over_rows(d,
                             "INSERT INTO activity (service_id, run, kind, text, at) SELECT j.id, "
                             "j.run, j.kind, j.text, j.at {from_rows} WHERE true "
                             "ON CONFLICT DO NOTHING",
                             "id text, run bigint, kind text, text text, at bigint")) {}

    Sql detail, accept, begin_run, reject, activity;
};

using Changes = std::vector<const Change*>;

Changes sorted(std::span<const Change> changes) {
    Changes sorted;
    sorted.reserve(changes.size());
    for (const Change& change : changes) sorted.push_back(&change);
    std::sort(sorted.begin(), sorted.end(), [](const Change* a, const Change* b) {
        return a->next.service_id < b->next.service_id;
    });
    const auto twice =
        std::adjacent_find(sorted.begin(), sorted.end(), [](const Change* a, const Change* b) {
            return a->next.service_id == b->next.service_id;
        });
    if (twice != sorted.end()) {
        throw std::logic_error("a batch holds one change per VM, this one has two of " +
                               (*twice)->next.service_id);
    }
    return sorted;
}

bool touches_run(const Change& change) {
    return change.touches_run || change.ends_run;
}

// What the database is not told, because it follows.
void check_log(const Change& change) {
    const StepRow& log = change.log;
    const Vm& next = change.next;
    if (log.service_id != next.service_id || log.run != next.run || log.row != next.log_row) {
        throw std::logic_error("the log row of a change is the newest of its run, not so for " +
                               next.service_id);
    }
    if (log.to != (next.phase.empty() ? next.state : next.phase)) {
        throw std::logic_error(fmt::format(
            "the log of {} says it came to {}, its row does not", next.service_id, log.to));
    }
    if (touches_run(change) && change.run_result.empty()) {
        throw std::logic_error("a change that touches its run says how it stands, not so for " +
                               next.service_id);
    }
}

enum class Layout { Steps, StepsAndRuns };

bool is_rare(const Change& change) {
    return change.changes_detail || change.rejects_queued || !change.starts_request.empty() ||
           change.activity || change.dead_letter || change.letter || change.dns_records ||
           claims_anything(change) || change.frees_slots || !change.tasks.empty();
}

std::string_view only_if(bool needed, std::string_view text) {
    return needed ? text : std::string_view();
}

RowBatch change_rows(const Changes& changes, Layout layout) {
    RowBatch rows;
    for (const Change* change : changes) {
        check_log(*change);
        const StepRow& log = change->log;
        add_vm(rows.row(), change->next, change->version);
        rows.add("takes", change->starts_request.empty() ? 0 : 1)
            .add("rejects", change->rejects_queued ? 1 : 0)
            .add("log_pipeline", only_if(log.pipeline != change->next.pipeline, log.pipeline))
            .add("number", log.number)
            .add("label", log.label)
            .add("result", log.result)
            .add("text", log.text)
            .add("lines", log.lines)
            .add("left_state", log.from)
            .add("began", log.began)
            .add("ended", log.ended)
            .add("writer", log.writer)
            .add("told_as", log.told_as);
        if (layout == Layout::Steps) continue;
        const bool touched = touches_run(*change);
        rows.add("run_result", only_if(touched, change->run_result))
            .add("run_error", only_if(touched, change->run_error))
            .add("ends_run", change->ends_run ? 1 : 0)
            .add("request_id", only_if(change->ends_run, change->next.request_id));
    }
    return rows;
}

Rows save_on_postgresql(Connection& connection, const Changes& changes) {
    const auto& sql = statements_of<SaveSql>(Dialect::PostgreSql);
    const bool runs = std::any_of(
        changes.begin(), changes.end(), [](const Change* change) { return touches_run(*change); });
    const bool repeats = std::any_of(
        changes.begin(), changes.end(), [](const Change* change) { return change->repeats; });
    return connection.run(runs ? sql.steps_and_runs[repeats] : sql.steps[repeats],
                          change_rows(changes, runs ? Layout::StepsAndRuns : Layout::Steps));
}

Changes winners(const Changes& changes, const Rows& won) {
    std::vector<std::string_view> ids;
    for (std::size_t i = 0; i < won.size(); ++i) ids.push_back(won.text(i, 0));
    std::sort(ids.begin(), ids.end());
    Changes winners;
    for (const Change* change : changes)
        if (std::binary_search(ids.begin(), ids.end(), change->next.service_id))
            winners.push_back(change);
    return winners;
}

Rows save_on_sqlite(Connection& connection, const Changes& changes) {
    const auto& sql = statements_of<SaveSql>(Dialect::Sqlite);
    const RowBatch rows = change_rows(changes, Layout::Steps);
    Rows won = connection.run(sql.vms, rows);
    Changes left = winners(changes, won);
    const bool all = left.size() == changes.size();
    connection.run(sql.log, all ? rows : change_rows(left, Layout::Steps));
    std::erase_if(left, [](const Change* change) { return !touches_run(*change); });
    if (left.empty()) return won;
    const RowBatch runs = change_rows(left, Layout::StepsAndRuns);
    connection.run(sql.runs, runs);
    connection.run(sql.requests, runs);
    return won;
}

void save_details(Connection& connection, const Changes& changes) {
    RowBatch rows;
    for (const Change* change : changes)
        if (change->changes_detail)
            add_detail(rows.row().add("id", change->next.service_id), change->next);
    if (rows.empty()) return;
    connection.run(statements_of<RareSql>(connection.dialect()).detail, rows);
}

void begin_queued(Connection& connection, const Changes& changes) {
    RowBatch begun;
    for (const Change* change : changes)
        if (!change->starts_request.empty())
            begun.row()
                .add("id", change->next.service_id)
                .add("run", change->next.run)
                .add("pipeline", change->next.pipeline)
                .add("request_id", change->starts_request)
                .add("at", change->log.began);
    if (begun.empty()) return;
    const auto& sql = statements_of<RareSql>(connection.dialect());
    connection.run(sql.accept, begun);
    connection.run(sql.begin_run, begun);
    forget_old_runs(connection, begun);
}

void reject_queued(Connection& connection, const Changes& changes) {
    RowBatch rows;
    Time now = {};
    for (const Change* change : changes) {
        if (!change->rejects_queued) continue;
        now = std::max(now, change->log.ended);
        rows.row()
            .add("service", change->next.service_id)
            .add("reason",
                 fmt::format("the VM reached {} before this request began", change->next.state));
    }
    if (rows.empty()) return;
    const auto& sql = statements_of<RareSql>(connection.dialect());
    const Rows rejected = connection.run(sql.reject, rows);
    std::vector<DeadLetterRow> letters;
    for (std::size_t i = 0; i < rejected.size(); ++i) {
        letters.push_back({
            .key = "request/" + rejected.text(i, 0),
            .kind = "rejected",
            .service_id = rejected.text(i, 1),
            .reason = fmt::format("request {} ({}): {}",
                                  rejected.text(i, 0),
                                  rejected.text(i, 2),
                                  rejected.text(i, 3)),
            .at = now,
        });
    }
    insert_dead_letters(connection, letters);
}

void save_news(Connection& connection, const Changes& changes) {
    RowBatch entries;
    std::vector<DeadLetterRow> letters;
    for (const Change* change : changes) {
        if (change->dead_letter) letters.push_back(*change->dead_letter);
        if (!change->activity) continue;
        entries.row()
            .add("id", change->activity->service_id)
            .add("run", change->activity->run)
            .add("kind", change->activity->kind)
            .add("text", change->activity->text)
            .add("at", change->activity->at);
    }
    if (!entries.empty()) {
        connection.run(statements_of<RareSql>(connection.dialect()).activity, entries);
    }
    insert_dead_letters(connection, letters);
}

// Two batches with several VMs that claim could wait for each other's claims in a circle, and each
// would keep the rest of its batch waiting.
void check_claims_alone(const Changes& changes) {
    if (changes.size() == 1) return;
    for (const Change* change : changes)
        if (claims_anything(*change)) {
            throw std::logic_error("a change that claims something is saved alone, not so for " +
                                   change->next.service_id);
        }
}

struct AllSaved {
    Rows won;
    bool granted = false;  // the claims of its only change
};

AllSaved save_all(Connection& connection, const Changes& changes) {
    keep_tasks(connection, changes);
    AllSaved saved{.won = connection.dialect() == Dialect::PostgreSql
                              ? save_on_postgresql(connection, changes)
                              : save_on_sqlite(connection, changes)};
    Changes rare = winners(changes, saved.won);
    std::erase_if(rare, [](const Change* change) { return !is_rare(*change); });
    if (rare.empty()) return saved;
    save_details(connection, rare);
    begin_queued(connection, rare);
    reject_queued(connection, rare);
    save_news(connection, rare);
    save_letters(connection, rare);
    save_dns_records(connection, rare);
    for (const Change* change : rare)
        if (settle_claims(connection, *change)) saved.granted = true;
    return saved;
}

}  // namespace

std::vector<Saved> SqlStore::save(std::span<const Change> changes) {
    std::vector<Saved> saved(changes.size());
    if (changes.empty()) return saved;
    const Changes batch = sorted(changes);
    const bool plain = std::none_of(
        batch.begin(), batch.end(), [](const Change* change) { return is_rare(*change); });
    if (!plain) check_claims_alone(batch);
    const auto [won, granted] =
        dialect_ == Dialect::PostgreSql && plain
            ? pool_.write([&](Connection& c) { return AllSaved{save_on_postgresql(c, batch)}; })
            : pool_.transaction([&](Connection& c) { return save_all(c, batch); });
    for (std::size_t i = 0; i < won.size(); ++i) {
        const auto change = std::lower_bound(
            batch.begin(), batch.end(), won.text(i, 0), [](const Change* c, const std::string& id) {
                return c->next.service_id < id;
            });
        saved[static_cast<std::size_t>(*change - changes.data())] = {
            .won = true, .wake_at = won.maybe_time(i, 1), .queued = won.small(i, 2)};
    }
    if (granted) {
        saved[0].granted = true;
        saved[0].wake_at = changes[0].wake_if_granted;
    }
    return saved;
}

}  // namespace slipway
