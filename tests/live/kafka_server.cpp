#include "tests/live/kafka_server.h"

#include <signal.h>

#include <fstream>
#include <stdexcept>

#include "tests/live/kafka_topics.h"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto ready_within = 90s;
constexpr auto stopped_within = 30s;
constexpr auto fetched_within = 600s;
constexpr const char* cluster_id = "c2xpcHdheS1saXZlLXRlcw";  // any 16 bytes in base64

}  // namespace

std::optional<std::string> KafkaServer::missing(const std::string& version) {
    const fs::path bash = find_program("bash");
    if (find_program("java").empty()) return "no java (./ops/install test brings it)";
    try {
        run_to_end({.program = bash, .arguments = {SLIPWAY_FETCH_KAFKA, version}, .output = {}},
                   fetched_within);
    } catch (const std::runtime_error& error) {
        return "no Kafka " + version + ": " + error.what();
    }
    return std::nullopt;
}

KafkaServer& KafkaServer::shared() {
    static KafkaServer server;
    return server;
}

KafkaServer::KafkaServer(KafkaOptions options)
    : options_(std::move(options)), jars_(cache_folder() / ("kafka-" + options_.version) / "lib") {
    if (const auto why = missing(options_.version)) throw std::runtime_error(*why);
    for (std::size_t broker = 0; broker < options_.brokers; ++broker) {
        nodes_.push_back({.port = std::make_unique<ReservedPort>(),
                          .inside_port = std::make_unique<ReservedPort>(),
                          .controller_port = std::make_unique<ReservedPort>()});
    }
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) {
        fs::create_directory(folder_of(broker));
        std::ofstream(folder_of(broker) / "server.properties") << properties_of(broker);
        format(broker);
    }
    start();
}

KafkaServer::~KafkaServer() {
    kill9();
}

std::string KafkaServer::brokers() const {
    std::string list;
    for (const Node& node : nodes_) list += (list.empty() ? "" : ",") + node.port->address();
    return list;
}

void KafkaServer::start() {
    // All of them before waiting for one: a broker is ready only when there is a quorum.
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) launch(broker);
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) wait_until_ready(broker);
}

void KafkaServer::stop() {
    // At the same time, since the last one would wait for a quorum that is gone.
    for (Node& node : nodes_) {
        if (node.process) node.process->signal(SIGTERM);
    }
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) stop(broker);
}

void KafkaServer::kill9() {
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) kill9(broker);
}

void KafkaServer::freeze() {
    for (Node& node : nodes_) {
        if (node.process) node.process->freeze();
    }
}

void KafkaServer::thaw() {
    for (Node& node : nodes_) {
        if (node.process) node.process->thaw();
    }
}

void KafkaServer::start(std::size_t broker) {
    launch(broker);
    wait_until_ready(broker);
}

void KafkaServer::stop(std::size_t broker) {
    Node& node = nodes_.at(broker);
    if (node.process) node.process->stop(stopped_within);
    node.process.reset();
}

void KafkaServer::kill9(std::size_t broker) {
    nodes_.at(broker).process.reset();
}

void KafkaServer::wipe_topics() {
    for (std::size_t broker = 0; broker < nodes_.size(); ++broker) {
        if (nodes_[broker].process) throw std::logic_error("a running Kafka cannot be wiped");
        fs::remove_all(folder_of(broker) / "data");
        format(broker);
    }
}

void KafkaServer::create_topic(const std::string& name, int partitions) {
    const int replicas = nodes_.size() < 3 ? 1 : 3;
    slipway::create_topic(brokers(),
                          {.name = name, .partitions = partitions, .replicas = replicas});
}

std::string KafkaServer::log_tail() const {
    std::string text;
    for (const Node& node : nodes_) {
        if (node.process) text += node.process->tail();
    }
    return text;
}

fs::path KafkaServer::folder_of(std::size_t broker) const {
    return folder_.path() / ("broker-" + std::to_string(broker + 1));
}

std::string KafkaServer::properties_of(std::size_t broker) const {
    const Node& own = nodes_[broker];
    const std::uint16_t advertised =
        broker < options_.advertised_ports.size() ? options_.advertised_ports[broker] : 0;
    std::string voters;
    for (std::size_t other = 0; other < nodes_.size(); ++other) {
        voters += (other == 0 ? "" : ",") + std::to_string(other + 1) + "@" +
                  nodes_[other].controller_port->address();
    }
    const std::string replicas = nodes_.size() < 3 ? "1" : "3";
    const std::string in_sync = nodes_.size() < 3 ? "1" : "2";
    std::vector<std::string> lines{
        "process.roles=broker,controller",
        "node.id=" + std::to_string(broker + 1),
        "controller.quorum.voters=" + voters,
        "controller.listener.names=CONTROLLER",
        "inter.broker.listener.name=INSIDE",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT,CLIENTS:PLAINTEXT",
        "log.dirs=" + (folder_of(broker) / "data").string(),
        "auto.create.topics.enable=false",
        "default.replication.factor=" + replicas,
        "min.insync.replicas=" + in_sync,
        "offsets.topic.num.partitions=4",
        "offsets.topic.replication.factor=" + replicas,
        "transaction.state.log.num.partitions=1",
        "transaction.state.log.replication.factor=" + replicas,
        "transaction.state.log.min.isr=" + in_sync,
        "group.initial.rebalance.delay.ms=0",
        "group.min.session.timeout.ms=1000",
        // Without these a killed broker of three is missed only after nine seconds.
        "broker.session.timeout.ms=3000",
        "broker.heartbeat.interval.ms=500",
    };
    // The brokers reach each other on a port of their own, past any proxy before the clients'.
    const std::string clients = own.port->address();
    const std::string told =
        "127.0.0.1:" + std::to_string(advertised ? advertised : own.port->number());
    lines.push_back("listeners=CLIENTS://" + clients + ",INSIDE://" + own.inside_port->address() +
                    ",CONTROLLER://" + own.controller_port->address());
    lines.push_back("advertised.listeners=CLIENTS://" + told + ",INSIDE://" +
                    own.inside_port->address());
    lines.insert(lines.end(), options_.settings.begin(), options_.settings.end());
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}

ChildOptions KafkaServer::java(const std::vector<std::string>& arguments,
                               std::size_t broker) const {
    std::vector<std::string> all{"-Xmx512m",
                                 "-XX:+UseSerialGC",
                                 "-Dorg.slf4j.simpleLogger.showDateTime=true",
                                 "-cp",
                                 (jars_ / "*").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return {.program = find_program("java"), .arguments = all, .output = folder_of(broker) / "log"};
}

void KafkaServer::format(std::size_t broker) const {
    const std::string properties = (folder_of(broker) / "server.properties").string();
    run_to_end(
        java({"kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", properties}, broker),
        60s);
}

void KafkaServer::launch(std::size_t broker) {
    if (nodes_[broker].process) throw std::logic_error("this Kafka runs already");
    const std::string properties = (folder_of(broker) / "server.properties").string();
    nodes_[broker].process =
        std::make_unique<ChildProcess>(java({"kafka.Kafka", properties}, broker));
}

void KafkaServer::wait_until_ready(std::size_t broker) {
    ChildProcess& process = *nodes_[broker].process;
    if (process.wait_for_line("Kafka Server started", ready_within)) return;
    throw std::runtime_error("Kafka is not ready:\n" + process.tail());
}

}  // namespace slipway
