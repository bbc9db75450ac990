// How many steps a second the record of truth takes, by the size of the batch, and how many
// requests. One thread, real fsync, nothing else running:
//
//     store_bench [sqlite:PATH | postgresql://…]      (none: a file and a server of its own)

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/live/postgres_server.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto each_measure = std::chrono::seconds(3);
constexpr int rests_after = 15;  // steps of a run

// What this process itself used, which says more than the clock when the machine is not ours alone.
double cpu_microseconds() {
    rusage used = {};
    getrusage(RUSAGE_SELF, &used);
    const auto microseconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return microseconds(used.ru_utime) + microseconds(used.ru_stime);
}

Time wall_clock() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

Admitted request(int number, std::string_view kind) {
    const std::string id = fmt::format("{}-{:06}", kind, number);
    Admitted a;
    a.request = {.id = "request-" + id,
                 .service_id = id,
                 .type = "rehearse",
                 .payload = R"({"busy_us": {"*": 50}})",
                 .at = wall_clock()};
    a.admission = Admission::Begin;
    a.next = {.service_id = id,
              .pipeline = "rehearse",
              .state = "creation",
              .run = 1,
              .version = a.request.at.time_since_epoch().count(),
              .wake_at = a.request.at + std::chrono::hours(1),
              .target = a.request.payload,
              .request_id = a.request.id};
    return a;
}

// The next step of a VM, as run_step makes it: every fifteenth ends the run.
Change step(Vm& vm, std::int64_t told_as) {
    Change change;
    change.version = vm.version;
    ++vm.version;
    ++vm.log_row;
    vm.state = "set_system_disk_bandwidth";
    change.touches_run = change.ends_run = vm.log_row % rests_after == 0;
    change.run_result = "success";
    change.next = vm;
    change.log = {.service_id = vm.service_id,
                  .run = vm.run,
                  .row = vm.log_row,
                  .pipeline = vm.pipeline,
                  .number = 7,
                  .label = "Set system disk I/O",
                  .result = "success",
                  .from = "set_system_disk_size",
                  .to = vm.state,
                  .began = wall_clock(),
                  .ended = wall_clock(),
                  .writer = "host-4711-1776530154",
                  .told_as = told_as};
    return change;
}

void measure_requests(Store& store, std::size_t batch, std::vector<Vm>& vms) {
    int number = 0;
    const auto began = Clock::now();
    const std::string kind =
        fmt::format("{}-{}", wall_clock().time_since_epoch().count() / 1'000'000, batch);
    while (Clock::now() - began < each_measure) {
        std::vector<Admitted> admitted;
        for (std::size_t i = 0; i < batch; ++i) admitted.push_back(request(number++, kind));
        store.admit(admitted);
        for (Admitted& a : admitted) vms.push_back(std::move(a.next));
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    fmt::print("  {:>4} requests a batch  {:>8.0f} requests/s\n", batch, number / took.count());
}

void measure_steps(Store& store, std::size_t batch, std::vector<Vm>& vms) {
    std::int64_t steps = 0;
    std::int64_t lost = 0;
    std::size_t at = 0;
    std::vector<double> milliseconds;
    const double cpu = cpu_microseconds();
    const auto began = Clock::now();
    while (Clock::now() - began < each_measure) {
        std::vector<Change> changes;
        for (std::size_t i = 0; i < batch; ++i) {
            changes.push_back(step(vms[at], ++steps));
            at = (at + 1) % std::min(vms.size(), 4 * batch);
        }
        const auto before = Clock::now();
        for (const Saved& saved : store.save(changes)) lost += saved.won ? 0 : 1;
        milliseconds.push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - before).count());
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    std::sort(milliseconds.begin(), milliseconds.end());
    fmt::print(
        "  {:>4} steps a batch     {:>8.0f} steps/s  p50 {:.2f} ms  p99 {:.2f} ms  "
        "our CPU {:.1f} us/step\n",
        batch,
        static_cast<double>(steps) / took.count(),
        milliseconds[milliseconds.size() / 2],
        milliseconds[milliseconds.size() * 99 / 100],
        (cpu_microseconds() - cpu) / static_cast<double>(steps));
    if (lost > 0) throw std::runtime_error(fmt::format("{} saves lost a race nobody ran", lost));
}

void measure(const std::string& url) {
    const DatabaseSettings settings{.url = url};
    migrate(settings);
    const auto store = open_store(settings);
    fmt::print("{}\n", without_password(settings));
    std::vector<Vm> vms;
    for (const std::size_t batch : {1U, 16U, 64U, 256U}) measure_requests(*store, batch, vms);
    for (const std::size_t batch : {1U, 16U, 64U, 256U}) measure_steps(*store, batch, vms);
}

void measure_both() {
    const TempFolder folder;
    measure(fmt::format("sqlite:{}", (folder.path() / "bench.db").string()));
    if (const auto why = PostgresServer::missing()) {
        fmt::print("PostgreSQL: not measured, {}\n", *why);
        return;
    }
    measure(PostgresServer::shared().create_database());
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
    if (argc > 1) {
        slipway::measure(argv[1]);
    } else {
        slipway::measure_both();
    }
    return 0;
}
