// Tasks that are stopped, are killed, or lose under their hands what they work on: they end alone,
// and give back what they took.

#include <gtest/gtest.h>

#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

Work mistaken(Worker& worker) {
    co_await worker.spend(1s);
    throw std::out_of_range("no such key");
}

Work holding(Worker& worker, LockMode mode) {
    const Hold hold = co_await worker.lock("file", 60s, mode);
    co_await worker.spend(10s);
}

TEST(SandboxStopped, AMistakeEndsItsOwnTask) {
    Box box;
    Task& task = box.sandbox->cluster().tasks.start({.upid = "UPID:x"}, mistaken);

    EXPECT_EQ(box.end_of(task.upid), "no such key");
}

TEST(SandboxStopped, ALockFileGoesWithWhoWasKilledBeforeHeCouldUseIt) {
    Tasks tasks(1);
    const auto start = [&](const char* upid, LockMode mode) -> Task& {
        return tasks.start({.upid = upid}, [&](Worker& w) { return holding(w, mode); });
    };
    Task& first = start("1", LockMode::Shared);
    Task& second = start("2", LockMode::Exclusive);
    Task& third = start("3", LockMode::Shared);

    tasks.kill(second);  // the third waited behind it alone
    tasks.run_until(1s, [](Moment) {});
    EXPECT_EQ(third.log.back(), " OK");
    Task& fourth = start("4", LockMode::Exclusive);
    tasks.stop(first);
    tasks.stop(third);
    tasks.kill(fourth);

    EXPECT_FALSE(tasks.is_locked("file"));
}

}  // namespace
}  // namespace slipway::sandbox
