#pragma once
// The sockets of the sandbox: listens, gives each connection a thread of its own, and breaks off
// those that take too long. What is said on a connection is a Talk: HTTP in server.cpp, SMTP in
// mail_box.cpp.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ops/sandbox/certificate.h"

namespace slipway::sandbox {

struct Place {
    std::string host;
    std::uint16_t port = 0;  // 0 takes a free one
};

// Who is at the other end. Used by the thread of its connection alone.
class Peer {
  public:
    virtual ~Peer() = default;

    // What comes in in time; nothing at the end, or when the listener stops.
    virtual std::string receive() = 0;
    virtual void send(const std::string& text) = 0;

    // From now on it has so long, for whatever comes next; nullopt: as long as it likes.
    virtual void limit(std::optional<std::chrono::milliseconds> longest) = 0;

    // The connection will end as if the machine had gone.
    virtual void reset() = 0;
};

// Begins when somebody connects; when it returns, or throws, the connection is closed.
using Talk = std::function<void(Peer&)>;

struct ListenerSettings {
    Place place;
    const Certificate* certificate = nullptr;         // without one it listens in the clear
    std::chrono::milliseconds last_words_most{5000};  // when a connection is closed
};

class Listener {
  public:
    // Listens at once. Throws Error if that is impossible.
    Listener(const ListenerSettings& settings, Talk talk);
    // Breaks off every connection and waits until each talk has ended.
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    Place place() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::sandbox
