// The progress bar: what it draws, and that it says nothing of what is done at once.

#include "ops/slipway/progress_bar.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

namespace slipway {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
  public:
    Time now() const override { return {}; }
    std::chrono::nanoseconds since_boot() const override { return since_boot_; }
    void move(std::chrono::nanoseconds by) { since_boot_ += by; }

  private:
    std::chrono::nanoseconds since_boot_ = 0ns;
};

std::string content_of(std::FILE* file) {
    std::rewind(file);
    std::string text(4'096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
}

TEST(ProgressBar, ShowsHowFarThingsAre) {
    EXPECT_EQ(progress_text("rehearsing", 4'000, 10'000),
              "rehearsing  [############------------------]  40 %  4000 of 10000");
    EXPECT_EQ(progress_text("all", 3, 3), "all  [##############################] 100 %  3 of 3");
    EXPECT_EQ(progress_text("none", 0, 0), "none  [------------------------------]   0 %  0 of 0");
}

TEST(ProgressBar, PrintsPlainLinesWhereThereIsNoTerminal) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
    HandClock clock;
    {
        ProgressBar bar(clock, "steps", file.get());
        bar.at(1, 10);  // at once: nothing
        clock.move(1s);
        bar.at(2, 10);
        clock.move(5s);
        bar.at(3, 10);  // too soon after the last line
        clock.move(5s);
        bar.at(4, 10);
    }

    EXPECT_EQ(content_of(file.get()),
              progress_text("steps", 2, 10) + "\n" + progress_text("steps", 4, 10) + "\n");
}

}  // namespace
}  // namespace slipway
