#include "ops/slipway/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

#include "ops/slipway/command.h"
#include "ops/slipway/open.h"
#include "topics/catalogue.h"

namespace slipway {
namespace {

std::string lock_file(const std::string& folder) {
    return folder + "/up.lock";
}

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

StateFolder::StateFolder(const std::string& path) {
    std::filesystem::create_directories(path);
    lock_ = ::open(lock_file(path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0) throw Error("cannot write in the state folder " + path);
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw Error(fmt::format(
            "another `slipway up` runs in {}; stop it, or choose another state_folder", path));
    }
}

StateFolder::~StateFolder() {
    ::close(lock_);
}

bool StateFolder::is_held(const std::string& path) {
    const int lock = ::open(lock_file(path).c_str(), O_RDWR | O_CLOEXEC);
    if (lock < 0) return false;
    const bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
    ::close(lock);
    return !free;
}

void block_stop_signals() {
    const sigset_t signals = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::string wait_for_stop() {
    const sigset_t signals = stop_signals();
    int signal = 0;
    ::sigwait(&signals, &signal);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

std::unique_ptr<EmbeddedBroker> start_embedded_broker(const Config& config,
                                                      std::function<void()> on_restarted) {
    auto broker = std::make_unique<EmbeddedBroker>(EmbeddedBrokerSettings{
        .command = {std::filesystem::read_symlink("/proc/self/exe").string(), "embedded-broker"},
        .topics = embedded_topics(load_catalogue({}, config.broker.topic_prefix)),
        .on_restarted = std::move(on_restarted),
        .log = log_bus_news,
    });
    write_broker_address(config, broker->address());
    return broker;
}

void remind_broker(Store& store, Clock& clock) {
    try {
        store.wake_all(clock.now());
        store.unpublish_dead_letters();
    } catch (const std::exception& error) {
        log(Level::Error,
            "what is in flight could not be nudged at once; it will be after its grace",
            {{"error", error.what()}});
    }
}

std::jthread end_after(std::chrono::milliseconds longest) {
    return std::jthread([longest](const std::stop_token& stopped) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stopped, longest, [] { return false; });
        if (stopped.stop_requested()) return;
        log(Level::Error, "did not stop in time; ending now, the database is safe");
        std::_Exit(CouldNot);
    });
}

int serve(const Config& config, const Roles& roles, Engine::Parts parts) {
    Engine engine(config, roles, parts);
    engine.start();
    const std::string signal = wait_for_stop();
    log(Level::Info, "stopping: finishing what is in hand", {{"signal", signal}});
    bool clean = false;
    {
        const auto guard = end_after(config.runtime.shutdown_timeout + std::chrono::seconds(5));
        clean = engine.stop(config.runtime.shutdown_timeout);
    }
    log(clean ? Level::Info : Level::Warning,
        clean ? "stopped" : "stopped with work in hand; the database knows it");
    return Succeeded;
}

}  // namespace slipway
