#pragma once
// The engine of one process: the real parts, built by hand, and the threads that run them.
//
// `slipway up` builds one with every role, `slipway run ROLE…` with the roles it was given, and
// `slipway rehearse` one of its own where none is running. The bus and the store outlive it.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "consumers/http/net_http.h"
#include "consumers/mail/mailer.h"
#include "consumers/runtime/config.h"
#include "consumers/runtime/lanes.h"
#include "consumers/runtime/outside.h"
#include "consumers/runtime/reader.h"
#include "consumers/runtime/saver.h"
#include "consumers/runtime/teller.h"
#include "producer/due.h"
#include "producer/intake.h"
#include "producer/republish.h"

namespace slipway {

// What one process does. A pipeline role is named after the topic its consumer group reads.
struct Roles {
    bool intake = false;
    bool due = false;
    bool mailer = false;
    std::vector<std::string> pipelines = {};
};

// Every role there is, in the order people should see them.
std::vector<std::string> role_names();
Roles all_roles();
// Throws Error, naming the valid roles, for a name that is none.
Roles roles_of(const std::vector<std::string>& names);

class Engine {
  public:
    struct Parts {
        Clock& clock;
        Store& store;
        Bus& bus;
        const SecretBox& secrets;
        Spectator* spectator = nullptr;
    };

    Engine(const Config& config, const Roles& roles, Parts parts);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void start();
    // Stops taking, finishes the steps in hand, commits, flushes, leaves the groups. False if that
    // was not done within the time given; what is left undone then is safe in the database.
    bool stop(std::chrono::milliseconds longest);

    Teller& teller() { return teller_; }

  private:
    void keep_house();
    void beat_and_sweep(std::int64_t second);
    void watch_polls();

    Parts parts_;
    std::unique_ptr<Ledger> ledger_;
    NetHttp http_;
    InventoryBook inventory_;
    Sites sites_;
    Dns dns_;
    Outside outside_;
    Teller teller_;
    Saver saver_;
    Lanes lanes_;
    std::vector<std::unique_ptr<Reader>> readers_;
    std::unique_ptr<Intake> intake_;
    std::unique_ptr<Mail> mail_;
    std::unique_ptr<Mailer> mailer_;
    std::unique_ptr<Due> due_;
    Republish republish_;
    const int lane_threads_;

    struct Polled {
        std::chrono::nanoseconds at{0};
        int seconds_ago = 0;
    };
    std::vector<Polled> polled_;
    std::mutex mutex_;
    std::condition_variable house_;
    bool stopping_ = false;
    std::vector<std::thread> readers_threads_;
    std::vector<std::thread> workers_;
    std::thread saver_thread_;
    std::thread answer_thread_;
    std::thread house_thread_;
};

}  // namespace slipway
