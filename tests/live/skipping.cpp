#include "tests/live/skipping.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>

namespace slipway {
namespace {

std::string running_test() {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    if (const auto* test = all.current_test_info()) {
        return std::string(test->test_suite_name()) + "." + test->name();
    }
    const auto* suite = all.current_test_suite();
    return suite ? std::string(suite->name()) + ".*" : "(outside of a test)";
}

}  // namespace

std::optional<std::string> cannot_run(std::optional<std::string> why_not) {
    if (!why_not) return std::nullopt;
    const std::string line = "SKIPPED " + running_test() + ": " + *why_not;
    std::cerr << line << '\n';
    if (const char* file = std::getenv("SLIPWAY_TESTS_SKIPPED"); file && *file) {
        std::ofstream(file, std::ios::app) << line << '\n';
    }
    const char* all = std::getenv("SLIPWAY_TESTS_REQUIRE_ALL");
    if (all && std::string_view(all) == "1") {
        ADD_FAILURE() << *why_not << " (SLIPWAY_TESTS_REQUIRE_ALL is set)";
    }
    return why_not;
}

}  // namespace slipway
