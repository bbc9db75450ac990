#include "tests/live/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace slipway {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t most_held_bytes = 1 << 20;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int reuse = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    const sockaddr_in address = loopback(port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, 128) != 0) {
        throw std::system_error(errno, std::generic_category(), "listen");
    }
    return fd;
}

int connected_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    // On loopback this is answered at once, one way or the other.
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd);
        return -1;
    }
    return fd;
}

// Closing with this set sends a reset instead of an orderly end.
void reset(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
}

void send_at_once(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t upstream_port)
    : upstream_port_(upstream_port),
      listener_(listen_on(port_.number())),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

TcpProxy::~TcpProxy() {
    ends_ = true;
    wake();
    thread_.join();
    for (auto& link : links_) drop(*link);
    ::close(listener_);
    ::close(wake_);
}

void TcpProxy::cut() {
    set(Network::Cut);
}

void TcpProxy::stall() {
    set(Network::Stalled);
}

void TcpProxy::delay(std::chrono::milliseconds each_way) {
    delay_ms_ = each_way.count();
}

void TcpProxy::heal() {
    delay_ms_ = 0;
    set(Network::Well);
}

void TcpProxy::reset_connections() {
    resets_ = true;
    wake();
}

void TcpProxy::set(Network network) {
    network_ = network;
    wake();
}

void TcpProxy::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void TcpProxy::run() {
    while (!ends_) {
        const bool all_go = resets_.exchange(false) || network_ == Network::Cut;
        std::erase_if(links_, [&](auto& link) {
            const bool stays = !all_go && (network_ == Network::Stalled ||
                                           (carry(link->there) && carry(link->back)));
            const bool done = stays && link->there.closed && link->back.closed;
            if (!stays || done) drop(*link);
            return !stays || done;
        });
        connections_ = links_.size();
        wait_for_something();
    }
}

void TcpProxy::wait_for_something() {
    std::vector<pollfd> watched{{.fd = wake_, .events = POLLIN, .revents = 0},
                                {.fd = listener_, .events = POLLIN, .revents = 0}};
    int longest_ms = -1;
    const auto now = SteadyClock::now();
    const auto watch = [&](const Direction& direction) {
        if (!direction.ended && direction.held_bytes < most_held_bytes) {
            watched.push_back({.fd = direction.from, .events = POLLIN, .revents = 0});
        }
        if (direction.chunks.empty()) return;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(direction.chunks.front().due - now);
        if (left.count() <= 0) {
            watched.push_back({.fd = direction.to, .events = POLLOUT, .revents = 0});
        } else if (longest_ms < 0 || left.count() < longest_ms) {
            longest_ms = static_cast<int>(left.count());
        }
    };
    if (network_ == Network::Well) {
        for (const auto& link : links_) {
            watch(link->there);
            watch(link->back);
        }
    }
    ::poll(watched.data(), watched.size(), longest_ms);
    std::uint64_t rung = 0;
    [[maybe_unused]] const auto read = ::read(wake_, &rung, sizeof rung);
    if (watched[1].revents != 0) accept_one();
}

void TcpProxy::accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = network_ == Network::Cut ? -1 : connected_to(upstream_port_);
    if (server < 0) {
        reset(client);
        return;
    }
    send_at_once(client);
    send_at_once(server);
    links_.push_back(std::make_unique<Link>(
        Link{.there = {.from = client, .to = server}, .back = {.from = server, .to = client}}));
}

bool TcpProxy::carry(Direction& direction) {
    return read_some(direction) && write_due(direction);
}

bool TcpProxy::read_some(Direction& direction) {
    std::array<char, 65536> buffer;
    while (!direction.ended && direction.held_bytes < most_held_bytes) {
        const ssize_t got = ::recv(direction.from, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) {
            direction.ended = true;
            break;
        }
        const auto size = static_cast<std::size_t>(got);
        direction.chunks.push_back(
            {.due = SteadyClock::now() + std::chrono::milliseconds(delay_ms_.load()),
             .bytes = std::string(buffer.data(), size)});
        direction.held_bytes += size;
    }
    return true;
}

bool TcpProxy::write_due(Direction& direction) {
    while (!direction.chunks.empty() && direction.chunks.front().due <= SteadyClock::now()) {
        std::string& bytes = direction.chunks.front().bytes;
        const ssize_t put =
            ::send(direction.to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0) return errno == EAGAIN || errno == EINTR;
        const auto size = static_cast<std::size_t>(put);
        bytes_carried_ += size;
        direction.held_bytes -= size;
        bytes.erase(0, size);
        if (!bytes.empty()) return true;
        direction.chunks.pop_front();
    }
    if (direction.ended && direction.chunks.empty() && !direction.closed) {
        ::shutdown(direction.to, SHUT_WR);
        direction.closed = true;
    }
    return true;
}

void TcpProxy::drop(Link& link) {
    const bool orderly = link.there.closed && link.back.closed;
    for (const int fd : {link.there.from, link.there.to}) orderly ? (void)::close(fd) : reset(fd);
}

}  // namespace slipway
