// A Kafka and a PostgreSQL for whoever starts this program (the benchmarks, a person with a
// question): prints one line of JSON with their addresses once both are ready, and keeps them until
// its standard input ends.
//
//   live_servers [KAFKA_VERSION]

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tests/live/kafka_server.h"
#include "tests/live/postgres_server.h"

int main(int argc, char** argv) {
    try {
        slipway::PostgresServer postgres;
        slipway::KafkaServer kafka({.version = argc > 1 ? argv[1] : "4.3.0"});
        fmt::print("{{\"brokers\": \"{}\", \"database\": \"{}\", \"folder\": \"{}\"}}\n",
                   kafka.brokers(),
                   postgres.create_database(),
                   postgres.folder().string());
        std::fflush(stdout);
        while (std::getchar() != EOF) continue;
        return 0;  // their folders go with them: no orderly stop, which would take seconds
    } catch (const std::exception& error) {
        fmt::print(stderr, "live_servers: {}\n", error.what());
        return 1;
    }
}
