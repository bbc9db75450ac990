#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "ops/slipway/pipelines_text.h"

namespace slipway {
namespace {

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Readme, PrintsThePipelinesAsTheyAreCompiledIn) {
    const std::string readme = text_of(SLIPWAY_SOURCE "/README.md");
    const std::string begin = "<!-- pipelines -->\n";
    const auto from = readme.find(begin);
    const auto to = readme.find("<!-- end -->");
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);

    const std::string printed = readme.substr(from + begin.size(), to - from - begin.size());

    EXPECT_EQ(printed, pipelines_as_markdown())
        << "refresh it: put the output of `slipway pipelines --markdown` between the two marks";
}

}  // namespace
}  // namespace slipway
