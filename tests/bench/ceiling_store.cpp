#include "tests/bench/ceiling_store.h"

#include <libpq-fe.h>
#include <sqlite3.h>

#include <charconv>
#include <chrono>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <variant>

namespace slipway {
namespace {

// The columns that a real row has, so that its width is honest. wake_at is indexed and left alone,
// as the runtime does while it is far enough ahead; with room on its page such an update stays
// there (HOT) and touches no index.
constexpr const char* tables = R"(
    DROP TABLE IF EXISTS run_step;
    DROP TABLE IF EXISTS vm;
    CREATE TABLE vm (
        service_id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, state TEXT NOT NULL,
        run BIGINT NOT NULL, version BIGINT NOT NULL, wake_at BIGINT,
        failures INT NOT NULL, log_row INT NOT NULL, updated_at BIGINT NOT NULL) ROOM;
    CREATE INDEX vm_wake_at ON vm (wake_at) WHERE wake_at IS NOT NULL;
    CREATE TABLE run_step (
        service_id TEXT NOT NULL, run BIGINT NOT NULL, row INT NOT NULL, number INT NOT NULL,
        label TEXT NOT NULL, result TEXT NOT NULL, from_state TEXT NOT NULL,
        to_state TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT NOT NULL,
        attempts BIGINT NOT NULL, writer TEXT NOT NULL, told_as BIGINT NOT NULL,
        PRIMARY KEY (service_id, run, row));
)";

// What is left out of here (a label, the result "success") is the same for every row.
constexpr const char* postgres_save = R"(
    WITH j AS (
        SELECT * FROM json_to_recordset($1)
            AS t(i text, v bigint, s text, f text, r bigint, n int, b bigint, e bigint, t bigint)),
    u AS (
        UPDATE vm SET state = j.s, run = j.r, version = j.v + 1, failures = 0, log_row = j.n,
                      updated_at = j.e
        FROM j WHERE vm.service_id = j.i AND vm.version = j.v RETURNING vm.service_id),
    w AS (
        INSERT INTO run_step
        SELECT j.i, j.r, j.n, j.n, 'Rehearse step', 'success', j.f, j.s, j.b, j.e, 1, 'ceiling', j.t
        FROM j JOIN u ON u.service_id = j.i)
    SELECT service_id FROM u)";

// A prepared statement per row and table, which costs SQLite less than reading rows out of JSON.
constexpr const char* sqlite_update =
    "UPDATE vm SET state = ?1, run = ?2, version = version + 1, failures = 0, log_row = ?3, "
    "updated_at = ?4 WHERE service_id = ?5 AND version = ?6";

constexpr const char* sqlite_insert =
    "INSERT INTO run_step VALUES "
    "(?1, ?2, ?3, ?3, 'Rehearse step', 'success', ?4, ?5, ?6, ?6, 1, 'ceiling', ?7)";

std::string tables_with(const std::string& room) {
    std::string text = tables;
    text.replace(text.find("ROOM"), 4, room);
    return text;
}

std::uint32_t number_in(const char* service_id) {
    std::uint32_t vm = 0;
    const std::string_view digits = std::string_view(service_id).substr(4);  // after "svc-"
    std::from_chars(digits.data(), digits.data() + digits.size(), vm);
    return vm;
}

std::int64_t microseconds_now() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// PostgreSQL reads a JSON parameter as rows.
class RowsAsJson {
  public:
    const std::string& write(std::span<const CeilingStep> steps) {
        text_ = "[";
        const std::string now = std::to_string(microseconds_now());
        for (const CeilingStep& step : steps) add(step, now);
        text_.back() = ']';
        return text_;
    }

  private:
    void add(const CeilingStep& step, const std::string& now) {
        const std::int64_t run = step.version / ceiling_steps;
        text_ += R"({"i":"svc-)" + std::to_string(step.vm);
        text_ += R"(","v":)" + std::to_string(step.version);
        text_ += R"(,"s":")" + ceiling_state(step.version + 1);
        text_ += R"(","f":")" + ceiling_state(step.version);
        text_ += R"(","r":)" + std::to_string(run);
        text_ += R"(,"n":)" + std::to_string(step.version % ceiling_steps + 1);
        text_ += R"(,"b":)" + now;
        text_ += R"(,"e":)" + now;
        text_ += R"(,"t":)" + std::to_string(++told_as_) + "},";
    }

    std::string text_;
    std::int64_t told_as_ = 0;
};

class PostgresCeiling final : public CeilingStore {
  public:
    explicit PostgresCeiling(const std::string& database)
        : connection_(PQconnectdb(database.c_str())) {
        if (PQstatus(connection_) != CONNECTION_OK) fail();
    }
    ~PostgresCeiling() override { PQfinish(connection_); }

    void prepare(std::size_t vms) override {
        run("SET client_min_messages = warning");
        run(tables_with("WITH (fillfactor = 70)"));
        run("INSERT INTO vm SELECT 'svc-' || n, 'rehearsal', 'begun', 0, 1, 4000000000000000, 0, "
            "0, 0 FROM generate_series(0, " +
            std::to_string(vms) + " - 1) n");
        run("ANALYZE vm");
        PGresult* prepared = PQprepare(connection_, "save", postgres_save, 1, nullptr);
        if (PQresultStatus(prepared) != PGRES_COMMAND_OK) fail();
        PQclear(prepared);
    }

    std::vector<std::uint32_t> save(std::span<const CeilingStep> steps) override {
        const char* parameter = rows_.write(steps).c_str();
        PGresult* result = PQexecPrepared(connection_, "save", 1, &parameter, nullptr, nullptr, 0);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) fail();
        std::vector<std::uint32_t> won;
        for (int row = 0; row < PQntuples(result); ++row) {
            won.push_back(number_in(PQgetvalue(result, row, 0)));
        }
        PQclear(result);
        return won;
    }

  private:
    void run(const std::string& sql) {
        PGresult* result = PQexec(connection_, sql.c_str());
        if (PQresultStatus(result) != PGRES_COMMAND_OK) fail();
        PQclear(result);
    }
    [[noreturn]] void fail() { throw std::runtime_error(PQerrorMessage(connection_)); }

    PGconn* connection_;
    RowsAsJson rows_;
};

class SqliteCeiling final : public CeilingStore {
  public:
    explicit SqliteCeiling(const std::string& database) {
        if (sqlite3_open(database.c_str(), &connection_) != SQLITE_OK) fail();
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; "
            "PRAGMA wal_autocheckpoint = 4000");
    }
    ~SqliteCeiling() override {
        sqlite3_finalize(update_);
        sqlite3_finalize(insert_);
        sqlite3_close(connection_);
    }

    void prepare(std::size_t vms) override {
        run(tables_with(""));
        run("WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < " +
            std::to_string(vms) +
            ") INSERT INTO vm SELECT 'svc-' || n, 'rehearsal', 'begun', 0, 1, 4000000000000000, "
            "0, 0, 0 FROM s");
        if (sqlite3_prepare_v2(connection_, sqlite_update, -1, &update_, nullptr) != SQLITE_OK ||
            sqlite3_prepare_v2(connection_, sqlite_insert, -1, &insert_, nullptr) != SQLITE_OK) {
            fail();
        }
    }

    std::vector<std::uint32_t> save(std::span<const CeilingStep> steps) override {
        std::vector<std::uint32_t> won;
        const std::int64_t now = microseconds_now();
        run("BEGIN IMMEDIATE");
        for (const CeilingStep& step : steps) {
            const std::string id = "svc-" + std::to_string(step.vm);
            const std::string from = ceiling_state(step.version);
            const std::string to = ceiling_state(step.version + 1);
            const std::int64_t run_number = step.version / ceiling_steps;
            const std::int64_t row = step.version % ceiling_steps + 1;
            run(update_, {to, run_number, row, now, id, step.version});
            // Nobody else writes here: a lost race can only be a mistake of this program.
            if (sqlite3_changes(connection_) != 1) {
                throw std::runtime_error("a compare-and-set was lost");
            }
            run(insert_, {id, run_number, row, from, to, now, ++told_as_});
            won.push_back(step.vm);
        }
        run("COMMIT");
        return won;
    }

  private:
    using Value = std::variant<std::int64_t, std::string_view>;

    void run(const std::string& sql) {
        if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
    }
    void run(sqlite3_stmt* statement, std::initializer_list<Value> values) {
        int place = 0;
        for (const Value& value : values) {
            ++place;
            if (const auto* number = std::get_if<std::int64_t>(&value)) {
                sqlite3_bind_int64(statement, place, *number);
            } else {
                const auto text = std::get<std::string_view>(value);
                sqlite3_bind_text(
                    statement, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
            }
        }
        if (sqlite3_step(statement) != SQLITE_DONE) fail();
        sqlite3_reset(statement);
    }
    [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(connection_)); }

    sqlite3* connection_ = nullptr;
    sqlite3_stmt* update_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    std::int64_t told_as_ = 0;
};

}  // namespace

std::unique_ptr<CeilingStore> open_postgres(const std::string& database) {
    return std::make_unique<PostgresCeiling>(database);
}

std::unique_ptr<CeilingStore> open_sqlite(const std::string& database) {
    return std::make_unique<SqliteCeiling>(database);
}

std::string ceiling_state(std::int64_t version) {
    return "rehearsed_" + std::to_string(version % ceiling_steps);
}

}  // namespace slipway
