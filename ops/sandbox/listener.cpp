#include "ops/sandbox/listener.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "consumers/runtime/error.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t most_connections = 500;
constexpr int backlog = 64;

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

std::unique_ptr<Poco::Net::ServerSocket> opened(const ListenerSettings& settings) {
    const auto& [host, port] = settings.place;
    try {
        const Poco::Net::SocketAddress address(host, port);
        if (settings.certificate == nullptr)
            return std::make_unique<Poco::Net::ServerSocket>(address, backlog);
        return std::make_unique<Poco::Net::SecureServerSocket>(
            address, backlog, context_of(*settings.certificate));
    } catch (const Poco::Exception& error) {
        throw Error(fmt::format("cannot listen on {}:{}: {}", host, port, error.displayText()));
    }
}

class Connected final : public Peer {
  public:
    Connected(const Socket& accepted, const std::atomic<bool>& stopping)
        : socket_(accepted), stopping_(stopping) {}

    std::string receive() override {
        std::array<char, 16384> bytes{};
        while (!stopping_ && !is_late()) {
            if (!socket_.available() &&
                !socket_.poll(Poco::Timespan(0, 100'000), Poco::Net::Socket::SELECT_READ))
                continue;
            const int got = socket_.receiveBytes(bytes.data(), static_cast<int>(bytes.size()));
            return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
        }
        return {};
    }

    void send(const std::string& text) override {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const int now =
                socket_.sendBytes(text.data() + sent, static_cast<int>(text.size() - sent));
            if (now <= 0) return;
            sent += static_cast<std::size_t>(now);
        }
    }

    void limit(std::optional<std::chrono::milliseconds> longest) override {
        until_ = longest ? Steady::now() + *longest : Steady::time_point::max();
    }

    void reset() override { socket_.setLinger(true, 0); }

    void run(const Talk& talk, std::chrono::milliseconds last_words_most) {
        try {
            socket_.setNoDelay(true);
            socket_.setSendTimeout(timespan(last_words_most));
            talk(*this);
        } catch (const std::exception&) {
            // The client has gone, which is its right; or it is too odd to be answered.
        }
        limit(std::nullopt);
        const std::lock_guard lock(closing_);
        try {
            socket_.close();
        } catch (const std::exception&) {
            // It is closed all the same.
        }
        ended_ = true;
    }

    // Whatever its thread waits for comes to an end at once.
    void break_off() {
        const std::lock_guard lock(closing_);
        ::shutdown(socket_.impl()->sockfd(), SHUT_RDWR);
    }

    bool is_late() const { return Steady::now() >= until_.load(); }
    bool has_ended() const { return ended_; }

    std::thread thread;

  private:
    Socket socket_;
    const std::atomic<bool>& stopping_;
    std::mutex closing_;  // the number of a closed socket may be somebody else's
    std::atomic<Steady::time_point> until_{Steady::time_point::max()};  // what it waits for
    std::atomic<bool> ended_{false};
};

}  // namespace

class Listener::Impl {
  public:
    Impl(const ListenerSettings& settings, Talk talk)
        : host_(settings.place.host),
          last_words_most_(settings.last_words_most),
          talk_(std::move(talk)),
          socket_(opened(settings)) {
        accepting_ = std::thread([this] { accept(); });
    }

    ~Impl() {
        stopping_ = true;
        accepting_.join();
        socket_->close();
        const auto all = [&] {
            const std::lock_guard lock(mutex_);
            return std::exchange(connections_, {});
        }();
        for (const auto& connection : all) connection->break_off();
        for (const auto& connection : all) connection->thread.join();
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Place place() const { return {host_, socket_->address().port()}; }

  private:
    // OpenSSL waits by itself for the rest of a handshake or of a record, however slowly it comes.
    void break_off_late() {
        const std::lock_guard lock(mutex_);
        for (const auto& connection : connections_)
            if (!connection->has_ended() && connection->is_late()) connection->break_off();
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
        const std::lock_guard lock(mutex_);
        for (auto it = connections_.begin(); it != connections_.end();) {
            if ((*it)->has_ended()) {
                (*it)->thread.join();
                it = connections_.erase(it);
            } else {
                ++it;
            }
        }
        if (connections_.size() >= most_connections) return;
        auto made = std::make_unique<Connected>(socket, stopping_);
        Connected& connection = *made;
        made->thread =
            std::thread([this, &connection] { connection.run(talk_, last_words_most_); });
        connections_.push_back(std::move(made));
    }

    const std::string host_;
    const std::chrono::milliseconds last_words_most_;
    const Talk talk_;
    std::atomic<bool> stopping_{false};
    std::unique_ptr<Poco::Net::ServerSocket> socket_;
    std::mutex mutex_;  // of the connections
    std::list<std::unique_ptr<Connected>> connections_;
    std::thread accepting_;
};

Listener::Listener(const ListenerSettings& settings, Talk talk)
    : impl_(std::make_unique<Impl>(settings, std::move(talk))) {}

Listener::~Listener() = default;

Place Listener::place() const {
    return impl_->place();
}

}  // namespace slipway::sandbox
