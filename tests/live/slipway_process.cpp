#include "tests/live/slipway_process.h"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace slipway {

SlipwayProcess::SlipwayProcess(SlipwayOptions options) {
    if (const auto why = missing()) throw std::runtime_error(*why);
    options_ = {.program = SLIPWAY_COMMAND,
                .arguments = std::move(options.arguments),
                .environment = std::move(options.environment),
                .output = folder_.path() / "output",
                .errors = folder_.path() / "errors"};
    if (!options.config.empty()) {
        const auto file = folder_.path() / "slipway.yaml";
        std::ofstream(file) << options.config;
        options_.arguments.insert(options_.arguments.end(), {"--config", file.string()});
    }
    start();
}

std::optional<std::string> SlipwayProcess::missing() {
    if (::access(SLIPWAY_COMMAND, X_OK) == 0) return std::nullopt;
    return std::string("the command is not built: ") + SLIPWAY_COMMAND;
}

bool SlipwayProcess::wait_for_line(std::string_view text, std::chrono::milliseconds longest) {
    return process_->wait_for_line(text, longest);
}

std::optional<int> SlipwayProcess::wait(std::chrono::milliseconds longest) {
    return process_->wait(longest);
}

bool SlipwayProcess::running() {
    return process_->running();
}

int SlipwayProcess::stop(std::chrono::milliseconds longest) {
    return process_->stop(longest);
}

void SlipwayProcess::kill9() {
    process_->kill9();
}

void SlipwayProcess::freeze() {
    process_->freeze();
}

void SlipwayProcess::thaw() {
    process_->thaw();
}

void SlipwayProcess::start() {
    if (process_ && process_->running()) throw std::logic_error("this process runs already");
    process_ = std::make_unique<ChildProcess>(options_);
}

std::string SlipwayProcess::output() const {
    return read_from(options_.output, 0);
}

std::string SlipwayProcess::errors() const {
    return read_from(options_.errors, 0);
}

Ended run_slipway(SlipwayOptions options, std::chrono::milliseconds longest) {
    SlipwayProcess process(std::move(options));
    const auto code = process.wait(longest);
    if (!code) throw std::runtime_error("slipway has not ended in time:\n" + process.tail());
    return {.exit_code = *code, .output = process.output(), .errors = process.errors()};
}

}  // namespace slipway
