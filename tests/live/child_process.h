#pragma once
// One child process of a test: started, watched, stopped, and gone with its owner whatever happens.
//
// The kernel ends the child when the thread that started it ends (PR_SET_PDEATHSIG), so a crashed
// test leaves nothing behind. Therefore: start children from a thread that outlives them.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ChildOptions {
    std::filesystem::path program;  // absolute; see find_program
    std::vector<std::string> arguments = {};
    std::vector<std::string> environment = {};  // NAME=value, on top of ours
    std::filesystem::path output;               // a file that stdout is appended to
    std::filesystem::path errors = {};          // the same for stderr; empty: with stdout
    std::string user = {};                      // who it runs as; empty: as we do
};

class ChildProcess {
  public:
    explicit ChildProcess(ChildOptions options);
    ~ChildProcess();  // kill9
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    bool running();

    // Its exit code, or 128 + signal number as a shell would say; nullopt if it still runs then.
    std::optional<int> wait(std::chrono::milliseconds longest);

    // Until `text` stands in the output or the error file, in what this child wrote. False if time
    // ran out or the child ended without saying it.
    bool wait_for_line(std::string_view text, std::chrono::milliseconds longest);

    void signal(int number);
    // SIGTERM, then SIGKILL if it does not end within the limit.
    int stop(std::chrono::milliseconds longest);
    void kill9();
    void freeze();  // SIGSTOP
    void thaw();    // SIGCONT

    // The end of what it wrote, for the message of a failed test.
    std::string tail(std::size_t most_bytes = 4000) const;

  private:
    ChildOptions options_;
    std::uintmax_t output_began_ = 0;  // size of each file when this child started
    std::uintmax_t errors_began_ = 0;
    pid_t pid_ = -1;
    int pidfd_ = -1;
    std::optional<int> exit_code_;
};

// Runs a program to its end. Throws std::runtime_error with its output if it fails or takes longer.
std::string run_to_end(ChildOptions options, std::chrono::milliseconds longest);

// The absolute path of a program on $PATH; empty if there is none.
std::filesystem::path find_program(std::string_view name);

// What a file holds from `offset` on; empty if there is no such file.
std::string read_from(const std::filesystem::path& file, std::uintmax_t offset);

}  // namespace slipway
