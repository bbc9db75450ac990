#pragma once
// The configuration: one YAML file, every value overridable by the environment, secrets by file.
//
// The defaults are the initialisers below; what each key means, its limits and its environment
// variable stand in the table of config_keys.cpp, from which parsing, error texts and
// `slipway config show` are made. Without any file at all Slipway runs on the embedded broker and
// SQLite in its state folder.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/runtime/error.h"
#include "consumers/runtime/log.h"

namespace slipway {

struct DatabaseConfig {
    std::string url;  // filled in by load_config(): SQLite in the state folder
    int connections = 4;
};

struct SecretsConfig {
    std::string key_file;
};

enum class BrokerKind { Embedded, Kafka };

struct BrokerConfig {
    BrokerKind kind = BrokerKind::Embedded;
    std::string addresses;
    std::map<std::string, std::string> properties;  // for librdkafka, as they are
    std::string topic_prefix = "slipway.";
};

struct RuntimeConfig {
    int threads = 16;
    bool hand_off = true;
    std::chrono::milliseconds step_deadline{20'000};
    std::chrono::milliseconds grace{60'000};
    std::chrono::milliseconds poll_interval{2'000};
    std::chrono::milliseconds retry_first{1'000};
    std::chrono::milliseconds retry_longest{60'000};
    std::chrono::milliseconds heartbeat_line{15'000};
    int batch_most = 256;
    int in_flight_most = 20'000;
    int rows_kept = 20'000;
    std::chrono::milliseconds shutdown_timeout{30'000};
};

struct DueConfig {
    std::chrono::milliseconds interval{250};
    int batch = 2'000;
};

struct LogConfig {
    Level level = Level::Info;
    LogFormat format = LogFormat::Logfmt;
    bool verbose = false;
};

// The cluster that `slipway pve` speaks with.
struct ProxmoxConfig {
    std::string endpoints;
    std::string token;
    std::string user;
    std::string password;
    std::string ca_file;
    std::string fingerprint;
    bool verify = true;
    std::chrono::milliseconds timeout{35'000};
};

// How `slipway pve` watches tasks.
struct PveConfig {
    std::chrono::milliseconds interval{500};
    int at_once = 4;
    int retries = 3;
    std::chrono::milliseconds retry_pause{5'000};
};

// How long each kind of task is watched. None of them ends a task.
struct TaskLimitsConfig {
    std::chrono::milliseconds start_stop{std::chrono::minutes(5)};
    std::chrono::milliseconds create{std::chrono::minutes(30)};
    std::chrono::milliseconds snapshot{std::chrono::minutes(10)};
    std::chrono::milliseconds backup{std::chrono::minutes(240)};
    std::chrono::milliseconds migration{std::chrono::minutes(60)};
    std::chrono::milliseconds make_template{std::chrono::minutes(60)};
    std::chrono::milliseconds clone{std::chrono::minutes(120)};
    std::chrono::milliseconds other{std::chrono::minutes(30)};
};

enum class MailSecurity {
    StartTls,   // required: without it nothing is sent
    IfOffered,  // STARTTLS if the server has it
    Tls,        // from the first byte on
    Off,
};

// The server that takes our letters.
struct MailConfig {
    std::string host;
    int port = 587;
    MailSecurity security = MailSecurity::StartTls;
    std::string user;
    std::string password;
    std::string from;
    std::string ca_file;
    std::string fingerprint;
    bool verify = true;
    std::chrono::milliseconds timeout{30'000};
    std::string hello;
};

struct RehearsalConfig {
    std::string ledger;
};

struct Config {
    std::string installation = "slipway";
    std::string state_folder;  // filled in by load_config()
    DatabaseConfig database = {};
    SecretsConfig secrets = {};
    BrokerConfig broker = {};
    RuntimeConfig runtime = {};
    DueConfig due = {};
    LogConfig log = {};
    ProxmoxConfig proxmox = {};
    PveConfig pve = {};
    TaskLimitsConfig task_limits = {};
    MailConfig mail = {};
    RehearsalConfig rehearsal = {};
};

// Everything that is wrong, one line each: "slipway.yaml:12: runtime.gracee: unknown key; did you
// mean runtime.grace?"
struct ConfigError : Error {
    explicit ConfigError(std::vector<std::string> lines);
    std::vector<std::string> problems;
};

using Environment = std::map<std::string, std::string>;
Environment process_environment();

// One line of `slipway config show`: a value as a person may see it, and where it came from.
struct ConfigValue {
    std::string_view path;
    std::string value;   // secrets masked
    std::string source;  // "default", "slipway.yaml:12", "SLIPWAY_DUE_BATCH", …
};

struct LoadedConfig {
    Config config;
    std::string file;                   // empty: there was none
    std::vector<ConfigValue> values;    // in the order of the table
    std::vector<std::string> warnings;  // what is odd, but not wrong
};

// Which file: `chosen` (from --config) if there is one, else $SLIPWAY_CONFIG, else the first of
// ./slipway.yaml and /etc/slipway/slipway.yaml that exists. One that was named must exist.
std::string find_config_file(const std::optional<std::string>& chosen,
                             const Environment& environment);

// Reads the file (none if empty), then the environment, then fills in what follows from the rest.
// Throws ConfigError with everything that is wrong at once.
LoadedConfig load_config(const std::string& file, const Environment& environment);

// The same from text, called `file` in error texts.
LoadedConfig parse_config(const std::string& text,
                          const std::string& file,
                          const Environment& environment);

}  // namespace slipway
