#include "ops/sandbox/server.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>

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
constexpr std::chrono::seconds idle_limit{5};
constexpr std::chrono::milliseconds longest_nap{200};
constexpr std::size_t most_connections = 500;

using Socket = Poco::Net::StreamSocket;

Poco::Net::Context::Ptr context_of(const Certificate& certificate) {
    Poco::Net::Context::Params params;
    params.verificationMode = Poco::Net::Context::VERIFY_NONE;
    Poco::Net::Context::Ptr context =
        new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, params);
    SSL_CTX_use_certificate(context->sslContext(), certificate.certificate.get());
    SSL_CTX_use_PrivateKey(context->sslContext(), certificate.key.get());
    return context;
}

bool wants_close(const Request& request) {
    std::string wish = header(request.headers, "Connection");
    std::transform(wish.begin(), wish.end(), wish.begin(), ::tolower);
    return wish == "close" || (request.version == "HTTP/1.0" && wish != "keep-alive");
}

}  // namespace

class Server::Impl {
  public:
    Impl(Sandbox& sandbox, const std::string& host, std::uint16_t port)
        : sandbox_(sandbox), host_(host), certificate(new_certificate(host)) {
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
        std::thread thread;
        std::atomic<bool> ended{false};
    };

    void accept() {
        while (!stopping_) {
            try {
                if (!socket_->poll(Poco::Timespan(0, 100'000), Poco::Net::Socket::SELECT_READ))
                    continue;
                serve(socket_->acceptConnection());
            } catch (const Poco::Exception&) {
                continue;  // that one did not want to
            }
        }
    }

    void serve(Socket socket) {
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
        auto made = std::make_unique<Connection>();
        Connection& connection = *made;
        connections_.push_back(std::move(made));
        connection.thread = std::thread([this, socket, &connection]() mutable {
            try {
                talk(socket);
            } catch (const Poco::Exception&) {
                // The client has gone, which is its right.
            }
            connection.ended = true;
        });
    }

    // What comes in within the idle limit; nothing at the end.
    std::string receive(Socket& socket) {
        std::array<char, 16384> bytes{};
        const auto until = std::chrono::steady_clock::now() + idle_limit;
        while (!stopping_ && std::chrono::steady_clock::now() < until) {
            if (!socket.available() &&
                !socket.poll(Poco::Timespan(0, 200'000), Poco::Net::Socket::SELECT_READ))
                continue;
            const int got = socket.receiveBytes(bytes.data(), static_cast<int>(bytes.size()));
            return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
        }
        return {};
    }

    void talk(Socket& socket) {
        socket.setNoDelay(true);
        RequestReader reader([&] { return receive(socket); });
        for (int count = 1; count <= most_requests && !stopping_; ++count) {
            const auto request = reader.next();
            if (!request) break;
            const Answer answer = ask(*request);
            if (answer.connection == sandbox::Connection::Reset) {
                socket.setLinger(true, 0);
                break;
            }
            const bool keeps = answer.connection == sandbox::Connection::Keep &&
                               count < most_requests && !wants_close(*request);
            send(socket, wire_text(answer, keeps));
            if (!keeps) break;
        }
        socket.close();
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
        const auto began = std::chrono::steady_clock::now();
        auto answer = sandbox_.answer(request);
        while (!answer && !stopping_) {
            changed_.wait_for(lock, longest_nap / 4);
            answer = sandbox_.answer(request, std::chrono::steady_clock::now() - began);
        }
        changed_.notify_all();
        if (!answer) return {.status = 500, .reason = "shutting down"};
        const auto until = std::chrono::steady_clock::now() + answer->after;
        while (!stopping_ && std::chrono::steady_clock::now() < until)
            changed_.wait_until(lock,
                                std::min(until, std::chrono::steady_clock::now() + longest_nap));
        return *answer;
    }

    Sandbox& sandbox_;
    std::string host_;
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

Server::Server(Sandbox& sandbox, const std::string& host, std::uint16_t port)
    : impl_(std::make_unique<Impl>(sandbox, host, port)) {}

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
