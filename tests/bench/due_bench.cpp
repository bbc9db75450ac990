// What a Due sweep that finds nothing costs, by how many VMs rest in `ready`: principle 4 says that
// it is the same for a thousand of them and for a million.
//
//     due_bench SMALL LARGE      two empty databases of one kind: sqlite:PATH or postgresql://…
//
// Fills both, says so, and measures once a line (or the end) of standard input comes. The sweeps of
// both are interleaved, so that what else happens on the machine falls on both alike. Prints one
// JSON object.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <vector>

#include "schema/connection.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t few = 1'000;
constexpr std::int64_t many = 1'000'000;
constexpr int sweeps = 3'000;
constexpr int sweeps_before = 200;  // unmeasured: plans are made, pages come into memory
constexpr int batch = 2'000;

constexpr std::string_view numbers_of_postgres =
    "SELECT n FROM generate_series(1, {0}) AS numbers(n)";
constexpr std::string_view numbers_of_sqlite =
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {0}) "
    "SELECT n FROM numbers";

// Rows as a finished deploy leaves them: at rest, nothing queued, no wake_at.
void fill(const DatabaseSettings& settings, std::int64_t vms) {
    migrate(settings);
    Connection connection(settings, Access::Write);
    const bool postgres = connection.dialect() == Dialect::PostgreSql;
    const std::string numbers =
        fmt::format(fmt::runtime(postgres ? numbers_of_postgres : numbers_of_sqlite), vms);
    const std::string id = postgres ? "to_char(n, 'FM00000000')" : "printf('%08d', n)";
    connection.begin();
    connection.run_once(fmt::format(
        "INSERT INTO vm (service_id, pipeline, state, phase, run, version, wake_at, queued, "
        "log_row, failures, answer, answered_at, told_at, last_error_action, last_error) "
        "SELECT {}, 'rehearse', 'ready', '', 1, 1700000000000000 + n, NULL, 0, 15, 0, '', 0, 0, "
        "'', '' FROM ({}) AS numbered",
        id,
        numbers));
    connection.commit();
    // What autovacuum would do within its next minute.
    if (postgres) connection.run_once("VACUUM (ANALYZE) vm");
}

class Sweeper {
  public:
    Sweeper(const DatabaseSettings& settings, std::int64_t vms) {
        fill(settings, vms);
        store_ = open_store(settings);
    }

    void sweep() {
        const Time now = std::chrono::time_point_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now());
        const auto began = SteadyClock::now();
        const auto nudges = store_->take_due(now, now + std::chrono::minutes(1), batch);
        times_us_.push_back(
            std::chrono::duration<double, std::micro>(SteadyClock::now() - began).count());
        if (!nudges.empty()) throw std::runtime_error("a VM at rest was due");
    }

    void forget() { times_us_.clear(); }

    double median_us() {
        std::ranges::sort(times_us_);
        return times_us_[times_us_.size() / 2];
    }

  private:
    std::unique_ptr<Store> store_;
    std::vector<double> times_us_;
};

void measure(const DatabaseSettings& small, const DatabaseSettings& large) {
    const auto began = SteadyClock::now();
    Sweeper one(small, few);
    Sweeper other(large, many);
    const std::chrono::duration<double> filling = SteadyClock::now() - began;
    fmt::print("filled\n");
    std::fflush(stdout);
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) continue;
    for (int i = 0; i < sweeps + sweeps_before; ++i) {
        if (i == sweeps_before) {
            one.forget();
            other.forget();
        }
        one.sweep();
        other.sweep();
    }
    const double few_us = one.median_us();
    const double many_us = other.median_us();
    fmt::print(
        "{{\"sweep_1k_us\": {:.1f}, \"sweep_1m_us\": {:.1f}, \"ratio\": {:.3f}, "
        "\"filling_s\": {:.1f}}}\n",
        few_us,
        many_us,
        many_us / few_us,
        filling.count());
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: due_bench SMALL LARGE   (two empty databases)\n");
        return 2;
    }
    try {
        slipway::measure({.url = argv[1]}, {.url = argv[2]});
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "due_bench: {}\n", error.what());
        return 1;
    }
}
