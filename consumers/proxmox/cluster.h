#pragma once
// One Proxmox cluster as we speak with it: endpoints, credentials, and what became of a request.
//
// Nothing is ever sent twice that may have been executed once. What provably was not is tried at
// the cluster's next endpoint; what only reads is, too. An endpoint that failed is left alone for a
// while, and if all of them are, calls fail at once instead of holding a thread until the timeout.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consumers/http/http.h"
#include "consumers/proxmox/calls.h"
#include "consumers/proxmox/fault.h"
#include "consumers/runtime/clock.h"
#include "consumers/runtime/world.h"

namespace slipway {

struct ClusterSettings {
    std::string name = "proxmox";
    std::vector<std::string> endpoints;  // https://pve1.example:8006
    std::string token = {};              // user@realm!name=secret
    std::string user = {};               // user@realm, for what a token may not do
    std::string password = {};
    HttpTrust trust = {};
    // Longer than the 30 s that a node waits for another, so that its answer is what we get.
    std::chrono::milliseconds timeout{35'000};
    int calls_at_once = 0;  // of this process, the others wait; 0: as many as there are
};

// Throws Error if something is missing or wrong, all without asking anybody.
void check_settings(const ClusterSettings& settings);

class ProxmoxCluster {
  public:
    ProxmoxCluster(Http& http, const Clock& clock, ClusterSettings settings);

    // Throws ProxmoxError. After `deadline` nothing that changes something is sent. Any thread.
    PveAnswer send(const PveCall& call,
                   const std::vector<Argument>& arguments,
                   std::optional<Deadline> deadline);

    const std::string& name() const { return settings_.name; }
    const Clock& clock() const { return clock_; }

  private:
    struct Endpoint {
        std::string url;
        int failures = 0;                       // in a row
        std::chrono::nanoseconds failed_at{0};  // the last time
        std::chrono::nanoseconds again_at{0};   // not before, unless it is well
    };
    struct Ticket {
        std::string cookie;
        std::string csrf;
        std::chrono::nanoseconds got_at{0};
        std::chrono::nanoseconds renewed_from{0};
    };
    // On its way, for all who have no ticket that lives.
    struct LogIn {
        bool has_ended = false;
        std::optional<ProxmoxError> error = {};
    };
    struct Outgoing {
        const PreparedCall& prepared;
        std::vector<HttpHeader> headers;
        std::chrono::nanoseconds ends_at;  // of the call, with its log-in and all its endpoints
        std::optional<Deadline> deadline;
    };

    // Holds one of the calls that may be under way.
    class Turn;

    HttpAnswer send_to_one_of(const Outgoing& outgoing);
    HttpAnswer ask(std::size_t endpoint, const Outgoing& outgoing);
    bool has_time(const Outgoing& outgoing) const;
    std::optional<std::size_t> pick(const std::vector<bool>& tried);
    void failed(std::size_t endpoint, std::chrono::nanoseconds began);
    void learned_nothing(std::size_t endpoint);
    void answered(std::size_t endpoint);
    HttpRequest request_to(std::size_t endpoint, const Outgoing& outgoing) const;

    bool by_ticket(const PveCall& call) const;
    std::vector<HttpHeader> credentials(const PreparedCall& prepared,
                                        std::chrono::nanoseconds ends_at);
    Ticket ticket(std::chrono::nanoseconds ends_at);
    Ticket new_ticket(const std::optional<Ticket>& living, std::chrono::nanoseconds ends_at);
    Ticket log_in(const std::string& password, std::chrono::nanoseconds ends_at);
    void forget_ticket(const std::vector<HttpHeader>& headers);

    Http& http_;
    const Clock& clock_;
    const ClusterSettings settings_;

    std::mutex turns_mutex_;
    std::condition_variable turn_ended_;
    int turns_ = 0;

    std::mutex endpoints_mutex_;
    std::vector<Endpoint> endpoints_;

    std::mutex ticket_mutex_;
    std::condition_variable log_in_ended_;
    std::optional<Ticket> ticket_;
    std::shared_ptr<LogIn> log_in_;  // none if nobody does
};

}  // namespace slipway
