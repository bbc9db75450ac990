#pragma once
// An Apache Kafka of a test's own: KRaft, each process broker and controller at once, on loopback
// ports that stay the same while it is stopped, killed, wiped and started again.
//
// The jars come from tests/live/fetch_kafka, which needs a network once per machine.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/live/child_process.h"
#include "tests/live/reserved_port.h"
#include "tests/live/temp_folder.h"

namespace slipway {

struct KafkaOptions {
    std::string version = "4.3.0";
    std::size_t brokers = 1;  // 3 make a cluster that survives the loss of one
    // What clients are told to connect to, broker by broker, where that is not the broker itself
    // but a TcpProxy before it.
    std::vector<std::uint16_t> advertised_ports = {};
    // Lines for server.properties, over those of ours.
    std::vector<std::string> settings = {};
};

class KafkaServer {
  public:
    // Formatted and ready when this returns (4 to 6 s). Throws with the end of its log if not.
    explicit KafkaServer(KafkaOptions options = {});
    ~KafkaServer();

    // Why there can be no such Kafka here; nullopt if there can. Fetches it if need be.
    static std::optional<std::string> missing(const std::string& version = "4.3.0");
    // One of 4.3.0 per process, started by the first who asks; tests keep apart by topic names.
    static KafkaServer& shared();

    // host:port,… of the brokers themselves, whatever is advertised.
    std::string brokers() const;
    std::uint16_t port(std::size_t broker = 0) const { return nodes_.at(broker).port->number(); }

    // Of all brokers, and of one.
    void start();
    void stop();
    void kill9();
    void freeze();
    void thaw();
    void start(std::size_t broker);
    void stop(std::size_t broker);
    void kill9(std::size_t broker);

    // The broker's disk is lost: every topic, group and offset with it. Only while stopped.
    void wipe_topics();

    void create_topic(const std::string& name, int partitions);
    std::string log_tail() const;

  private:
    struct Node {
        std::unique_ptr<ReservedPort> port;         // for clients
        std::unique_ptr<ReservedPort> inside_port;  // for the other brokers
        std::unique_ptr<ReservedPort> controller_port;
        std::unique_ptr<ChildProcess> process = {};
    };

    std::filesystem::path folder_of(std::size_t broker) const;
    std::string properties_of(std::size_t broker) const;
    ChildOptions java(const std::vector<std::string>& arguments, std::size_t broker) const;
    void format(std::size_t broker) const;
    void launch(std::size_t broker);
    void wait_until_ready(std::size_t broker);

    KafkaOptions options_;
    std::filesystem::path jars_;
    TempFolder folder_;
    std::vector<Node> nodes_;
};

}  // namespace slipway
