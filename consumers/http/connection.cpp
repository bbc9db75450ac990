#include "consumers/http/connection.h"

#include <Poco/Net/DNS.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

#include "consumers/http/tls.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t read_size = 16 * 1024;

class PlainConnection final : public Connection {
  public:
    explicit PlainConnection(const Poco::Net::StreamSocket& socket) : socket_(socket) {}

    void write(std::string_view bytes, const TimeLimit& limit) override {
        while (!bytes.empty()) {
            wait_for(socket_, Poco::Net::Socket::SELECT_WRITE, limit, "sending the request");
            const int sent =
                socket_.sendBytes(bytes.data(), static_cast<int>(bytes.size()), MSG_NOSIGNAL);
            if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    std::string read(const TimeLimit& limit) override {
        std::string bytes(read_size, '\0');
        while (true) {
            wait_for(socket_, Poco::Net::Socket::SELECT_READ, limit, "the answer");
            const int got = socket_.receiveBytes(bytes.data(), static_cast<int>(bytes.size()));
            if (got < 0) continue;
            bytes.resize(static_cast<std::size_t>(got));
            return bytes;
        }
    }

    // Whatever can be read now, if only the end, is nothing we asked for.
    bool is_quiet() override {
        return !socket_.poll(Poco::Timespan(0), Poco::Net::Socket::SELECT_READ);
    }

  private:
    Poco::Net::StreamSocket socket_;  // a handle: copies are of the same one
};

// "Connection refused: 127.0.0.1:8006" and the like: what the system says, and of whom.
std::string text_of(const Poco::Exception& error) {
    return error.message().empty() ? error.what() : error.message();
}

std::vector<Poco::Net::IPAddress> addresses_of(const std::string& host) {
    Poco::Net::IPAddress literal;
    if (Poco::Net::IPAddress::tryParse(host, literal)) return {literal};
    return Poco::Net::DNS::hostByName(host).addresses();
}

Poco::Net::StreamSocket connected(const Poco::Net::SocketAddress& address, const TimeLimit& limit) {
    Poco::Net::StreamSocket socket(address.family());
    socket.connectNB(address);
    wait_for(socket, Poco::Net::Socket::SELECT_WRITE, limit, "connecting");
    if (const int error = socket.impl()->socketError(); error != 0)
        throw Error(std::strerror(error));
    socket.setNoDelay(true);
    return socket;
}

// The addresses one after the other; what the last of them said if none took us.
Poco::Net::StreamSocket connect_to(const HttpTarget& target, const TimeLimit& limit) {
    std::string why = "the name has no address";
    for (const Poco::Net::IPAddress& address : addresses_of(target.host)) {
        try {
            return connected({address, target.port}, limit);
        } catch (const Poco::Exception& error) {
            why = text_of(error);
        } catch (const Error& error) {
            why = error.what();
        }
        limit.left(why);
    }
    throw Error(why);
}

}  // namespace

void wait_for(Poco::Net::StreamSocket& socket,
              int for_what,
              const TimeLimit& limit,
              std::string_view what) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::microseconds>(limit.left(what)).count();
        if (socket.poll(Poco::Timespan(left), for_what | Poco::Net::Socket::SELECT_ERROR)) return;
    }
}

nanoseconds TimeLimit::left(std::string_view what) const {
    const nanoseconds rest = ends_at - clock.since_boot();
    if (rest <= nanoseconds(0)) throw Error(fmt::format("timeout: {} took too long", what));
    return rest;
}

std::string HttpTarget::authority() const {
    const bool six = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", six ? "[" : "", host, six ? "]" : "", port);
}

HttpTarget parse_url(std::string_view url) {
    const auto wrong = [&](std::string_view what) {
        // Whatever it is, it might hold a password.
        throw Error(fmt::format("an address {}; it should be like https://host:8006", what));
    };
    HttpTarget target;
    if (url.starts_with("http://")) {
        target.tls = false;
        target.port = 80;
    } else if (!url.starts_with("https://")) {
        wrong("begins neither with https:// nor with http://");
    }
    url.remove_prefix(target.tls ? 8 : 7);
    const std::size_t slash = std::min(url.find_first_of("/?"), url.size());
    std::string_view authority = url.substr(0, slash);
    target.path = url.substr(slash);
    if (!target.path.starts_with('/')) target.path.insert(0, "/");
    if (authority.find('@') != std::string_view::npos) wrong("holds a user name or a password");
    const bool six = authority.starts_with('[');
    const std::size_t host_end = six ? authority.find(']') : authority.find(':');
    if (six && host_end == std::string_view::npos) wrong("has a [ without a ]");
    const std::size_t end = std::min(host_end, authority.size());
    target.host = authority.substr(six ? 1 : 0, six ? end - 1 : end);
    std::string_view port = authority.substr(std::min(six ? end + 1 : end, authority.size()));
    if (target.host.empty() || target.host.find_first_of(" \t\r\n\"<>\\^`{|}") != std::string::npos)
        wrong("names no host");
    if (!port.empty()) {
        const char* last = port.data() + port.size();
        const auto [stop, error] = std::from_chars(port.data() + 1, last, target.port);
        if (port[0] != ':' || error != std::errc() || stop != last || target.port == 0)
            wrong("has a port that is none");
    }
    for (const char c : target.path)
        if (c <= ' ' || c == 0x7f) wrong("holds a space or a control character");
    return target;
}

std::unique_ptr<Connection> open_connection(const HttpTarget& target,
                                            const std::shared_ptr<TlsContext>& context,
                                            const TimeLimit& limit) {
    try {
        const Poco::Net::StreamSocket socket = connect_to(target, limit);
        if (!context) return std::make_unique<PlainConnection>(socket);
        return open_tls(socket, target.host, context, limit);
    } catch (const Poco::Exception& error) {
        throw Error(text_of(error));
    }
}

}  // namespace slipway
