#pragma once
// A mail server in a box: takes every letter from anybody to anybody, and sends none on.
//
// For the demonstration and for tests. It speaks SMTP in the clear, without log-in.

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "ops/sandbox/listener.h"

namespace slipway::sandbox {

struct BoxedLetter {
    std::string from;
    std::vector<std::string> to;
    std::string text;  // headers and body, lines ending with \n
};

class MailBox {
  public:
    // Called by one thread at a time. If it throws Error, the sender is told to come again.
    using Keep = std::function<void(const BoxedLetter&)>;

    // Listens at once. Throws Error if that is impossible.
    MailBox(const Place& place, Keep keep);

    Place place() const { return listener_.place(); }

  private:
    void talk(Peer& peer);
    std::string kept(const BoxedLetter& letter);

    const Keep keep_;
    std::mutex mutex_;
    Listener listener_;  // last: its threads use everything above
};

// As a file of letters has it (mbox), which mail programs open: a line "From sender date", the
// letter, an empty line.
std::string mbox_text(const BoxedLetter& letter, std::chrono::system_clock::time_point at);

}  // namespace slipway::sandbox
