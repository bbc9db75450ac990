#pragma once
// Running an engine until somebody says stop: what `up` and `run` have in common.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "consumers/runtime/config.h"
#include "ops/slipway/engine.h"
#include "topics/embedded_broker.h"
#include "topics/kafka_bus.h"

namespace slipway {

// Held by the one `slipway up` that owns a state folder, for as long as it lives.
class StateFolder {
  public:
    // Throws Error if another process holds it.
    explicit StateFolder(const std::string& path);
    ~StateFolder();
    StateFolder(const StateFolder&) = delete;
    StateFolder& operator=(const StateFolder&) = delete;

    static bool is_held(const std::string& path);

  private:
    int lock_;
};

// The signals that end the process politely are taken by wait_for_stop() alone. Called before any
// thread is started, since threads inherit it.
void block_stop_signals();
// Returns when SIGINT or SIGTERM came, naming it; a second one ends the process at once.
std::string wait_for_stop();

// The embedded broker of this installation, with its topics, its address noted in the state folder.
std::unique_ptr<EmbeddedBroker> start_embedded_broker(const Config& config,
                                                      std::function<void()> on_restarted);

// An embedded broker remembers nothing: everything in flight is nudged, unresolved dead letters
// become news again.
void remind_broker(Store& store, Clock& clock);

// Whatever happens while it stops, the process ends, with exit code 1: nothing is lost that the
// database has. Called off, at once, by destroying what it returns.
std::jthread end_after(std::chrono::milliseconds longest);

// Runs an engine until a stop signal, then ends it within the configured time. Returns an exit
// code.
int serve(const Config& config, const Roles& roles, Engine::Parts parts);

}  // namespace slipway
