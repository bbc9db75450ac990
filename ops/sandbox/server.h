#pragma once
// The sandbox behind a socket: HTTP over TLS, as far as pveproxy speaks it.
//
// A thread per connection, the sandbox itself one at a time. Idle connections are closed after five
// seconds and every connection after a hundred requests, as pveproxy does it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "ops/sandbox/sandbox.h"

namespace slipway::sandbox {

// What a connection is given, whoever is at its other end.
struct Patience {
    std::chrono::milliseconds idle{5000};       // until a request begins
    std::chrono::milliseconds request{30'000};  // for all of it, and for taking the answer
};

class Server {
  public:
    // Listens at once; port 0 takes a free one. Throws Error if that is impossible.
    Server(Sandbox& sandbox, const std::string& host, std::uint16_t port, Patience patience = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string url() const;
    const std::string& fingerprint() const;
    const std::string& certificate_pem() const;

    // For a test that wants to change the sandbox while the server runs.
    void with_sandbox(const std::function<void(Sandbox&)>& act);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::sandbox
