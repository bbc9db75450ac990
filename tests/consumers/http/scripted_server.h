#pragma once
// A server on loopback that does what a test tells it, byte by byte: answers, drips, resets, or
// says nothing at all. Plain or TLS, with a certificate of its own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace slipway {

// The server's end of one connection.
class ScriptedPeer {
  public:
    virtual ~ScriptedPeer() = default;
    // A whole request, head and body; empty if the client has closed.
    virtual std::string read_request() = 0;
    // One line without its end; empty as well if the client has closed.
    virtual std::string read_line() = 0;
    virtual void write(const std::string& bytes) = 0;
    // From here on TLS, if the server is of that kind.
    virtual void begin_tls() = 0;
    // Closes at once with a reset, not in order.
    virtual void reset() = 0;
};

enum class ServerKind { Plain, Tls, StartTls };

class ScriptedServer {
  public:
    // Called once per connection, in a thread of its own; the connection is closed when it returns.
    // `number` counts connections from 1.
    using Script = std::function<void(ScriptedPeer& peer, int number)>;

    ScriptedServer(ServerKind kind, Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string url() const;  // https://127.0.0.1:PORT
    std::uint16_t port() const;
    int connections() const;  // so far

    // Of the certificate, which is for "pve.test" and 127.0.0.1.
    std::string fingerprint() const;
    std::string certificate_file() const;

  private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

// A key and a certificate that signs itself, for "pve.test" and 127.0.0.1, in PEM files.
void make_certificate(const std::string& key_file, const std::string& certificate_file);

// 200 with that body, the way Proxmox sends it.
std::string ok_answer(const std::string& body);

}  // namespace slipway
