#pragma once
// A Proxmox in a box: answers HTTP requests as Proxmox VE 9 does.
//
// Used behind the Http seam in stories (simulated clock), in process by live tests, and behind a
// socket by `slipway sandbox` (server.h). One thread at a time; time moves only when somebody asks.

#include <memory>
#include <optional>
#include <string>

#include "ops/sandbox/call.h"
#include "ops/sandbox/misbehaviour.h"

namespace slipway::sandbox {

class Sandbox {
  public:
    // `cluster` is what there is at the beginning (state_file.h).
    Sandbox(const Clock& clock, std::unique_ptr<Cluster> cluster);

    // Nothing while a lock file is in somebody else's hands: then ask again after the next event,
    // or when something else was answered, and say how long it has been.
    std::optional<Answer> answer(const Request& request, Duration waited = {});

    // When something happens by itself, on the clock's since_boot(); nothing if all is quiet.
    std::optional<Duration> next_event() const;

    // Lets time pass: whatever is due by now happens.
    void catch_up();

    Cluster& cluster() { return *cluster_; }
    Misbehaviour& misbehaviour() { return misbehaviour_; }

    // The secret that signs tickets; a test may forge with it.
    const std::string& ticket_secret() const { return ticket_secret_; }

  private:
    Answer act(const Request& request, Duration waited);
    Answer misbehave(const Request& request, const Rule& rule, Duration waited);
    Answer call(const Request& request, const std::string& path, Duration waited);

    const Clock& clock_;
    std::unique_ptr<Cluster> cluster_;
    std::map<const Endpoint*, Handler> handlers_;
    Misbehaviour misbehaviour_;
    std::string ticket_secret_;
};

// For whoever moves the clock: asks, and lets time pass through `let_pass` while the call waits for
// a lock file and while the server works on its answer.
Answer ask(Sandbox& sandbox, const Request& request, const std::function<void(Duration)>& let_pass);

}  // namespace slipway::sandbox
