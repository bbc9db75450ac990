#pragma once
// Skipping out loud: a test that cannot run here says so by name, and nobody has to notice a gap.

#include <optional>
#include <string>

namespace slipway {

// For the first line of a test, or of SetUp:
//     if (auto why = cannot_run(KafkaServer::missing())) GTEST_SKIP() << *why;
// Passes `why_not` through. If it says something, the running test and the reason are written to
// stderr and appended to the file $SLIPWAY_TESTS_SKIPPED, which tests/run prints at its end. With
// SLIPWAY_TESTS_REQUIRE_ALL=1 the test fails instead.
std::optional<std::string> cannot_run(std::optional<std::string> why_not);

}  // namespace slipway
