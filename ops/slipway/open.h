#pragma once
// From the configuration to the settings of the real parts: database and broker.

#include <memory>
#include <optional>
#include <string>

#include "consumers/runtime/config.h"
#include "schema/database.h"
#include "schema/secret_box.h"
#include "topics/kafka_bus.h"

namespace slipway {

DatabaseSettings database_settings(const Config& config);

// The key of all secrets: secrets.key_file, else the one that `slipway up` made in the state
// folder, else none, and then secrets can neither be kept nor read.
SecretBox open_secret_box(const Config& config);
// For `slipway up`: makes that key if there is none, and says so. The state folder must be there.
SecretBox open_or_make_secret_box(const Config& config);

// Where `slipway up` says at which address its embedded broker listens, for other processes.
std::string broker_address_file(const Config& config);
void write_broker_address(const Config& config, const std::string& address);

// How to reach the broker. Throws Error if it is the embedded one and no `slipway up` runs here.
KafkaSettings kafka_settings(const Config& config);

// Its news as records of the log.
void log_bus_news(BusNews news, const std::string& text);

// The configured durations and such apart, every command that needs the bus opens the same one.
std::unique_ptr<KafkaBus> open_bus(const Config& config);

}  // namespace slipway
