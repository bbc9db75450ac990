#pragma once
// The embedded broker: librdkafka's mock cluster, in a process of its own.
//
// A process of its own, because a group member with another first assignor aborts it, whoever that
// member is. Then it is started again on the same port, empty, and the owner is told, so that
// everything in flight can be nudged again. It listens on loopback only, keeps nothing on disk, and
// drops the oldest messages of a partition beyond 5 MiB or 100,000 batches.

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "topics/kafka_bus.h"

namespace slipway {

struct EmbeddedTopic {
    std::string name;
    int partitions = 1;
};

struct EmbeddedBrokerSettings {
    // What to execute: a program that calls serve_embedded_broker() and nothing else.
    std::vector<std::string> command;
    int port = 0;  // 0: any free one; kept for as long as this object lives
    std::vector<EmbeddedTopic> topics;
    // Called from the watching thread when a broker that died is up again, empty.
    std::function<void()> on_restarted = {};
    std::function<void(BusNews, std::string)> log = {};
};

class EmbeddedBroker {
  public:
    // Returns when the broker can be connected to; throws std::runtime_error if it cannot.
    explicit EmbeddedBroker(EmbeddedBrokerSettings settings);
    ~EmbeddedBroker();
    EmbeddedBroker(const EmbeddedBroker&) = delete;
    EmbeddedBroker& operator=(const EmbeddedBroker&) = delete;

    // "127.0.0.1:19092"; the same after a restart.
    const std::string& address() const { return address_; }
    pid_t pid() const { return pid_; }

  private:
    std::string start();
    void end_child();
    void watch();
    bool wait_for_stop(std::chrono::milliseconds longest) const;

    EmbeddedBrokerSettings settings_;
    std::string address_;
    std::atomic<pid_t> pid_ = -1;
    int channel_ = -1;  // the child's standard input and output; closes when either of us ends
    int stop_ = -1;
    std::thread thread_;  // last: it uses everything above
};

// The child's whole life: reads its orders from standard input, says its address on standard
// output, serves until standard input closes. SIGINT and SIGTERM are ignored, because whoever
// stops the parent that way wants it to finish what it has in hand. Returns an exit code.
int serve_embedded_broker();

}  // namespace slipway
