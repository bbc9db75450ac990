#include "ops/slipway/open.h"

#include <filesystem>
#include <fstream>

namespace slipway {
namespace {

std::string embedded_address(const Config& config) {
    std::ifstream in(broker_address_file(config));
    std::string address;
    if (!(in >> address))
        throw Error("no embedded broker is known in " + config.state_folder +
                    "; start `slipway up` first, or set broker.kind: kafka");
    return address;
}

}  // namespace

DatabaseSettings database_settings(const Config& config) {
    return {.url = config.database.url, .connections = config.database.connections};
}

std::string broker_address_file(const Config& config) {
    return config.state_folder + "/broker-address";
}

void write_broker_address(const Config& config, const std::string& address) {
    std::filesystem::create_directories(config.state_folder);
    const std::string file = broker_address_file(config);
    const std::string draft = file + ".new";
    std::ofstream out(draft);
    out << address << '\n';
    out.close();
    if (!out) throw Error("cannot write " + draft);
    // Whoever reads it sees the old address or the new one, never half of one.
    std::filesystem::rename(draft, file);
}

KafkaSettings kafka_settings(const Config& config) {
    const bool embedded = config.broker.kind == BrokerKind::Embedded;
    return {.brokers = embedded ? embedded_address(config) : config.broker.addresses,
            .properties = config.broker.properties,
            .embedded = embedded,
            .log = log_bus_news};
}

void log_bus_news(BusNews news, const std::string& text) {
    switch (news) {
        case BusNews::Info:
            return log(Level::Info, text, {{"part", "bus"}});
        case BusNews::Warning:
            return log(Level::Warning, text, {{"part", "bus"}});
        case BusNews::Error:
            return log(Level::Error, text, {{"part", "bus"}});
    }
}

std::unique_ptr<KafkaBus> open_bus(const Config& config) {
    return std::make_unique<KafkaBus>(kafka_settings(config));
}

}  // namespace slipway
