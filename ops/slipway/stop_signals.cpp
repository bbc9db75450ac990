#include "ops/slipway/stop_signals.h"

#include <cstdlib>

namespace slipway {
namespace {

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM}) {
        struct sigaction now = {};
        if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&signals, signal);
    }
    return signals;
}

// With which the taker is told to end; nobody else sends it.
constexpr int own_signal = SIGUSR2;

}  // namespace

StopSignals::StopSignals() : signals_(stop_signals()) {
    sigset_t blocked = signals_;
    sigaddset(&blocked, own_signal);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
    taker_ = std::thread([this] { take(); });
}

StopSignals::~StopSignals() {
    ::pthread_kill(taker_.native_handle(), own_signal);
    taker_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool StopSignals::came_within(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, longest, [this] { return came_; });
}

void StopSignals::take() {
    sigset_t awaited = signals_;
    sigaddset(&awaited, own_signal);
    while (true) {
        int signal = 0;
        ::sigwait(&awaited, &signal);
        if (signal == own_signal) return;
        const std::lock_guard lock(mutex_);
        if (came_) std::_Exit(128 + signal);
        came_ = true;
        wake_.notify_all();
    }
}

}  // namespace slipway
