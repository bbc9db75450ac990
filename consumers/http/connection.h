#pragma once
// One connection to a server, plain or TLS, on which nothing ever waits longer than it may.
//
// Names, addresses and TCP are Poco's. TLS is OpenSSL on a socket that does not block: Poco's own
// secure socket gives every read and every part of the handshake a timeout of its own, waives the
// host's name for loopback, and cannot say why a certificate was refused.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/http/http.h"
#include "consumers/runtime/clock.h"

namespace slipway {

// https://host:port or http://host:port
struct HttpTarget {
    bool tls = true;
    std::string host;
    std::uint16_t port = 443;
    std::string path;  // what follows, query included

    std::string authority() const;  // host:port, as the Host header and error texts have it
};

// Throws Error if it is no address of a server.
HttpTarget parse_url(std::string_view url);

// Ends at a fixed time, whatever happens on the way.
struct TimeLimit {
    const Clock& clock;
    std::chrono::nanoseconds ends_at;

    // Throws Error that says what took too long.
    std::chrono::nanoseconds left(std::string_view what) const;
};

class NetConnection {
  public:
    virtual ~NetConnection() = default;

    // Both throw Error when it breaks or the time is over.
    virtual void write(std::string_view bytes, const TimeLimit& limit) = 0;
    // Some bytes, at least one; empty if the other side has closed.
    virtual std::string read(const TimeLimit& limit) = 0;
    // Nothing has come, and the other side has not closed.
    virtual bool is_quiet() = 0;
};

// The settings of TLS that follow from HttpTrust: read once, used by many connections.
class TlsContext;
std::shared_ptr<TlsContext> make_tls_context(const HttpTrust& trust);

// Connects, and shakes hands if `context` is given; for that it has `longest`, and `limit` in any
// case. Throws Error; nothing of a request was sent. The resolver alone is beyond our reach: it
// takes what /etc/resolv.conf lets it take, and of `longest` it takes nothing.
std::unique_ptr<NetConnection> open_connection(const HttpTarget& target,
                                               const std::shared_ptr<TlsContext>& context,
                                               const TimeLimit& limit,
                                               std::chrono::nanoseconds longest);

// TLS from here on, on a connection that was plain until now, as STARTTLS begins it. Throws Error;
// the plain connection is used up in any case.
std::unique_ptr<NetConnection> begin_tls(std::unique_ptr<NetConnection> plain,
                                         const std::string& host,
                                         const std::shared_ptr<TlsContext>& context,
                                         const TimeLimit& limit);

// "AA:BB:…, 01:23:…", each of 64 hex digits with or without colons, in either case -> 64 small hex
// digits each. Throws Error if one is none; so there is at least one.
std::vector<std::string> plain_fingerprints(std::string_view list);

}  // namespace slipway
