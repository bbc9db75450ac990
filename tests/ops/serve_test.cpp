// Ending in time, whatever hangs.

#include "ops/slipway/serve.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(EndAfter, EndsAProcessThatHangs) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");

    EXPECT_EXIT(
        {
            const auto guard = end_after(20ms);
            std::promise<void> never;
            never.get_future().wait_for(60s);
        },
        testing::ExitedWithCode(1),
        "did not stop in time");
}

TEST(EndAfter, IsCalledOffAtOnce) {
    const auto began = std::chrono::steady_clock::now();

    for (int stop = 0; stop < 100; ++stop) const auto guard = end_after(60s);

    EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);  // each took up to 20 ms
}

}  // namespace
}  // namespace slipway
