#pragma once
// A mail server of a test's own that somebody else wrote (aiosmtpd): it wants STARTTLS and a
// log-in, and keeps every letter as a mail program would show it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumers/runtime/config.h"
#include "tests/live/child_process.h"
#include "tests/live/reserved_port.h"
#include "tests/live/temp_folder.h"

namespace slipway {

struct ArrivedLetter {
    std::string to;
    std::string id;  // its Message-ID, with the angle brackets
    std::string subject;
    std::string body;
};

class MailServerProcess {
  public:
    MailServerProcess();

    // Why there can be no server here; nullopt if there can. See skipping.h.
    static std::optional<std::string> missing();

    // How to send through it.
    MailConfig config() const;

    // What has arrived so far.
    std::vector<ArrivedLetter> letters() const;
    // All that arrived and how, as text, once it is at rest.
    std::string stopped();

  private:
    std::string file(const std::string& name) const { return folder_.path() / name; }

    TempFolder folder_;
    ReservedPort port_;
    std::unique_ptr<ChildProcess> process_;
};

}  // namespace slipway
