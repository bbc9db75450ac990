// A client that somebody else wrote, as it comes from its registry, works against
// `slipway sandbox`: over TLS whose certificate it checks, with a token.

#include <gtest/gtest.h>

#include "tests/live/sandbox_process.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// The virtual environment with the client, made once and kept; or why it cannot be had.
std::optional<std::string> cannot_have_client() {
    if (auto why = SlipwayProcess::missing()) return why;
    const auto python = find_program("python3");
    if (python.empty()) return "there is no python3";
    const auto venv = cache_folder() / "proxmoxer-2.3.0";
    if (std::filesystem::exists(venv / "ready")) return std::nullopt;
    std::filesystem::create_directories(cache_folder());
    const TempFolder folder;
    try {
        run_to_end({.program = python,
                    .arguments = {"-m", "venv", "--clear", venv},
                    .output = folder.path() / "venv"},
                   2min);
        run_to_end({.program = venv / "bin" / "python",
                    .arguments = {"-m", "pip", "install", "proxmoxer==2.3.0", "requests"},
                    .output = folder.path() / "pip"},
                   3min);
        run_to_end({.program = find_program("touch"),
                    .arguments = {venv / "ready"},
                    .output = folder.path() / "touch"},
                   10s);
    } catch (const std::runtime_error& error) {
        return std::string("proxmoxer cannot be installed: ") + error.what();
    }
    return std::nullopt;
}

TEST(SandboxProxmoxer, TakesAVmFromCreationToItsEnd) {
    if (auto why = cannot_run(cannot_have_client())) GTEST_SKIP() << *why;
    SandboxProcess sandbox;
    const TempFolder folder;

    const std::string said = run_to_end(
        {.program = cache_folder() / "proxmoxer-2.3.0" / "bin" / "python",
         .arguments =
             {"tests/live/proxmoxer_vm.py", sandbox.url(), sandbox.token(), sandbox.certificate()},
         .output = folder.path() / "output"},
        2min);

    EXPECT_EQ(said,
              "created: OK\n"
              "cloned: OK\n"
              "resized: OK\n"
              "started: OK, running\n"
              "snapshot: OK, listed\n"
              "backed up: OK, 1 backup\n"
              "refused: 500 Internal Server Error: VM 101 is running - destroy failed\n"
              "stopped: OK\n"
              "destroyed: OK\n"
              "gone: 500\n");
}

}  // namespace
}  // namespace slipway
