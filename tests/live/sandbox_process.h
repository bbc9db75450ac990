#pragma once
// `slipway sandbox` as a process of a test's own, and how to get into it.

#include <filesystem>
#include <string>

#include "tests/live/slipway_process.h"

namespace slipway {

class SandboxProcess {
  public:
    // `state` is the text of a state file; the default one if it is empty.
    explicit SandboxProcess(const std::string& state = {}, double speed = 20);

    const std::string& url() const { return url_; }            // https://127.0.0.1:PORT
    const std::string& token() const { return token_; }        // USER@REALM!NAME=SECRET
    const std::string& password() const { return password_; }  // of root@pam
    const std::string& fingerprint() const { return fingerprint_; }
    std::filesystem::path certificate() const { return folder_.path() / "certificate.pem"; }

    bool running() { return process_->running(); }
    void kill9() { process_->kill9(); }
    std::string errors() const { return process_->errors(); }

  private:
    TempFolder folder_;
    std::unique_ptr<SlipwayProcess> process_;
    std::string url_;
    std::string token_;
    std::string password_;
    std::string fingerprint_;
};

}  // namespace slipway
