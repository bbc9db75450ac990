#include "ops/sandbox/server.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "consumers/runtime/error.h"
#include "ops/sandbox/certificate.h"
#include "ops/sandbox/http_wire.h"

namespace slipway::sandbox {
namespace {

constexpr int most_requests = 100;
constexpr std::chrono::milliseconds longest_nap{200};
constexpr std::size_t most_connections = 500;

using Socket = Poco::Net::StreamSocket;
using Steady = std::chrono::steady_clock;

Poco::Net::Context::Ptr context_of(const Certificate& certificate) {
    Poco::Net::Context::Params params;
    params.verificationMode = Poco::Net::Context::VERIFY_NONE;
    Poco::Net::Context::Ptr context =
        new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, params);
    SSL_CTX_use_certificate(context->sslContext(), certificate.certificate.get());
    SSL_CTX_use_PrivateKey(context->sslContext(), certificate.key.get());
    return context;
}

Poco::Timespan timespan(std::chrono::milliseconds time) {
    return {std::chrono::duration_cast<std::chrono::microseconds>(time).count()};
}

bool wants_close(const Request& request) {
    std::string wish = header(request.headers, "Connection");
    std::transform(wish.begin(), wish.end(), wish.begin(), ::tolower);
    return wish == "close" || (request.version == "HTTP/1.0" && wish != "keep-alive");
}

}  // namespace

class Server::Impl {
  public:
    Impl(Sandbox& sandbox, const std::string& host, std::uint16_t port, Patience patience)
        : sandbox_(sandbox), host_(host), patience_(patience), certificate(new_certificate(host)) {
        try {
            socket_ = std::make_unique<Poco::Net::SecureServerSocket>(
                Poco::Net::SocketAddress(host, port), 64, context_of(certificate));
        } catch (const Poco::Exception& error) {
            throw Error(fmt::format("cannot listen on {}:{}: {}", host, port, error.displayText()));
        }
        accepting_ = std::thread([this] { accept(); });
    }

    ~Impl() {
        stopping_ = true;
        changed_.notify_all();
        accepting_.join();
        socket_->close();
        const auto all = [&] {
            const std::lock_guard lock(connections_mutex_);
            return std::exchange(connections_, {});
        }();
        for (const auto& connection : all) break_off(*connection);
        for (const auto& connection : all) connection->thread.join();
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::string url() const {
        return fmt::format("https://{}:{}", host_, socket_->address().port());
    }

    void with_sandbox(const std::function<void(Sandbox&)>& act) {
        const std::lock_guard lock(mutex_);
        act(sandbox_);
        changed_.notify_all();
    }

  private:
    struct Connection {
        explicit Connection(const Socket& accepted) : socket(accepted) {}
        Socket socket;
        std::mutex closing;  // the number of a closed socket may be somebody else's
        std::atomic<Steady::time_point> until{Steady::time_point::max()};  // what it waits for
        std::atomic<bool> ended{false};
        std::thread thread;
    };

    // Whatever its thread waits for comes to an end at once.
    static void break_off(Connection& connection) {
        const std::lock_guard lock(connection.closing);
        ::shutdown(connection.socket.impl()->sockfd(), SHUT_RDWR);
    }

    // OpenSSL waits by itself for the rest of a handshake or of a record, however slowly it comes.
    void break_off_late() {
        const std::lock_guard lock(connections_mutex_);
        for (const auto& connection : connections_)
            if (!connection->ended && Steady::now() >= connection->until.load())
                break_off(*connection);
    }

    void accept() {
        while (!stopping_) {
            try {
                break_off_late();
                if (!socket_->poll(Poco::Timespan(0, 100'000), Poco::Net::Socket::SELECT_READ))
                    continue;
                serve(socket_->acceptConnection());
            } catch (const std::exception&) {
                continue;  // that one did not want to, or there is no thread for it
            }
        }
    }

    void serve(const Socket& socket) {
        const std::lock_guard lock(connections_mutex_);
        for (auto it = connections_.begin(); it != connections_.end();) {
            if ((*it)->ended) {
                (*it)->thread.join();
                it = connections_.erase(it);
            } else {
                ++it;
            }
        }
        if (connections_.size() >= most_connections) return;
        auto made = std::make_unique<Connection>(socket);
        Connection& connection = *made;
        made->thread = std::thread([this, &connection] { run(connection); });
        connections_.push_back(std::move(made));
    }

    void run(Connection& connection) {
        try {
            talk(connection);
        } catch (const std::exception&) {
            // The client has gone, which is its right; or it is too odd to be answered.
        }
        connection.until = Steady::time_point::max();
        const std::lock_guard lock(connection.closing);
        try {
            connection.socket.close();
        } catch (const std::exception&) {
            // It is closed all the same.
        }
        connection.ended = true;
    }

    // What comes in in time; nothing at the end.
    std::string receive(Connection& connection) {
        Socket& socket = connection.socket;
        std::array<char, 16384> bytes{};
        while (!stopping_ && Steady::now() < connection.until.load()) {
            if (!socket.available() &&
                !socket.poll(Poco::Timespan(0, 100'000), Poco::Net::Socket::SELECT_READ))
                continue;
            const int got = socket.receiveBytes(bytes.data(), static_cast<int>(bytes.size()));
            return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
        }
        return {};
    }

    void talk(Connection& connection) {
        Socket& socket = connection.socket;
        socket.setNoDelay(true);
        socket.setSendTimeout(timespan(patience_.idle));  // of the last words when it is closed
        bool begun = false;
        RequestReader reader([&] {
            std::string got = receive(connection);
            if (!std::exchange(begun, true)) connection.until = Steady::now() + patience_.request;
            return got;
        });
        for (int count = 1; count <= most_requests && !stopping_; ++count) {
            begun = false;
            connection.until = Steady::now() + patience_.idle;
            const auto request = reader.next();
            if (!request) break;
            connection.until = Steady::time_point::max();
            const Answer answer = ask(*request);
            connection.until = Steady::now() + patience_.request;
            if (answer.connection == sandbox::Connection::Reset) {
                socket.setLinger(true, 0);
                break;
            }
            const bool keeps = answer.connection == sandbox::Connection::Keep &&
                               count < most_requests && !wants_close(*request);
            send(socket, wire_text(answer, keeps));
            if (!keeps) break;
        }
    }

    static void send(Socket& socket, const std::string& text) {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const int now =
                socket.sendBytes(text.data() + sent, static_cast<int>(text.size() - sent));
            if (now <= 0) return;
            sent += static_cast<std::size_t>(now);
        }
    }

    // Comes again while a lock file is held, and takes as long as the answer says it takes.
    Answer ask(const Request& request) {
        std::unique_lock lock(mutex_);
        const auto began = Steady::now();
        auto answer = sandbox_.answer(request);
        while (!answer && !stopping_) {
            changed_.wait_for(lock, longest_nap / 4);
            answer = sandbox_.answer(request, Steady::now() - began);
        }
        changed_.notify_all();
        if (!answer) return {.status = 500, .reason = "shutting down"};
        const auto until = Steady::now() + answer->after;
        while (!stopping_ && Steady::now() < until)
            changed_.wait_until(lock, std::min(until, Steady::now() + longest_nap));
        return *answer;
    }

    Sandbox& sandbox_;
    std::string host_;
    Patience patience_;
    std::mutex mutex_;  // of the sandbox
    std::condition_variable changed_;
    std::atomic<bool> stopping_{false};
    std::unique_ptr<Poco::Net::SecureServerSocket> socket_;
    std::mutex connections_mutex_;
    std::list<std::unique_ptr<Connection>> connections_;
    std::thread accepting_;

  public:
    const Certificate certificate;
};

Server::Server(Sandbox& sandbox, const std::string& host, std::uint16_t port, Patience patience)
    : impl_(std::make_unique<Impl>(sandbox, host, port, patience)) {}

Server::~Server() = default;

std::string Server::url() const {
    return impl_->url();
}

const std::string& Server::fingerprint() const {
    return impl_->certificate.fingerprint;
}

const std::string& Server::certificate_pem() const {
    return impl_->certificate.pem;
}

void Server::with_sandbox(const std::function<void(Sandbox&)>& act) {
    impl_->with_sandbox(act);
}

}  // namespace slipway::sandbox
