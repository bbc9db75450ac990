#pragma once
// A `slipway` process of a test's own: the built command with arguments, environment and a
// configuration file, everything it says kept in files.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/live/child_process.h"
#include "tests/live/temp_folder.h"

namespace slipway {

struct SlipwayOptions {
    std::vector<std::string> arguments;
    std::vector<std::string> environment = {};  // NAME=value
    // Text of a configuration file. If there is one, it is passed as `--config FILE` after the
    // arguments; if not, none is passed.
    std::string config = {};
};

class SlipwayProcess {
  public:
    explicit SlipwayProcess(SlipwayOptions options);

    // Why there is no command to run; nullopt if it is built. See skipping.h.
    static std::optional<std::string> missing();

    bool wait_for_line(std::string_view text, std::chrono::milliseconds longest);
    std::optional<int> wait(std::chrono::milliseconds longest);  // its exit code
    bool running();
    int stop(std::chrono::milliseconds longest = std::chrono::seconds(30));
    void kill9();
    void freeze();
    void thaw();
    // Again with the same arguments, environment and files, once it has ended.
    void start();

    pid_t pid() const { return process_->pid(); }
    // Everything said since the first start.
    std::string output() const;
    std::string errors() const;
    std::string tail() const { return process_->tail(); }

  private:
    TempFolder folder_;
    ChildOptions options_;
    std::unique_ptr<ChildProcess> process_;
};

// Runs the command to its end, however it ends.
struct Ended {
    int exit_code = 0;
    std::string output;
    std::string errors;
};
Ended run_slipway(SlipwayOptions options,
                  std::chrono::milliseconds longest = std::chrono::seconds(60));

}  // namespace slipway
