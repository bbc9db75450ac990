// Http on real sockets: what is proven not sent, what is not, and that nothing takes longer than
// it may. Against a server that does as it is told.

#include "consumers/http/net_http.h"

#include <Poco/Net/ServerSocket.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "consumers/http/socket.h"
#include "tests/consumers/http/scripted_server.h"
#include "tests/live/reserved_port.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// What comes of a request, in one line.
std::string outcome(Http& http, const HttpRequest& request) {
    try {
        const HttpAnswer answer = http.send(request);
        return std::to_string(answer.status) + " " + answer.body;
    } catch (const HttpError& error) {
        const std::string text = error.what();
        return (error.sent == Sent::No ? "not sent: " : "unknown: ") +
               text.substr(text.find(": ") + 2);
    }
}

HttpRequest get(const std::string& url, const HttpTrust& trust = {}) {
    return {.method = "GET", .url = url + "/x", .trust = trust, .timeout = 5'000ms};
}

HttpRequest post(const std::string& url) {
    return {.method = "POST", .url = url + "/x", .body = "a=1", .timeout = 5'000ms};
}

void echo_for_ever(ScriptedPeer& peer) {
    while (true) {
        const std::string request = peer.read_request();
        if (request.empty()) return;
        peer.write(ok_answer(request.substr(0, request.find("\r\n"))));
    }
}

TEST(NetHttp, SendsARequestAsItShouldBe) {
    std::string seen;
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer& peer, int) {
        seen = peer.read_request();
        peer.write(ok_answer("{}"));
        peer.read_request();
    });
    const SystemClock clock;
    NetHttp http(clock);

    HttpRequest request = post(server.url());
    request.headers = {{"Authorization", "PVEAPIToken=a"}};
    EXPECT_EQ(outcome(http, request), "200 {}");

    EXPECT_EQ(seen,
              "POST /x HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nAuthorization: PVEAPIToken=a\r\nContent-Length: 3\r\n\r\na=1");
}

TEST(NetHttp, SendsNoBodyWithGetAndDelete) {
    std::string seen;
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer& peer, int) {
        for (int i = 0; i < 2; ++i) {
            seen += peer.read_request();
            peer.write(ok_answer("{}"));
        }
    });
    const SystemClock clock;
    NetHttp http(clock);
    HttpRequest request = get(server.url());

    http.send(request);
    request.method = "DELETE";
    http.send(request);

    EXPECT_EQ(seen.find("Content-Length"), std::string::npos) << seen;
    EXPECT_EQ(seen.find("Transfer-Encoding"), std::string::npos) << seen;
}

TEST(NetHttp, KeepsAConnectionForAMoment) {
    ScriptedServer server(ServerKind::Plain, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    const SystemClock clock;
    NetHttp http(clock, {.idle_longest = 150ms});

    http.send(get(server.url()));
    http.send(post(server.url()));
    EXPECT_EQ(server.connections(), 1);

    const auto until = clock.since_boot() + 200ms;
    while (clock.since_boot() < until) std::this_thread::yield();
    http.send(get(server.url()));
    EXPECT_EQ(server.connections(), 2) << "an old one was used again";
}

TEST(NetHttp, DoesNotUseAConnectionThatTheServerHasClosed) {
    ScriptedServer server(ServerKind::Plain, [](ScriptedPeer& peer, int) {
        peer.read_request();
        peer.write(ok_answer("{}"));  // and closes, though it did not say so
    });
    const SystemClock clock;
    NetHttp http(clock);

    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(outcome(http, post(server.url())), "200 {}");
        const auto until = clock.since_boot() + 30ms;  // for the close to arrive
        while (clock.since_boot() < until) std::this_thread::yield();
    }
}

// The race that is left: the server closes when the next request is already on its way.
TEST(NetHttp, SendsAGetAgainThatFellIntoAClose) {
    ScriptedServer server(ServerKind::Plain, [](ScriptedPeer& peer, int number) {
        peer.read_request();
        peer.write(ok_answer("first of " + std::to_string(number)));
        if (number == 1) {
            peer.read_request();
            peer.reset();
        }
    });
    const SystemClock clock;
    NetHttp http(clock);

    EXPECT_EQ(outcome(http, get(server.url())), "200 first of 1");
    EXPECT_EQ(outcome(http, get(server.url())), "200 first of 2");
}

TEST(NetHttp, SendsNothingTwiceThatMayHaveBeenExecuted) {
    std::atomic<int> requests = 0;
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer& peer, int) {
        peer.read_request();
        if (++requests == 1) {
            peer.write(ok_answer("{}"));
            peer.read_request();
            ++requests;
        }
        peer.reset();
    });
    const SystemClock clock;
    NetHttp http(clock);

    EXPECT_EQ(outcome(http, post(server.url())), "200 {}");
    EXPECT_TRUE(outcome(http, post(server.url())).starts_with("unknown: "));
    EXPECT_TRUE(outcome(http, post(server.url())).starts_with("unknown: "));
    EXPECT_EQ(requests, 3);
}

TEST(NetHttp, SaysThatNothingWasSentWhereNobodyListens) {
    const ReservedPort port;
    const SystemClock clock;
    NetHttp http(clock);

    EXPECT_EQ(outcome(http, post("http://127.0.0.1:" + std::to_string(port.number()))),
              "not sent: Connection refused");
    EXPECT_TRUE(outcome(http, post("http://no-such-host.invalid")).starts_with("not sent: "));
    EXPECT_EQ(outcome(http, post("ftp://127.0.0.1")).substr(0, 9), "not sent:");
}

TEST(NetHttp, SendsNothingOnceTheTimeToActIsOver) {
    std::atomic<bool> seen = false;
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer& peer, int) {
        if (!peer.read_request().empty()) seen = true;
    });
    const SystemClock clock;
    NetHttp http(clock);
    HttpRequest request = post(server.url());
    request.send_before = clock.since_boot();

    EXPECT_EQ(outcome(http, request),
              "not sent: the time to act was over before anything was sent");
    EXPECT_FALSE(seen);
}

TEST(NetHttp, GivesUpInTimeWhateverTheServerDoes) {
    struct Row {
        std::string_view name;
        std::string begins;
    };
    // Each begins an answer and then drips a byte now and then, which renews a timeout per read.
    const Row rows[] = {
        {"silence", ""},
        {"a head without end", "HTTP/1.1 200 OK\r\nA: "},
        {"a body without end", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"},
        {"chunks without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::atomic<bool> over = false;
        const SystemClock clock;
        ScriptedServer server(ServerKind::Tls, [&](ScriptedPeer& peer, int) {
            peer.read_request();
            peer.write(row.begins);
            while (!over) {
                const auto until = clock.since_boot() + 20ms;
                while (clock.since_boot() < until) std::this_thread::yield();
                if (!row.begins.empty()) peer.write("a");
            }
        });
        NetHttp http(clock);
        HttpRequest request = get(server.url(), {.sha256 = server.fingerprint()});
        request.timeout = 300ms;

        const auto began = clock.since_boot();
        EXPECT_EQ(outcome(http, request), "unknown: timeout: the answer took too long");
        EXPECT_LT(clock.since_boot() - began, 1s);
        over = true;
    }
}

// Nobody ever has to wait for such a server, so no wait ends it.
TEST(NetHttp, GivesUpInTimeIfTheServerNeverPauses) {
    std::string chunks;
    for (int i = 0; i < 2'000; ++i) chunks += "1\r\na\r\n";
    ScriptedServer server(ServerKind::Tls, [&](ScriptedPeer& peer, int) {
        peer.read_request();
        peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (true) peer.write(chunks);  // until the client has gone
    });
    const SystemClock clock;
    NetHttp http(clock);
    HttpRequest request = get(server.url(), {.sha256 = server.fingerprint()});
    request.timeout = 300ms;

    EXPECT_EQ(outcome(http, request), "unknown: timeout: the answer took too long");
}

// A listener whose queue is full lets whoever comes next wait.
TEST(NetHttp, LeavesTimeForTheNextAddress) {
    const Poco::Net::ServerSocket full(Poco::Net::SocketAddress("127.0.0.1", 0), 1);
    const Poco::Net::ServerSocket good(Poco::Net::SocketAddress("127.0.0.1", 0), 1);
    std::vector<Poco::Net::StreamSocket> waiting(8, Poco::Net::StreamSocket());
    for (Poco::Net::StreamSocket& one : waiting) {
        one = Poco::Net::StreamSocket(full.address().family());
        one.connectNB(full.address());
    }
    const SystemClock clock;
    const TimeLimit limit{clock, clock.since_boot() + 1s};

    const auto socket = connect_to_one_of({full.address(), full.address(), good.address()}, limit);

    EXPECT_EQ(socket.peerAddress(), good.address());
    EXPECT_LT(clock.since_boot(), limit.ends_at);
}

TEST(NetHttp, BlamesNoServerForAKeptConnectionThatItClosed) {
    ScriptedServer server(ServerKind::Plain, [](ScriptedPeer& peer, int) {
        peer.read_request();
        peer.write(ok_answer("{}"));
        peer.read_request();
        peer.reset();
    });
    const SystemClock clock;
    NetHttp http(clock);
    const auto blamed = [&](const HttpRequest& request) {
        try {
            http.send(request);
        } catch (const HttpError& error) {
            return error.blame == Blame::Server ? "the server" : "nobody";
        }
        return "(answered)";
    };
    HttpRequest late = post(server.url());
    late.send_before = clock.since_boot();
    const ReservedPort port;

    EXPECT_STREQ(blamed(post(server.url())), "(answered)");
    EXPECT_STREQ(blamed(post(server.url())), "nobody");
    EXPECT_STREQ(blamed(late), "nobody");
    EXPECT_STREQ(blamed(post("http://127.0.0.1:" + std::to_string(port.number()))), "the server");
}

TEST(NetHttp, GivesUpInTimeInTheHandshake) {
    std::atomic<bool> over = false;
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer&, int) {
        while (!over) std::this_thread::yield();
    });
    const SystemClock clock;
    NetHttp http(clock, {.connect_longest = 200ms});
    const std::string url = "https://127.0.0.1:" + std::to_string(server.port());

    EXPECT_EQ(outcome(http, get(url, {.anybody = true})),
              "not sent: timeout: the TLS handshake took too long");
    over = true;
}

TEST(NetHttp, BelievesThoseWhomItShould) {
    ScriptedServer server(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    ScriptedServer other(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    const SystemClock clock;
    NetHttp http(clock);
    const std::string good = "200 GET /x HTTP/1.1";

    EXPECT_EQ(outcome(http, get(server.url(), {.sha256 = server.fingerprint()})), good);
    EXPECT_EQ(outcome(http, get(server.url(), {.ca_file = server.certificate_file()})), good);
    EXPECT_EQ(outcome(http, get(server.url(), {.anybody = true})), good);

    EXPECT_EQ(outcome(http, get(server.url())),
              "not sent: the TLS handshake: certificate verify failed: self-signed certificate");
    EXPECT_TRUE(outcome(http, get(server.url(), {.ca_file = other.certificate_file()}))
                    .starts_with("not sent: the TLS handshake: certificate verify failed"));
    const std::string pinned = outcome(http, get(server.url(), {.sha256 = other.fingerprint()}));
    EXPECT_TRUE(pinned.starts_with("not sent: the server's certificate has the SHA-256 finger"))
        << pinned;
    EXPECT_TRUE(pinned.ends_with(", not " + plain_fingerprints(other.fingerprint())[0])) << pinned;
    EXPECT_TRUE(outcome(http, get(server.url(), {.ca_file = "/no/such/file"}))
                    .starts_with("not sent: /no/such/file: no certificates can be read from it"));
    EXPECT_TRUE(outcome(http, get(server.url(), {.sha256 = "AB:CD"}))
                    .starts_with("not sent: a SHA-256 fingerprint has 64 hex digits, not 4"));
}

// Every node of a cluster has a certificate of its own.
TEST(NetHttp, BelievesEachOfSeveralCertificates) {
    ScriptedServer one(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    ScriptedServer two(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    ScriptedServer other(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    const SystemClock clock;
    NetHttp http(clock);
    const HttpTrust trust{.sha256 = one.fingerprint() + ", " + two.fingerprint()};

    EXPECT_EQ(outcome(http, get(one.url(), trust)), "200 GET /x HTTP/1.1");
    EXPECT_EQ(outcome(http, get(two.url(), trust)), "200 GET /x HTTP/1.1");
    EXPECT_TRUE(outcome(http, get(other.url(), trust)).starts_with("not sent: the server's cert"));
}

TEST(PlainFingerprints, AreSixtyFourDigitsEach) {
    const std::string a(64, 'a');
    std::string with_colons = "AA";
    for (int i = 1; i < 32; ++i) with_colons += ":AA";

    EXPECT_EQ(plain_fingerprints(a), (std::vector<std::string>{a}));
    EXPECT_EQ(plain_fingerprints(with_colons + " , " + a), (std::vector<std::string>{a, a}));
    // None at all must not mean that all are believed.
    for (const std::string wrong : {"", " ", ",", "AA:BB", "xyz"})
        EXPECT_THROW(plain_fingerprints(wrong), Error) << wrong;
    EXPECT_THROW(plain_fingerprints(a + ","), Error);
    EXPECT_THROW(plain_fingerprints(a + " " + a), Error);
}

// Poco's own check of names is waived for loopback; ours is not.
TEST(NetHttp, WantsTheRightNameInTheCertificate) {
    ScriptedServer server(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    const SystemClock clock;
    NetHttp http(clock);
    const HttpTrust trust{.ca_file = server.certificate_file()};
    const std::string port = std::to_string(server.port());

    EXPECT_EQ(outcome(http, get("https://localhost:" + port, trust)),
              "not sent: the TLS handshake: certificate verify failed: hostname mismatch");
}

TEST(NetHttp, ServesManyThreadsAtOnce) {
    ScriptedServer server(ServerKind::Tls, [](ScriptedPeer& peer, int) { echo_for_ever(peer); });
    const SystemClock clock;
    NetHttp http(clock);
    const HttpTrust trust{.sha256 = server.fingerprint()};
    std::atomic<int> good = 0;

    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 50; ++j) {
                HttpRequest request = get(server.url(), trust);
                request.url += std::to_string(i * 100 + j);
                if (http.send(request).body == "GET /x" + std::to_string(i * 100 + j) + " HTTP/1.1")
                    ++good;
            }
        });
    for (std::thread& thread : threads) thread.join();

    EXPECT_EQ(good, 400);
    EXPECT_LE(server.connections(), 8);
}

TEST(ParseUrl, ReadsAddressesOfServers) {
    struct Row {
        std::string_view url;
        std::string_view shown;
    };
    const Row rows[] = {
        {"https://pve1.example:8006", "pve1.example:8006 /"},
        {"https://pve1.example/a/b?c=d", "pve1.example:443 /a/b?c=d"},
        {"http://10.0.0.1", "10.0.0.1:80 /"},
        {"https://[2001:db8::1]:8006/", "[2001:db8::1]:8006 /"},
        {"https://[2001:db8::1]", "[2001:db8::1]:443 /"},
        {"https://h?x", "h:443 /?x"},
        {"pve1:8006", "wrong"},
        {"https://", "wrong"},
        {"https://10.0.0.1:8006", "10.0.0.1:8006 /"},
        {"https://10.0.1:8006", "wrong"},  // 10.0.0.1 to some
        {"https://010.0.0.1", "wrong"},
        {"https://0xa000001", "wrong"},
        {"https://167772161", "wrong"},
        {"https://[fe80::1%eth0]", "wrong"},
        {"https://[10.0.0.1]", "wrong"},
        {"https://[pve1]", "wrong"},
        {"https://10.example", "10.example:443 /"},
        {"https://h:0", "wrong"},
        {"https://h:65536", "wrong"},
        {"https://h:80x", "wrong"},
        {"https://h:", "wrong"},
        {"https://[::1", "wrong"},
        {"https://[::1]8006", "wrong"},
        {"https://me:secret@h", "wrong"},
        {"https://h/a b", "wrong"},
        {"https://h/a\r\nX: y", "wrong"},
        {"https://h\r\nX: y/", "wrong"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.url);
        std::string shown = "wrong";
        try {
            const HttpTarget target = parse_url(row.url);
            shown = target.authority() + " " + target.path;
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
        }
        EXPECT_EQ(shown, row.shown);
    }
}

}  // namespace
}  // namespace slipway
