// The child's side of the embedded broker.
//
// The mock cluster of librdkafka 2.0.2 binds to whatever port the kernel gives it and tells its
// clients that one, so a restart would move it. It is made to take ours by standing in for bind()
// during the one call that makes the cluster; in every other thread and at every other moment
// bind() is what it always was.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <random>
#include <sstream>
#include <stop_token>
#include <thread>

#include "topics/embedded_broker.h"
#include "topics/kafka_handle.h"

namespace {

thread_local int port_for_the_mock = 0;

}  // namespace

extern "C" int bind(int descriptor, const sockaddr* address, socklen_t length) noexcept {
    sockaddr_in changed{};
    if (port_for_the_mock != 0 && length == sizeof changed && address->sa_family == AF_INET) {
        std::memcpy(&changed, address, sizeof changed);
        changed.sin_port = htons(static_cast<std::uint16_t>(port_for_the_mock));
        return static_cast<int>(syscall(SYS_bind, descriptor, &changed, length));
    }
    return static_cast<int>(syscall(SYS_bind, descriptor, address, length));
}

namespace slipway {

namespace {

using MockCluster =
    std::unique_ptr<rd_kafka_mock_cluster_t, DestroyWith<rd_kafka_mock_cluster_destroy>>;

struct Orders {
    int port = 0;
    std::vector<EmbeddedTopic> topics;
    bool complete = false;
};

Orders read_orders() {
    Orders orders;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word == "port") words >> orders.port;
        if (word == "topic") {
            EmbeddedTopic topic;
            words >> topic.name >> topic.partitions;
            orders.topics.push_back(topic);
        }
        if (word == "serve") {
            orders.complete = true;
            break;
        }
    }
    return orders;
}

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool is_free(int port) {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // As the mock does: a port on which old connections fade away counts as free.
    const int on = 1;
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto address = loopback(port);
    const bool free =
        ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    return free;
}

// Below the ports which the kernel hands out by itself: in that range a client that reconnects to a
// dead broker can meet itself, and hold the port for ever.
int any_free_port() {
    std::random_device seed;
    std::uniform_int_distribution<int> ports(20'000, 32'000);
    int port = ports(seed);
    for (int attempt = 0; attempt < 100 && !is_free(port); ++attempt) port = ports(seed);
    return port;
}

MockCluster make_cluster(rd_kafka_t* handle, int port) {
    port_for_the_mock = port;
    MockCluster cluster(rd_kafka_mock_cluster_new(handle, 1));
    port_for_the_mock = 0;
    return cluster;
}

// The mock's thread can miss that it is asked for a topic, and then looks again only after a
// second. A knock at its door wakes it.
void knock_every_few_milliseconds(const std::stop_token& stop, int port) {
    const auto address = loopback(port);
    while (!stop.stop_requested()) {
        const int knock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        static_cast<void>(
            ::connect(knock, reinterpret_cast<const sockaddr*>(&address), sizeof address));
        ::close(knock);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

void make_topics(rd_kafka_mock_cluster_t* cluster, const Orders& orders, int port) {
    const std::jthread knocking(
        [port](const std::stop_token& stop) { knock_every_few_milliseconds(stop, port); });
    for (const auto& [name, partitions] : orders.topics) {
        rd_kafka_mock_topic_create(cluster, name.c_str(), partitions, 1);
    }
}

}  // namespace

int serve_embedded_broker() {
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    const auto orders = read_orders();
    if (!orders.complete) return 1;

    // A port that is taken makes librdkafka abort rather than say so: it is looked at first.
    const int port = orders.port == 0 ? any_free_port() : orders.port;
    if (!is_free(port)) return 1;
    const KafkaSettings settings{.client_id = "slipway-embedded-broker"};
    const auto handle = open_handle(RD_KAFKA_PRODUCER, make_conf(settings, {}));
    const auto cluster = make_cluster(handle.get(), port);
    const auto wanted = fmt::format("127.0.0.1:{}", port);
    if (!cluster || rd_kafka_mock_cluster_bootstraps(cluster.get()) != wanted) return 1;
    make_topics(cluster.get(), orders, port);

    std::cout << wanted << '\n' << std::flush;
    while (std::cin.get() != std::char_traits<char>::eof()) continue;
    // The parent is gone, however it ended. (A parent-death signal would come when the thread ends
    // that started us, which need not be the end of the parent.) There is nothing to keep, and
    // destroying the cluster would wait for its clients.
    _exit(0);
}

}  // namespace slipway
