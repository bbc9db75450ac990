// The sandbox behind its socket, and clients who send what they should not, or nothing.

#include <Poco/Net/Context.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/URI.h>
#include <gtest/gtest.h>

#include <array>

#include "ops/sandbox/sandbox.h"
#include "ops/sandbox/server.h"
#include "ops/sandbox/state_file.h"

namespace slipway::sandbox {
namespace {

using namespace std::chrono_literals;

const std::string hello = "\x16\x03\x01\x02";  // the beginning of one

class Running {
  public:
    explicit Running(Patience patience = {})
        : sandbox_(clock_, read_state(default_state(), clock_, {.seed = 1}).cluster),
          server_(std::make_unique<Server>(
              [this](const Request& request, Duration waited) {
                  return sandbox_.answer(request, waited);
              },
              ServerSettings{.place = {"127.0.0.1", 0}, .patience = patience})),
          address_("127.0.0.1", Poco::URI(server_->url()).getPort()) {}

    Poco::Net::StreamSocket raw() const {
        Poco::Net::StreamSocket socket(address_);
        socket.setReceiveTimeout(Poco::Timespan(30, 0));
        return socket;
    }
    Poco::Net::SecureStreamSocket secure() const {
        const Poco::Net::Context::Ptr context = new Poco::Net::Context(
            Poco::Net::Context::TLS_CLIENT_USE, "", Poco::Net::Context::VERIFY_NONE);
        Poco::Net::SecureStreamSocket socket(address_, context);
        socket.setReceiveTimeout(Poco::Timespan(30, 0));
        return socket;
    }
    void stop() { server_.reset(); }

  private:
    SystemClock clock_;
    Sandbox sandbox_;
    std::unique_ptr<Server> server_;
    Poco::Net::SocketAddress address_;
};

void send(Poco::Net::StreamSocket& socket, const std::string& text) {
    socket.sendBytes(text.data(), static_cast<int>(text.size()));
}

// Until the other end is closed.
std::string received(Poco::Net::StreamSocket& socket) {
    std::string text;
    std::array<char, 4096> bytes{};
    try {
        for (int got; (got = socket.receiveBytes(bytes.data(), bytes.size())) > 0;)
            text.append(bytes.data(), static_cast<std::size_t>(got));
    } catch (const Poco::TimeoutException&) {
        text += "(and then nothing)";
    } catch (const Poco::IOException&) {
        text += "(broken off)";
    }
    return text;
}

// While it sends a byte now and then: never idle, never ready.
bool is_broken_off(Poco::Net::StreamSocket& socket) {
    socket.setReceiveTimeout(Poco::Timespan(0, 50'000));
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < until) {
        try {
            send(socket, "G");
        } catch (const Poco::Exception&) {
            return true;
        }
        if (received(socket) != "(and then nothing)") return true;
    }
    return false;
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\r'));
}

TEST(SandboxServer, AnswersAfterWhatNobodyShouldSend) {
    const Running running;
    auto odd = running.secure();
    send(odd, "GET / X\r\n\r\n");
    EXPECT_EQ(first_line(received(odd)), "HTTP/1.1 506 http protocol version X not supported");
    auto no_tls = running.raw();
    send(no_tls, "GET / HTTP/1.1\r\n\r\n");
    received(no_tls);

    auto next = running.secure();
    send(next, "GET /api2/json/nodes HTTP/1.1\r\nConnection: close\r\n\r\n");

    EXPECT_EQ(first_line(received(next)), "HTTP/1.1 401 No ticket");
}

TEST(SandboxServer, AnswersInTheClearForWhateverAnswers) {
    Server server(
        [](const Request& request, Duration) { return Answer{.body = request.target + "\n"}; },
        {.place = {"127.0.0.1", 0}, .wire = Wire::Plain});
    EXPECT_TRUE(server.url().starts_with("http://127.0.0.1:"));
    Poco::Net::StreamSocket socket(
        Poco::Net::SocketAddress("127.0.0.1", Poco::URI(server.url()).getPort()));
    socket.setReceiveTimeout(Poco::Timespan(30, 0));

    send(socket, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");

    EXPECT_EQ(received(socket),
              "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Keep-Alive\r\n\r\n/a\n"
              "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n/b\n");
}

TEST(SandboxServer, StopsAlthoughClientsWait) {
    Running running({.idle = 60s, .request = 60s});
    auto silent = running.raw();
    auto in_handshake = running.raw();
    send(in_handshake, hello);
    auto in_request = running.secure();
    send(in_request, "GET /");
    const auto began = std::chrono::steady_clock::now();

    running.stop();

    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
}

TEST(SandboxServer, WaitsForNoRequestForEver) {
    const Running running({.idle = 200ms, .request = 400ms});
    auto silent = running.raw();
    EXPECT_EQ(received(silent), "");
    auto in_handshake = running.raw();
    send(in_handshake, hello);
    EXPECT_NE(received(in_handshake), "(and then nothing)");

    auto slow = running.secure();
    EXPECT_TRUE(is_broken_off(slow));
    auto slow_in_handshake = running.raw();
    send(slow_in_handshake, hello);
    EXPECT_TRUE(is_broken_off(slow_in_handshake));
}

}  // namespace
}  // namespace slipway::sandbox
