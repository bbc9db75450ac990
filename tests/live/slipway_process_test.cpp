// The harness itself: what the live tests believe about the processes they start is true.

#include "tests/live/slipway_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(SlipwayProcess, IsTheBuiltCommandAndItsExitCodeIsSeen) {
    if (auto why = cannot_run(SlipwayProcess::missing())) GTEST_SKIP() << *why;

    const Ended good = run_slipway({.arguments = {"version"}});
    EXPECT_EQ(good.exit_code, 0) << good.errors;
    EXPECT_NE(good.output, "");

    const Ended wrong = run_slipway({.arguments = {"no-such-command"}});
    EXPECT_EQ(wrong.exit_code, 2) << wrong.output;
    EXPECT_NE(wrong.errors, "");
}

TEST(ChildProcess, IsKilledFrozenThawedAndStopped) {
    const TempFolder folder;
    const ChildOptions counting{.program = find_program("bash"),
                                .arguments = {"-c",
                                              "trap 'echo asked; exit 3' TERM; echo begun;"
                                              "while :; do sleep 0.01; done"},
                                .output = folder.path() / "output"};
    ChildProcess killed(counting);
    ASSERT_TRUE(killed.wait_for_line("begun", 10s)) << killed.tail();
    killed.kill9();
    EXPECT_EQ(killed.wait(0ms), 128 + 9);

    ChildProcess stopped(counting);
    ASSERT_TRUE(stopped.wait_for_line("begun", 10s)) << stopped.tail();
    stopped.freeze();
    stopped.signal(15);
    EXPECT_FALSE(stopped.wait_for_line("asked", 200ms));
    stopped.thaw();
    EXPECT_EQ(stopped.stop(10s), 3);
    EXPECT_EQ(stopped.tail(), "begun\nasked\n");
}

TEST(ChildProcess, EndsWithTheProcessThatStartedIt) {
    const TempFolder folder;
    const auto output = folder.path() / "output";
    // A test process in miniature: starts a child, says its number, and is killed.
    const pid_t tester = ::fork();
    if (tester == 0) {
        ChildProcess child({.program = find_program("bash"),
                            .arguments = {"-c", "echo $$ is up; exec sleep 60"},
                            .output = output});
        child.wait_for_line("is up", 10s);
        ::raise(SIGKILL);
    }
    ASSERT_EQ(::waitpid(tester, nullptr, 0), tester);
    const std::string child = read_from(output, 0).substr(0, read_from(output, 0).find(' '));
    ASSERT_NE(child, "");

    const auto deadline = std::chrono::steady_clock::now() + 10s;
    const auto gone = [&] {
        const std::string state = read_from("/proc/" + child + "/stat", 0);
        return state.empty() || state.find(") Z ") != std::string::npos;
    };
    while (!gone() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(gone());
}

}  // namespace
}  // namespace slipway
