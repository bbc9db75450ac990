#pragma once
// A Slipway as a hosting company runs it: Kafka, PostgreSQL and some `slipway run` processes, with
// rehearsal VMs as its load, or whatever a test orders of it. The tests of what must survive do
// something nasty to one part of it and then ask the same questions: is every VM ready, is every
// log whole, was everything told?
//
// The servers are shared by the tests of one program; topics, groups and the database are a test's
// own. Everything is called from the thread that made it.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/store.h"
#include "tests/live/kafka_server.h"
#include "tests/live/postgres_server.h"
#include "tests/live/slipway_process.h"
#include "tests/live/tcp_proxy.h"
#include "topics/kafka_bus.h"

namespace slipway {

// True as soon as the condition holds; false if it does not within the time given.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds longest);

// How long a fault lasts, where its length is the point.
void let_pass(std::chrono::milliseconds time);

// $SLIPWAY_SEED, or a new one for each run; for the trace of a failed test.
unsigned seed_of_this_run();

// Another reader of a topic, from its beginning, as a dashboard would be.
class TopicReader {
  public:
    TopicReader(Bus& bus, std::string topic);
    const std::vector<Received>& messages() const { return messages_; }
    // Reads on until the condition holds, or time is up.
    bool read_until(const std::function<bool()>& condition, std::chrono::milliseconds longest);
    // Everything that the topic holds by now.
    bool read_all(std::chrono::milliseconds longest);

  private:
    Bus& bus_;
    const std::string group_;
    const std::string topic_;
    std::unique_ptr<Consumer> consumer_;
    std::vector<Received> messages_;
};

struct InstallationOptions {
    KafkaServer* kafka = nullptr;  // null: the shared one
    int replicas = 1;
    std::chrono::milliseconds session_timeout{4'000};
    std::chrono::milliseconds step_deadline{2'000};
    std::chrono::milliseconds grace{4'000};
    std::chrono::milliseconds due_interval{100};
    std::string more_config = {};  // further sections of the configuration file
};

class Installation {
  public:
    explicit Installation(InstallationOptions options = {});
    ~Installation();

    // Why there can be none here; nullopt if there can. See skipping.h.
    static std::optional<std::string> missing();

    KafkaServer& kafka() { return kafka_; }
    // What lies between the shared Kafka and everybody who talks to it.
    static TcpProxy& network();
    PostgresServer& postgres() { return PostgresServer::shared(); }
    Bus& bus() { return *bus_; }
    Store& store() { return *store_; }
    std::string topic(std::string_view name) const { return prefix_ + std::string(name); }
    const std::string& database_url() const { return database_url_; }
    // What every process is started with.
    std::string config() const;

    // All topics of the catalogue, with the product's own command.
    void create_topics();
    std::unique_ptr<SlipwayProcess> run(std::vector<std::string> roles = {
                                            "intake", "due", "service"});

    // Asks for so many VMs more, as billing would. `plan` is that of consumers/steps/rehearse.cpp.
    void ask(int vms, const std::string& plan = "{}");
    // The same orders again, under the same ids.
    void ask_again();
    // Somebody else has asked for this one; it is looked at as the others are.
    void look_at(std::string service) { services_.push_back(std::move(service)); }
    const std::vector<std::string>& services() const { return services_; }

    // Rows of the VMs asked for; nothing while the database does not answer.
    std::vector<Vm> rows();
    // Each waits, and says how things stand if it was in vain; empty if all is well.
    std::string wait_until_admitted(std::chrono::milliseconds longest);
    std::string wait_until_begun(std::chrono::milliseconds longest);
    std::string wait_until_ready(std::chrono::milliseconds longest);

    // Holes in the logs, steps without their effect, rows that contradict each other. Empty if
    // there are none.
    std::string problems();
    // Rows of the logs that step-events has not told, after waiting for them.
    std::string untold(std::chrono::milliseconds longest);
    // Of the steps of all VMs: which processes recorded them.
    std::set<std::string> writers();
    // Asks for VMs until so many processes have taken part: until each has its partitions.
    std::string wait_until_taking_part(std::size_t processes, std::chrono::milliseconds longest);
    // As if so much time had passed since any process said that it lives.
    void age_writers(std::chrono::seconds time);
    // The version each VM's life began with, as its first state event said.
    std::map<std::string, std::int64_t> first_versions();

  private:
    std::string wait_until_all(std::string_view what,
                               const std::function<bool(const Vm&)>& condition,
                               std::chrono::milliseconds longest);
    void publish(std::size_t from);

    InstallationOptions options_;
    KafkaServer& kafka_;
    TempFolder folder_;
    std::string prefix_;
    std::string database_url_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<KafkaBus> bus_;
    std::vector<std::string> services_;
    std::vector<std::string> plans_;
};

}  // namespace slipway
