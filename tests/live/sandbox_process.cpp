#include "tests/live/sandbox_process.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway {

SandboxProcess::SandboxProcess(const std::string& state, double speed) {
    SlipwayOptions options{.arguments = {"sandbox",
                                         "--listen",
                                         "127.0.0.1:0",
                                         "--speed",
                                         std::to_string(speed),
                                         "--certificate",
                                         certificate().string()}};
    if (!state.empty()) {
        const auto file = folder_.path() / "state.yaml";
        std::ofstream(file) << state;
        options.arguments.insert(options.arguments.end(), {"--state", file.string()});
    }
    process_ = std::make_unique<SlipwayProcess>(std::move(options));
    if (!process_->wait_for_line("\n", std::chrono::seconds(20)))
        throw std::runtime_error("the sandbox did not become ready:\n" + process_->tail());
    const auto ready = nlohmann::json::parse(process_->output());
    url_ = ready["url"];
    token_ = ready["token"];
    password_ = ready["password"];
    fingerprint_ = ready["fingerprint"];
}

}  // namespace slipway
