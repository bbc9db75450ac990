#include "consumers/runtime/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "consumers/mail/message_text.h"
#include "consumers/runtime/config_keys.h"
#include "consumers/runtime/secret_file.h"
#include "schema/database.h"

namespace slipway {
namespace {

constexpr std::string_view file_suffix = "_file";
constexpr std::string_view environment_prefix = "SLIPWAY_";
constexpr std::string_view default_files[] = {"slipway.yaml", "/etc/slipway/slipway.yaml"};

// Why it would break Slipway if somebody set these for librdkafka.
struct OwnProperty {
    std::string_view name;
    std::string_view instead;
};
constexpr OwnProperty own_properties[] = {
    {"bootstrap.servers", "write broker.addresses instead"},
    {"metadata.broker.list", "write broker.addresses instead"},
    {"group.id", "the groups have fixed names; see broker.topic_prefix"},
    {"acks", "an event counts as published once all replicas have it"},
    {"request.required.acks", "an event counts as published once all replicas have it"},
    {"enable.idempotence", "events of one VM must stay in order"},
    {"enable.auto.commit", "offsets are committed once the database has the answer"},
    {"enable.auto.offset.store", "offsets are committed once the database has the answer"},
    {"auto.offset.reset", "all groups start at the earliest offset"},
    {"partition.assignment.strategy", "others lose messages with this librdkafka"},
};

// Everything about one reading: what it reads into, where each value came from, what was wrong.
struct Reading {
    std::string file;
    Config config = {};
    std::map<std::string_view, std::string> sources = {};  // by path of the key
    std::vector<std::string> problems = {};
    std::vector<std::string> warnings = {};

    void problem(const std::string& where, std::string_view path, std::string_view what) {
        problems.push_back(where + ": " + std::string(path) + (path.empty() ? "" : ": ") +
                           std::string(what));
    }
    std::string source(std::string_view path) const {
        const auto found = sources.find(path);
        return found == sources.end() ? "default" : found->second;
    }
};

std::optional<std::string> content_of(const std::string& path) {
    std::ifstream in(path);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in.good() && !in.eof()) return std::nullopt;
    return in.is_open() ? std::optional(content) : std::nullopt;
}

bool is_map(const ConfigKey& key) {
    return std::holds_alternative<std::map<std::string, std::string>& (*)(Config&)>(key.place);
}

std::string at_line(const Reading& reading, const YAML::Node& node) {
    return fmt::format("{}:{}", reading.file, node.Mark().line + 1);
}

void set_map(Reading& reading, const ConfigKey& key, const YAML::Node& node) {
    std::map<std::string, std::string> map;
    if (!node.IsMap() && !node.IsNull()) throw Error("is a map: write name: value, a line each");
    for (const auto& entry : node) {
        if (!entry.first.IsScalar() || !entry.second.IsScalar())
            throw Error("is a map of plain values: name: value, a line each");
        map[entry.first.Scalar()] = entry.second.Scalar();
    }
    std::get<std::map<std::string, std::string>& (*)(Config&)>(key.place)(reading.config) = map;
}

// A value that did not come out of the file's own YAML: environment, or a secret's own file.
void set_from_text(Reading& reading, const ConfigKey& key, const std::string& text) {
    if (!is_map(key)) return set_value(reading.config, key, text);
    try {
        set_map(reading, key, YAML::Load(text));
    } catch (const YAML::Exception&) {
        throw Error("is not a map in YAML, such as {sasl.username: slipway}");
    }
}

void set_from_file(Reading& reading, const ConfigKey& key, const std::string& path) {
    set_from_text(reading, key, read_secret_file(path));
    if (is_open_to_everyone(path))
        reading.warnings.push_back(path +
                                   " holds a secret and can be read by everyone on this machine");
}

// "database.url" of "database.url_file", if that key may stand in a file.
const ConfigKey* key_of_file(std::string_view path) {
    if (!path.ends_with(file_suffix)) return nullptr;
    const ConfigKey* key = find_config_key(path.substr(0, path.size() - file_suffix.size()));
    return key != nullptr && key->secret != Secret::No ? key : nullptr;
}

bool is_section(std::string_view path) {
    for (const ConfigKey& key : config_keys())
        if (key.path.starts_with(std::string(path) + ".")) return true;
    return false;
}

std::string unknown_key(std::string_view path) {
    std::vector<std::string> owned;
    for (const ConfigKey& key : config_keys()) {
        owned.emplace_back(key.path);
        owned.emplace_back(key.path.substr(0, key.path.find('.')));
        if (key.secret != Secret::No) owned.push_back(std::string(key.path) + "_file");
    }
    const std::vector<std::string_view> words(owned.begin(), owned.end());
    const auto near = nearest(path, words);
    return near ? fmt::format("unknown key; did you mean {}?", *near)
                : "unknown key; `slipway config show` lists all there are";
}

// Two values for one key would hide one of them.
bool claim(Reading& reading, const ConfigKey& key, const std::string& where) {
    const auto [earlier, first] = reading.sources.emplace(key.path, where);
    if (!first) reading.problem(where, key.path, "is set twice; also at " + earlier->second);
    return first;
}

void read_value(Reading& reading, const ConfigKey& key, const YAML::Node& node) {
    if (is_map(key)) return set_map(reading, key, node);
    if (node.IsNull()) throw Error("has no value; remove the line to get the default");
    if (!node.IsScalar()) throw Error(fmt::format("is a {}, not a list or map", type_text(key)));
    set_value(reading.config, key, node.Scalar());
}

void read_section(Reading& reading, const std::string& section, const YAML::Node& node);

void read_entry(Reading& reading,
                const std::string& path,
                const YAML::Node& name,
                const YAML::Node& node) {
    const std::string where = at_line(reading, name);
    try {
        if (const ConfigKey* key = find_config_key(path)) {
            if (claim(reading, *key, where)) read_value(reading, *key, node);
        } else if (const ConfigKey* in_file = key_of_file(path)) {
            if (!node.IsScalar()) throw Error("is the path of a file");
            if (claim(reading, *in_file, where)) set_from_file(reading, *in_file, node.Scalar());
        } else if (!is_section(path)) {
            reading.problem(where, path, unknown_key(path));
        } else if (node.IsMap()) {
            read_section(reading, path, node);
        } else if (!node.IsNull()) {
            reading.problem(where, path, "is a section: its keys stand below it, indented");
        }
    } catch (const Error& error) {
        reading.problem(where, path, error.what());
    }
}

void read_section(Reading& reading, const std::string& section, const YAML::Node& node) {
    for (const auto& entry : node) {
        if (!entry.first.IsScalar()) {
            reading.problem(at_line(reading, entry.first), section, "a key is a plain word");
            continue;
        }
        const std::string dot = section.empty() ? "" : ".";
        read_entry(reading, section + dot + entry.first.Scalar(), entry.first, entry.second);
    }
}

void read_yaml(Reading& reading, const std::string& text) {
    try {
        const YAML::Node root = YAML::Load(text);
        if (root.IsMap())
            read_section(reading, "", root);
        else if (!root.IsNull())
            reading.problem(at_line(reading, root), "", "the file is not a map of sections");
    } catch (const YAML::Exception& error) {
        reading.problem(
            fmt::format("{}:{}", reading.file, error.mark.line + 1), "", "not YAML: " + error.msg);
    }
}

void read_variable(Reading& reading, const std::string& name, const std::string& text) {
    for (const ConfigKey& key : config_keys()) {
        const std::string plain = environment_name(key.path);
        const bool in_file = key.secret != Secret::No && name == plain + "_FILE";
        if (name != plain && !in_file) continue;
        const std::string earlier = reading.source(key.path);
        if (earlier.starts_with(environment_prefix))
            reading.problem(name, key.path, "is set twice; also by " + earlier);
        reading.sources[key.path] = name;
        try {
            in_file ? set_from_file(reading, key, text) : set_from_text(reading, key, text);
        } catch (const Error& error) {
            reading.problem(name, key.path, error.what());
        }
        return;
    }
    // Not an error: Kubernetes sets SLIPWAY_PORT and the like for a service of that name.
    if (name != "SLIPWAY_CONFIG" && !name.starts_with("SLIPWAY_TEST"))
        reading.warnings.push_back(name + " in the environment names no key of the configuration");
}

void fill_in(Reading& reading, const Environment& environment) {
    Config& config = reading.config;
    if (config.state_folder.empty()) {
        const auto systemd = environment.find("STATE_DIRECTORY");
        const bool given = systemd != environment.end() && !systemd->second.empty();
        config.state_folder =
            given ? systemd->second.substr(0, systemd->second.find(':')) : "./slipway-state";
        if (given) reading.sources["state_folder"] = "STATE_DIRECTORY";
    }
    if (config.database.url.empty())
        config.database.url = "sqlite:" + config.state_folder + "/slipway.db";
}

bool consists_of(std::string_view text, std::string_view letters) {
    return text.find_first_not_of(letters) == std::string_view::npos;
}

constexpr std::string_view owner_letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr std::string_view host_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
constexpr std::string_view topic_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

bool is_address(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view port = address.substr(colon + 1);
    return !port.empty() && port.size() <= 5 && consists_of(port, "0123456789");
}

std::optional<std::string> wrong_address(std::string_view addresses) {
    while (!addresses.empty()) {
        const std::size_t comma = std::min(addresses.find(','), addresses.size());
        const std::string_view address = addresses.substr(0, comma);
        if (!is_address(address)) return fmt::format("\"{}\" is not host:port", address);
        addresses.remove_prefix(std::min(comma + 1, addresses.size()));
    }
    return std::nullopt;
}

void check_broker(Reading& reading) {
    const BrokerConfig& broker = reading.config.broker;
    const auto say = [&](std::string_view path, std::string_view what) {
        reading.problem(reading.source(path), path, what);
    };
    if (const auto wrong = wrong_address(broker.addresses)) say("broker.addresses", *wrong);
    if (broker.kind == BrokerKind::Kafka && broker.addresses.empty())
        say("broker.kind", "kafka needs broker.addresses");
    if (broker.kind == BrokerKind::Embedded && !broker.addresses.empty())
        say("broker.addresses", "is for a real Kafka; set broker.kind: kafka as well");
    if (!consists_of(broker.topic_prefix, topic_letters))
        say("broker.topic_prefix", "may hold letters, digits, dot, underscore and minus only");
    for (const OwnProperty& own : own_properties)
        if (broker.properties.contains(std::string(own.name)))
            say("broker.properties", fmt::format("{} is not to be set: {}", own.name, own.instead));
}

// A name or an address; one colon means that somebody wrote a port.
bool is_host(std::string_view text) {
    return consists_of(text, host_letters) && std::count(text.begin(), text.end(), ':') != 1;
}

void check_mail(Reading& reading) {
    const MailConfig& mail = reading.config.mail;
    const auto say = [&](std::string_view path, std::string_view what) {
        reading.problem(reading.source(path), path, what);
    };
    try {
        if (!mail.from.empty()) parse_mailbox(mail.from);
    } catch (const Error& error) {
        say("mail.from", error.what());
    }
    if (!is_host(mail.hello)) say("mail.hello", "is no host name");
    if (mail.host.empty()) return;
    if (!is_host(mail.host))
        say("mail.host", "is no host name or address; the port stands in mail.port");
    if (mail.from.empty()) say("mail.from", "is needed to send letters; mail.host is set");
    if (mail.user.empty() != mail.password.empty())
        say(mail.user.empty() ? "mail.user" : "mail.password",
            "is missing: mail.user and mail.password belong together");
}

// What one value means for another.
void check_together(Reading& reading) {
    const Config& config = reading.config;
    const auto say = [&](std::string_view path, std::string_view what) {
        reading.problem(reading.source(path), path, what);
    };
    if (!consists_of(config.installation, owner_letters))
        say("installation", "may hold small letters, digits and minus only");
    try {
        dialect_of({.url = config.database.url});
    } catch (const std::runtime_error& error) {
        say("database.url", error.what());
    }
    if (config.runtime.grace < 2 * config.runtime.step_deadline)
        say("runtime.grace",
            fmt::format(
                "{} is less than twice runtime.step_deadline ({}): a step could still be at "
                "work when it counts as lost",
                duration_text(config.runtime.grace),
                duration_text(config.runtime.step_deadline)));
    if (config.runtime.retry_longest < config.runtime.retry_first)
        say("runtime.retry_longest", "is shorter than runtime.retry_first");
    check_broker(reading);
    check_mail(reading);
}

std::vector<ConfigValue> shown_values(const Reading& reading) {
    std::vector<ConfigValue> values;
    for (const ConfigKey& key : config_keys())
        values.push_back({.path = key.path,
                          .value = value_text(reading.config, key, Show::Masked),
                          .source = reading.source(key.path)});
    return values;
}

LoadedConfig finish(Reading reading, const Environment& environment) {
    for (const auto& [name, text] : environment)
        if (name.starts_with(environment_prefix)) read_variable(reading, name, text);
    fill_in(reading, environment);
    if (reading.problems.empty()) check_together(reading);
    if (!reading.problems.empty()) throw ConfigError(reading.problems);
    return {.config = reading.config,
            .file = reading.file,
            .values = shown_values(reading),
            .warnings = reading.warnings};
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> lines)
    : Error(fmt::format("{}", fmt::join(lines, "\n"))), problems(std::move(lines)) {}

Environment process_environment() {
    Environment environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = std::min(text.find('='), text.size());
        environment.emplace(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
    }
    return environment;
}

std::string find_config_file(const std::optional<std::string>& chosen,
                             const Environment& environment) {
    const auto named = environment.find("SLIPWAY_CONFIG");
    if (chosen || (named != environment.end() && !named->second.empty())) {
        std::string file = chosen ? *chosen : named->second;
        if (!std::filesystem::is_regular_file(file))
            throw ConfigError({file + ": there is no such configuration file"});
        return file;
    }
    for (const std::string_view file : default_files)
        if (std::filesystem::is_regular_file(file)) return std::string(file);
    return {};
}

LoadedConfig load_config(const std::string& file, const Environment& environment) {
    if (file.empty()) return finish({.file = file}, environment);
    const std::optional<std::string> text = content_of(file);
    if (!text) throw ConfigError({file + ": cannot be read"});
    return parse_config(*text, file, environment);
}

LoadedConfig parse_config(const std::string& text,
                          const std::string& file,
                          const Environment& environment) {
    Reading reading{.file = file};
    read_yaml(reading, text);
    return finish(std::move(reading), environment);
}

}  // namespace slipway
