#pragma once
// What answers requests, behind a socket: the sandbox over TLS as far as pveproxy speaks HTTP, a
// DNS provider in the clear.
//
// A thread per connection, what answers one at a time. Idle connections are closed after five
// seconds and every connection after a hundred requests, as pveproxy does it.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ops/sandbox/listener.h"
#include "ops/sandbox/request.h"

namespace slipway::sandbox {

// Nothing: it must be asked again after the next event, and told how long it has been.
using Answerer = std::function<std::optional<Answer>(const Request& request, Duration waited)>;

enum class Wire { Tls, Plain };

// What a connection is given, whoever is at its other end.
struct Patience {
    std::chrono::milliseconds idle{5000};       // until a request begins
    std::chrono::milliseconds request{30'000};  // for all of it, and for taking the answer
};

struct ServerSettings {
    Place place;
    Wire wire = Wire::Tls;
    Patience patience = {};
};

class Server {
  public:
    // Listens at once. Throws Error if that is impossible. `answerer` is called by one thread at a
    // time.
    Server(Answerer answerer, const ServerSettings& settings);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string url() const;
    // Of a server over TLS.
    const std::string& fingerprint() const;
    const std::string& certificate_pem() const;

    // For who wants to look at what answers, or to change it, while the server runs.
    void while_nobody_asks(const std::function<void()>& act);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::sandbox
