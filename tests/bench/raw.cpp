// Raw figures of this machine, one at a time: what the disk, the databases and Kafka do with
// nothing of ours above them. Printed as one flat JSON object beside every benchmark, since
// absolute figures mean little without them.

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <sqlite3.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/live/kafka_topics.h"

namespace slipway {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t message_bytes = 300;
constexpr std::size_t log_bytes = 8 << 20;
constexpr int most_unacknowledged = 50'000;

struct Options {
    std::string brokers;
    std::string database;
    std::string folder = ".";
    double seconds = 2;
};

struct Latency {
    double p50_us = 0;
    double p99_us = 0;
};

double seconds_since(SteadyClock::time_point began) {
    return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

// How often per second `once` can be done, one after the other.
double rate(double seconds, const std::function<void()>& once) {
    const auto began = SteadyClock::now();
    std::size_t count = 0;
    for (; seconds_since(began) < seconds; ++count) once();
    return static_cast<double>(count) / seconds_since(began);
}

// A line written and made durable, again and again: at the end of a file that grows by it, or over
// what is there already. Growing costs the filesystem a commit of its own journal each time; the
// logs of databases are reused once they have reached their size, and are spared that.
enum class Where { AtTheEnd, OverWhatIsThere };

double fsyncs_per_s(const Options& options, Where where) {
    const std::string file = options.folder + "/raw-fsync-" + std::to_string(::getpid());
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error("cannot write to " + file);
    ::unlink(file.c_str());
    const std::string line(100, 'x');
    const std::string whole(log_bytes, 'x');
    off_t offset = 0;
    const auto check = [](bool good) {
        if (!good) throw std::runtime_error("cannot write and sync");
    };
    if (where == Where::OverWhatIsThere) {
        check(::pwrite(fd, whole.data(), whole.size(), 0) > 0 && ::fsync(fd) == 0);
    }
    const double result = rate(options.seconds, [&] {
        check(::pwrite(fd, line.data(), line.size(), offset) > 0 && ::fdatasync(fd) == 0);
        offset += static_cast<off_t>(line.size());
    });
    ::close(fd);
    return result;
}

double postgres_transactions_per_s(const Options& options) {
    PGconn* connection = PQconnectdb(options.database.c_str());
    const auto run = [&](const char* sql) {
        PGresult* result = PQexec(connection, sql);
        const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        if (!good) throw std::runtime_error(PQerrorMessage(connection));
    };
    run("CREATE TABLE IF NOT EXISTS raw (id int PRIMARY KEY, n int NOT NULL) "
        "WITH (fillfactor = 50)");
    run("INSERT INTO raw VALUES (1, 0) ON CONFLICT DO NOTHING");
    run("PREPARE raise AS UPDATE raw SET n = n + 1 WHERE id = 1");
    const double result = rate(options.seconds, [&] { run("EXECUTE raise"); });
    run("DROP TABLE raw");
    PQfinish(connection);
    return result;
}

double sqlite_transactions_per_s(const Options& options) {
    const std::string file = options.folder + "/raw-sqlite-" + std::to_string(::getpid());
    sqlite3* connection = nullptr;
    sqlite3_open(file.c_str(), &connection);
    const auto check = [&](int code) {
        if (code != SQLITE_OK && code != SQLITE_DONE) {
            throw std::runtime_error(sqlite3_errmsg(connection));
        }
    };
    check(sqlite3_exec(connection,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "CREATE TABLE raw (id INTEGER PRIMARY KEY, n INT);"
                       "INSERT INTO raw VALUES (1, 0);"
                       // One large transaction brings the WAL to its size; it is reused after that.
                       "CREATE TABLE large (bytes BLOB);"
                       "INSERT INTO large VALUES (zeroblob(8 << 20))",
                       nullptr,
                       nullptr,
                       nullptr));
    sqlite3_stmt* raise = nullptr;
    check(sqlite3_prepare_v2(
        connection, "UPDATE raw SET n = n + 1 WHERE id = 1", -1, &raise, nullptr));
    const double result = rate(options.seconds, [&] {
        check(sqlite3_step(raise));
        check(sqlite3_reset(raise));
    });
    sqlite3_finalize(raise);
    sqlite3_close(connection);
    for (const char* ending : {"", "-wal", "-shm"}) ::unlink((file + ending).c_str());
    return result;
}

rd_kafka_t* make_client(rd_kafka_type_t type,
                        std::initializer_list<std::pair<const char*, std::string>> settings) {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [name, value] : settings) {
        if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) {
            throw std::runtime_error(text);
        }
    }
    rd_kafka_t* client = rd_kafka_new(type, conf, text, sizeof text);
    if (!client) throw std::runtime_error(text);
    return client;
}

class RawKafka {
  public:
    explicit RawKafka(const Options& options)
        : options_(options),
          name_("raw-" + std::to_string(::getpid())),
          producer_(make_client(RD_KAFKA_PRODUCER,
                                {{"bootstrap.servers", options.brokers},
                                 {"enable.idempotence", "true"},
                                 {"linger.ms", "0"},
                                 {"socket.nagle.disable", "true"}})),
          consumer_(make_client(RD_KAFKA_CONSUMER,
                                {{"bootstrap.servers", options.brokers},
                                 {"group.id", name_},
                                 {"enable.auto.commit", "false"},
                                 {"socket.nagle.disable", "true"}})) {
        create_topic(options.brokers, {.name = name_, .partitions = 1});
        topic_ = rd_kafka_topic_new(producer_, name_.c_str(), nullptr);
        rd_kafka_poll_set_consumer(consumer_);
        rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, name_.c_str(), 0)->offset = 0;
        rd_kafka_assign(consumer_, list);
        rd_kafka_topic_partition_list_destroy(list);
        there_and_back();  // the first one waits for metadata and the producer's id
    }
    ~RawKafka() {
        rd_kafka_topic_destroy(topic_);
        rd_kafka_consumer_close(consumer_);
        rd_kafka_destroy(consumer_);
        rd_kafka_destroy(producer_);
    }
    RawKafka(const RawKafka&) = delete;
    RawKafka& operator=(const RawKafka&) = delete;

    // One message at a time: published, and read by a consumer that waits for it.
    Latency latency() {
        std::vector<double> times_us;
        rate(options_.seconds, [&] {
            const auto began = SteadyClock::now();
            there_and_back();
            times_us.push_back(seconds_since(began) * 1e6);
        });
        std::ranges::sort(times_us);
        return {.p50_us = times_us[times_us.size() / 2],
                .p99_us = times_us[times_us.size() * 99 / 100]};
    }

    // Acknowledged by the broker when the clock stops.
    double published_per_s() {
        const auto began = SteadyClock::now();
        std::size_t count = 0;
        for (; seconds_since(began) < options_.seconds; ++count) {
            publish();
            rd_kafka_poll(producer_, 0);
            while (rd_kafka_outq_len(producer_) > most_unacknowledged) rd_kafka_poll(producer_, 1);
        }
        if (rd_kafka_flush(producer_, 30'000)) throw std::runtime_error("Kafka did not take all");
        unread_ += count;
        return static_cast<double>(count) / seconds_since(began);
    }

    // Of what published_per_s() left behind.
    double consumed_per_s() {
        const auto began = SteadyClock::now();
        for (std::size_t count = 0; count < unread_; ++count) consume();
        return static_cast<double>(std::exchange(unread_, 0)) / seconds_since(began);
    }

  private:
    void there_and_back() {
        publish();
        consume();
        rd_kafka_poll(producer_, 0);
    }

    void publish() {
        const int failed = rd_kafka_produce(topic_,
                                            0,
                                            RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK,
                                            payload_.data(),
                                            payload_.size(),
                                            nullptr,
                                            0,
                                            nullptr);
        if (failed) throw std::runtime_error(rd_kafka_err2str(rd_kafka_last_error()));
    }

    void consume() {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_, 30'000);
        const bool good = message && !message->err;
        if (message) rd_kafka_message_destroy(message);
        if (!good) throw std::runtime_error("a message did not arrive");
    }

    const Options& options_;
    std::string name_;
    std::string payload_ = std::string(message_bytes, 'x');
    std::size_t unread_ = 0;
    rd_kafka_t* producer_;
    rd_kafka_t* consumer_;
    rd_kafka_topic_t* topic_ = nullptr;
};

int run(int argc, char** argv) {
    Options options;
    CLI::App app("Raw figures of this machine; prints one flat JSON object.");
    app.add_option("--brokers", options.brokers, "host:port of a Kafka; without: no such figures");
    app.add_option("--database", options.database, "PostgreSQL URL; without: no such figure");
    app.add_option("--folder", options.folder, "on the disk that the databases are on");
    app.add_option("--seconds", options.seconds, "for each figure");
    CLI11_PARSE(app, argc, argv);
    try {
        std::vector<std::string> figures;
        const auto add = [&](const char* name, double value) {
            figures.push_back(fmt::format("\"{}\": {:.0f}", name, value));
        };
        add("raw_fsync_per_s", fsyncs_per_s(options, Where::OverWhatIsThere));
        add("raw_fsync_growing_per_s", fsyncs_per_s(options, Where::AtTheEnd));
        add("raw_sqlite_tx_per_s", sqlite_transactions_per_s(options));
        if (!options.database.empty()) {
            add("raw_postgres_tx_per_s", postgres_transactions_per_s(options));
        }
        if (!options.brokers.empty()) {
            RawKafka kafka(options);
            const Latency latency = kafka.latency();
            add("raw_kafka_latency_p50_us", latency.p50_us);
            add("raw_kafka_latency_p99_us", latency.p99_us);
            add("raw_kafka_published_per_s", kafka.published_per_s());
            add("raw_kafka_consumed_per_s", kafka.consumed_per_s());
        }
        fmt::print("{{{}}}\n", fmt::join(figures, ", "));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "raw: {}\n", error.what());
        return 1;
    }
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
    return slipway::run(argc, argv);
}
