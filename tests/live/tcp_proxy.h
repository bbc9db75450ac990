#pragma once
// A small TCP proxy on loopback whose network can be cut, stalled and slowed down, for tests of
// what happens between a client and a server that are both well.
//
// One thread moves all bytes. It reads no more than a mebibyte ahead per direction.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/live/reserved_port.h"

namespace slipway {

class TcpProxy {
  public:
    explicit TcpProxy(std::uint16_t upstream_port);
    // For a server that must know the proxy's port before it can be started: see connect_to.
    TcpProxy() : TcpProxy(0) {}
    ~TcpProxy();
    TcpProxy(const TcpProxy&) = delete;
    TcpProxy& operator=(const TcpProxy&) = delete;

    void connect_to(std::uint16_t upstream_port) { upstream_port_ = upstream_port; }
    std::uint16_t port() const { return port_.number(); }
    std::string address() const { return port_.address(); }

    // Every call holds for the connections there are and for new ones, until heal().
    void cut();    // connections are reset, new ones too: as if the server had gone
    void stall();  // connections stay and carry nothing: as if packets were dropped
    void delay(std::chrono::milliseconds each_way);
    void heal();
    // Resets what is connected; new connections are welcome.
    void reset_connections();

    std::size_t connections() const { return connections_; }
    std::uint64_t bytes_carried() const { return bytes_carried_; }

  private:
    struct Chunk {
        std::chrono::steady_clock::time_point due;
        std::string bytes;
    };
    struct Direction {
        int from = -1;
        int to = -1;
        std::deque<Chunk> chunks = {};
        std::size_t held_bytes = 0;
        bool ended = false;   // `from` has nothing more to say
        bool closed = false;  // and `to` has been told
    };
    struct Link {
        Direction there;
        Direction back;
    };
    enum class Network { Well, Cut, Stalled };

    void run();
    void set(Network network);
    void accept_one();
    void wait_for_something();
    bool carry(Direction& direction);  // false: the connection is broken
    bool read_some(Direction& direction);
    bool write_due(Direction& direction);
    void drop(Link& link);
    void wake();

    ReservedPort port_;
    std::atomic<std::uint16_t> upstream_port_;
    int listener_ = -1;
    int wake_ = -1;  // an eventfd
    std::atomic<Network> network_ = Network::Well;
    std::atomic<std::int64_t> delay_ms_ = 0;
    std::atomic<bool> resets_ = false;
    std::atomic<bool> ends_ = false;
    std::atomic<std::size_t> connections_ = 0;
    std::atomic<std::uint64_t> bytes_carried_ = 0;
    std::vector<std::unique_ptr<Link>> links_;  // of the thread alone
    std::thread thread_;                        // last: it uses everything above
};

}  // namespace slipway
