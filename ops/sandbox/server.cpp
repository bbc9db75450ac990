#include "ops/sandbox/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "consumers/runtime/check.h"
#include "ops/sandbox/http_wire.h"

namespace slipway::sandbox {
namespace {

constexpr int most_requests = 100;
constexpr std::chrono::milliseconds longest_nap{200};

using Steady = std::chrono::steady_clock;

bool wants_close(const Request& request) {
    std::string wish = header(request.headers, "Connection");
    std::transform(wish.begin(), wish.end(), wish.begin(), ::tolower);
    return wish == "close" || (request.version == "HTTP/1.0" && wish != "keep-alive");
}

std::optional<Certificate> certificate_for(const ServerSettings& settings) {
    if (settings.wire == Wire::Plain) return std::nullopt;
    return new_certificate(settings.place.host);
}

}  // namespace

class Server::Impl {
  public:
    Impl(Answerer answerer, const ServerSettings& settings)
        : answerer_(std::move(answerer)),
          patience_(settings.patience),
          certificate_(certificate_for(settings)),
          listener_({.place = settings.place,
                     .certificate = certificate_ ? &*certificate_ : nullptr,
                     .last_words_most = settings.patience.idle},
                    [this](Peer& peer) { talk(peer); }) {}

    ~Impl() {
        stopping_ = true;
        changed_.notify_all();
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::string url() const {
        const Place place = listener_.place();
        return fmt::format("{}://{}:{}", certificate_ ? "https" : "http", place.host, place.port);
    }

    const Certificate& certificate() const {
        check(certificate_.has_value(), "a server in the clear has no certificate");
        return *certificate_;
    }

    void while_nobody_asks(const std::function<void()>& act) {
        const std::lock_guard lock(mutex_);
        act();
        changed_.notify_all();
    }

  private:
    void talk(Peer& peer) {
        bool begun = false;
        RequestReader reader([&] {
            std::string got = peer.receive();
            if (!std::exchange(begun, true)) peer.limit(patience_.request);
            return got;
        });
        for (int count = 1; count <= most_requests && !stopping_; ++count) {
            begun = false;
            peer.limit(patience_.idle);
            const auto request = reader.next();
            if (!request) break;
            peer.limit(std::nullopt);
            const Answer answer = ask(*request);
            peer.limit(patience_.request);
            if (answer.connection == sandbox::Connection::Reset) {
                peer.reset();
                break;
            }
            const bool keeps = answer.connection == sandbox::Connection::Keep &&
                               count < most_requests && !wants_close(*request);
            peer.send(wire_text(answer, keeps));
            if (!keeps) break;
        }
    }

    // Comes again while a lock file is held, and takes as long as the answer says it takes.
    Answer ask(const Request& request) {
        std::unique_lock lock(mutex_);
        const auto began = Steady::now();
        auto answer = answerer_(request, Duration(0));
        while (!answer && !stopping_) {
            changed_.wait_for(lock, longest_nap / 4);
            answer = answerer_(request, Steady::now() - began);
        }
        changed_.notify_all();
        if (!answer) return {.status = 500, .reason = "shutting down"};
        const auto until = Steady::now() + answer->after;
        while (!stopping_ && Steady::now() < until)
            changed_.wait_until(lock, std::min(until, Steady::now() + longest_nap));
        return *answer;
    }

    const Answerer answerer_;
    const Patience patience_;
    const std::optional<Certificate> certificate_;
    std::mutex mutex_;  // of what answers
    std::condition_variable changed_;
    std::atomic<bool> stopping_{false};
    Listener listener_;  // last: its threads use everything above
};

Server::Server(Answerer answerer, const ServerSettings& settings)
    : impl_(std::make_unique<Impl>(std::move(answerer), settings)) {}

Server::~Server() = default;

std::string Server::url() const {
    return impl_->url();
}

const std::string& Server::fingerprint() const {
    return impl_->certificate().fingerprint;
}

const std::string& Server::certificate_pem() const {
    return impl_->certificate().pem;
}

void Server::while_nobody_asks(const std::function<void()>& act) {
    impl_->while_nobody_asks(act);
}

}  // namespace slipway::sandbox
