// `slipway sandbox` as a process: what it serves beside Proxmox, and how it says so.

#include <Poco/Net/StreamSocket.h>
#include <Poco/URI.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "tests/live/slipway_process.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

std::string first_line(const std::string& host, std::uint16_t port, const std::string& text) {
    Poco::Net::StreamSocket socket(Poco::Net::SocketAddress(host, port));
    socket.setReceiveTimeout(Poco::Timespan(30, 0));
    socket.sendBytes(text.data(), static_cast<int>(text.size()));
    std::array<char, 4096> bytes{};
    const int got = socket.receiveBytes(bytes.data(), bytes.size());
    const std::string said(bytes.data(), static_cast<std::size_t>(std::max(got, 0)));
    return said.substr(0, said.find('\r'));
}

std::string refusal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"sandbox", "--listen", "127.0.0.1:0"});
    const Ended ended = run_slipway({.arguments = std::move(arguments)});
    EXPECT_EQ(ended.exit_code, 2);
    return ended.errors;
}

TEST(SandboxCommand, ServesDnsAndMailWhereItIsTold) {
    SlipwayProcess process({.arguments = {"sandbox",
                                          "--listen=127.0.0.1:0",
                                          "--dns=pdns1=127.0.0.1:0",
                                          "--dns=hestia=127.0.0.1:0",
                                          "--mail=127.0.0.1:0"}});
    ASSERT_TRUE(process.wait_for_line("\n", 20s)) << process.tail();
    const auto ready = nlohmann::json::parse(process.output());

    const auto ask = [&](const std::string& name, const std::string& target) {
        const Poco::URI uri(ready["dns"][name]["url"].get<std::string>());
        return first_line(uri.getHost(),
                          uri.getPort(),
                          "GET " + target + " HTTP/1.1\r\nX-API-Key: " +
                              ready["dns"][name]["secret"].get<std::string>() + "\r\n\r\n");
    };
    EXPECT_EQ(ask("pdns1", "/api/v1/servers/localhost/zones/example.com."), "HTTP/1.1 200 OK");
    EXPECT_EQ(ask("hestia", "/"), "HTTP/1.1 404 OK");
    EXPECT_EQ(first_line(ready["mail"]["host"], ready["mail"]["port"], "QUIT\r\n"),
              "220 a mailbox in a box");
    EXPECT_EQ(process.stop(), 0);
}

TEST(SandboxCommand, SaysWhatIsWrongWithAPlace) {
    EXPECT_EQ(refusal({"--dns", "127.0.0.1:0"}),
              "slipway: --dns 127.0.0.1:0: must be NAME=HOST:PORT\n");
    EXPECT_EQ(refusal({"--dns", "bind=127.0.0.1:0"}),
              "slipway: --dns bind=127.0.0.1:0: there is no DNS provider bind in the state; "
              "--print-state shows the section dns\n");
    EXPECT_EQ(refusal({"--mail", "127.0.0.1"}),
              "slipway: --mail: \"127.0.0.1\" is no HOST:PORT, such as 127.0.0.1:8006; port 0 "
              "takes a free one\n");
}

}  // namespace
}  // namespace slipway
