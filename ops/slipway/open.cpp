#include "ops/slipway/open.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "consumers/runtime/secret_file.h"

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

std::string made_key_file(const Config& config) {
    return config.state_folder + "/secret.key";
}

}  // namespace

DatabaseSettings database_settings(const Config& config) {
    return {.url = config.database.url, .connections = config.database.connections};
}

SecretBox open_secret_box(const Config& config) {
    const std::string& named = config.secrets.key_file;
    const std::string made = made_key_file(config);
    if (named.empty() && !std::filesystem::exists(made)) return {};
    const std::string& file = named.empty() ? made : named;
    if (is_open_to_everyone(file))
        log(Level::Warning, file + " holds a secret and can be read by everyone on this machine");
    return SecretBox::from_file(file);
}

SecretBox open_or_make_secret_box(const Config& config) {
    const std::string made = made_key_file(config);
    if (config.secrets.key_file.empty() && !std::filesystem::exists(made)) {
        SecretBox box = SecretBox::from_new_file(made);
        fmt::print(
            "made {}, the key of all secrets in the database: keep a copy, since nothing opens "
            "them without it\n",
            made);
        return box;
    }
    return open_secret_box(config);
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
