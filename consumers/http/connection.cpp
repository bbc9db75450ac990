#include "consumers/http/connection.h"

#include <Poco/Net/DNS.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "consumers/http/socket.h"
#include "consumers/http/tls.h"
#include "consumers/runtime/check.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t read_size = 16 * 1024;

class PlainConnection final : public NetConnection {
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

    const Poco::Net::StreamSocket& socket() const { return socket_; }

  private:
    Poco::Net::StreamSocket socket_;  // a handle: copies are of the same one
};

std::vector<Poco::Net::SocketAddress> addresses_of(const HttpTarget& target) {
    Poco::Net::IPAddress literal;
    if (Poco::Net::IPAddress::tryParse(target.host, literal))
        return {{Poco::Net::SocketAddress(literal, target.port)}};
    std::vector<Poco::Net::SocketAddress> addresses;
    const Poco::Net::HostEntry found = Poco::Net::DNS::hostByName(target.host);
    for (const Poco::Net::IPAddress& address : found.addresses())
        addresses.emplace_back(address, target.port);
    return addresses;
}

// inet_aton, and Poco with it, takes 10.0.1 for 10.0.0.1 and 010.0.0.1 for 8.0.0.1; nobody means
// that, no certificate has it, and an address with a zone (%eth0) is in none either.
bool is_half_an_address(const std::string& host, bool in_brackets) {
    in6_addr whole{};
    if (in_brackets) return inet_pton(AF_INET6, host.c_str(), &whole) != 1;
    in_addr any{};
    return inet_aton(host.c_str(), &any) != 0 && inet_pton(AF_INET, host.c_str(), &whole) != 1;
}

}  // namespace

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
    if (is_half_an_address(target.host, six))
        wrong("has numbers for a host that are no whole IP address");
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

std::unique_ptr<NetConnection> open_connection(const HttpTarget& target,
                                               const std::shared_ptr<TlsContext>& context,
                                               const TimeLimit& limit,
                                               nanoseconds longest) {
    try {
        const auto addresses = addresses_of(target);
        limit.left("looking up the name");
        const TimeLimit sooner{limit.clock,
                               std::min(limit.ends_at, limit.clock.since_boot() + longest)};
        const Poco::Net::StreamSocket socket = connect_to_one_of(addresses, sooner);
        if (!context) return std::make_unique<PlainConnection>(socket);
        return open_tls(socket, target.host, context, sooner);
    } catch (const Poco::Exception& error) {
        throw Error(text_of(error));
    }
}

std::unique_ptr<NetConnection> begin_tls(std::unique_ptr<NetConnection> plain,
                                         const std::string& host,
                                         const std::shared_ptr<TlsContext>& context,
                                         const TimeLimit& limit) {
    const auto* connection = dynamic_cast<PlainConnection*>(plain.get());
    check(connection != nullptr, "TLS begins once on a connection");
    try {
        return open_tls(connection->socket(), host, context, limit);
    } catch (const Poco::Exception& error) {
        throw Error(text_of(error));
    }
}

}  // namespace slipway
