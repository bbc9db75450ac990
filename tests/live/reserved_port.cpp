#include "tests/live/reserved_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <random>
#include <stdexcept>

namespace slipway {
namespace {

bool is_free(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int reuse = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return bound;
}

// A socket that says "taken" to everyone on this machine; -1 if somebody else said so first.
int mark(std::uint16_t port) {
    const std::string name = "slipway-port-" + std::to_string(port);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());  // a leading NUL: abstract
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) return fd;
    ::close(fd);
    return -1;
}

}  // namespace

ReservedPort::ReservedPort() {
    std::random_device random;
    std::uniform_int_distribution<int> ports(20000, 31999);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto candidate = static_cast<std::uint16_t>(ports(random));
        mark_ = mark(candidate);
        if (mark_ < 0) continue;
        if (is_free(candidate)) {
            number_ = candidate;
            return;
        }
        ::close(mark_);
    }
    throw std::runtime_error("no free loopback port between 20000 and 31999");
}

ReservedPort::~ReservedPort() {
    ::close(mark_);
}

}  // namespace slipway
