// The configuration: what is read, what is refused, and that every refusal helps.

#include "consumers/runtime/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "consumers/runtime/config_keys.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

Config parse(const std::string& yaml, const Environment& environment = {}) {
    return parse_config(yaml, "slipway.yaml", environment).config;
}

std::string problems(const std::string& yaml, const Environment& environment = {}) {
    try {
        parse(yaml, environment);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "none";
}

// A file that is gone when the test is over.
struct TemporaryFile {
    explicit TemporaryFile(const std::string& content)
        : path(::testing::TempDir() + "slipway-config-" + std::to_string(getpid())) {
        std::ofstream(path) << content;
        std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    }
    ~TemporaryFile() { std::filesystem::remove(path); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    std::string path;
};

TEST(Config, WithoutAFileIsOneMachineWithNothingElse) {
    const Config config = load_config("", {}).config;

    EXPECT_EQ(config.broker.kind, BrokerKind::Embedded);
    EXPECT_EQ(config.state_folder, "./slipway-state");
    EXPECT_EQ(config.database.url, "sqlite:./slipway-state/slipway.db");
}

TEST(Config, TakesTheStateFolderOfSystemd) {
    const Config config = load_config("", {{"STATE_DIRECTORY", "/var/lib/a:/var/lib/b"}}).config;

    EXPECT_EQ(config.database.url, "sqlite:/var/lib/a/slipway.db");
}

TEST(Config, ReadsEveryKindOfValue) {
    const Config config = parse(R"(
installation: lab
broker:
  kind: kafka
  addresses: one:9092,two:9092
  properties: {security.protocol: sasl_ssl, sasl.username: slipway}
runtime: {threads: 3, hand_off: false, grace: 2m, poll_interval: 250ms}
due:
log: {level: warning, format: json, verbose: true}
mail: {host: "::1", port: 465, security: tls, from: "Grüße <a@example.com>", timeout: 45s}
)");

    EXPECT_EQ(config.installation, "lab");
    EXPECT_EQ(config.broker.kind, BrokerKind::Kafka);
    EXPECT_EQ(config.broker.addresses, "one:9092,two:9092");
    EXPECT_EQ(config.broker.properties.at("security.protocol"), "sasl_ssl");
    EXPECT_EQ(config.runtime.threads, 3);
    EXPECT_FALSE(config.runtime.hand_off);
    EXPECT_EQ(config.runtime.grace, 2min);
    EXPECT_EQ(config.runtime.poll_interval, 250ms);
    EXPECT_EQ(config.due.batch, 2'000);
    EXPECT_EQ(config.log.level, Level::Warning);
    EXPECT_EQ(config.log.format, LogFormat::Json);
    EXPECT_TRUE(config.log.verbose);
    EXPECT_EQ(config.mail.host, "::1");
    EXPECT_EQ(config.mail.port, 465);
    EXPECT_EQ(config.mail.security, MailSecurity::Tls);
    EXPECT_EQ(config.mail.from, "Grüße <a@example.com>");
    EXPECT_EQ(config.mail.timeout, 45s);
}

TEST(Config, EnvironmentOverridesTheFile) {
    const Config config =
        parse("runtime: {threads: 3}\n",
              {{"SLIPWAY_RUNTIME_THREADS", "5"},
               {"SLIPWAY_DATABASE_URL", "postgresql://a:b@db/slipway"},
               {"SLIPWAY_BROKER_PROPERTIES", "{sasl.username: slipway, sasl.password: 'a: b'}"}});

    EXPECT_EQ(config.runtime.threads, 5);
    EXPECT_EQ(config.database.url, "postgresql://a:b@db/slipway");
    EXPECT_EQ(config.broker.properties.at("sasl.password"), "a: b");
}

TEST(Config, ReadsSecretsFromFilesOfTheirOwn) {
    const TemporaryFile secret("postgresql://slipway:secret@db/slipway\n");

    const Config by_file = parse("database: {url_file: " + secret.path + "}\n");
    const Config by_environment = parse("", {{"SLIPWAY_DATABASE_URL_FILE", secret.path}});

    EXPECT_EQ(by_file.database.url, "postgresql://slipway:secret@db/slipway");
    EXPECT_EQ(by_environment.database.url, by_file.database.url);
}

TEST(Config, SaysFileLineKeyAndTheNearestKey) {
    struct Row {
        std::string name;
        std::string yaml;
        std::string problem;
    };
    const Row rows[] = {
        {"mistyped key",
         "due:\n  batch: 1\nruntime:\n  gracee: 60s\n",
         "slipway.yaml:4: runtime.gracee: unknown key; did you mean runtime.grace?"},
        {"mistyped section",
         "runtme:\n  grace: 60s\n",
         "slipway.yaml:1: runtme: unknown key; did you mean runtime?"},
        {"nothing near",
         "carrier_pigeon: 1\n",
         "slipway.yaml:1: carrier_pigeon: unknown key; `slipway config show` lists all there "
         "are"},
        {"not a duration",
         "runtime:\n  grace: 60\n",
         "slipway.yaml:2: runtime.grace: \"60\" is not a duration; write 250ms, 30s, 10m, 2h or "
         "7d"},
        {"out of range",
         "runtime: {threads: 0}\n",
         "slipway.yaml:1: runtime.threads: is out of range; it is a whole number from 1 to 1024"},
        {"not a number",
         "due: {batch: many}\n",
         "slipway.yaml:1: due.batch: \"many\" is not a whole number from 1 to 100000"},
        {"mistyped word",
         "broker: {kind: kafak}\n",
         "slipway.yaml:1: broker.kind: \"kafak\" is not one of embedded, kafka; did you mean "
         "kafka?"},
        {"set twice",
         "due:\n  batch: 1\n  batch: 2\n",
         "slipway.yaml:3: due.batch: is set twice; also at slipway.yaml:2"},
        {"a map for a number",
         "due: {batch: {a: b}}\n",
         "slipway.yaml:1: due.batch: is a whole number from 1 to 100000, not a list or map"},
        {"a word for a section",
         "due: 5\n",
         "slipway.yaml:1: due: is a section: its keys stand below it, indented"},
        {"an empty value",
         "due:\n  batch:\n",
         "slipway.yaml:2: due.batch: has no value; remove the line to get the default"},
        {"a secret that is not there",
         "database: {url_file: /nowhere/at/all}\n",
         "slipway.yaml:1: database.url_file: cannot read a secret from /nowhere/at/all"},
        {"grace too short",
         "runtime:\n  grace: 30s\n",
         "slipway.yaml:2: runtime.grace: 30s is less than twice runtime.step_deadline (20s): a "
         "step "
         "could still be at work when it counts as lost"},
        {"kafka without addresses",
         "broker:\n  kind: kafka\n",
         "slipway.yaml:2: broker.kind: kafka needs broker.addresses"},
        {"an address without a port",
         "broker: {kind: kafka, addresses: \"a:1,b\"}\n",
         "slipway.yaml:1: broker.addresses: \"b\" is not host:port"},
        {"a property that is ours",
         "broker: {properties: {group.id: mine}}\n",
         "slipway.yaml:1: broker.properties: group.id is not to be set: the groups have fixed "
         "names; "
         "see broker.topic_prefix"},
        {"an unknown database",
         "database: {url: mysql://a/b}\n",
         "slipway.yaml:1: database.url: the database url is none of sqlite:PATH, sqlite::memory:, "
         "postgresql://user@host/database"},
        {"mail without a sender",
         "mail: {host: mail.example.com}\n",
         "default: mail.from: is needed to send letters; mail.host is set"},
        {"a sender that is none",
         "mail:\n  from: Example Hosting\n",
         "slipway.yaml:2: mail.from: has a space; write Name <name@example.com>, or the address "
         "alone"},
        {"a mail server with its port",
         "mail: {host: \"mail.example.com:25\", from: a@example.com}\n",
         "slipway.yaml:1: mail.host: is no host name or address; the port stands in mail.port"},
        {"half a log-in",
         "mail: {host: mail.example.com, from: a@example.com, user: slipway}\n",
         "default: mail.password: is missing: mail.user and mail.password belong together"},
        {"a greeting that is none",
         "mail: {hello: two words}\n",
         "slipway.yaml:1: mail.hello: is no host name"},
        {"a mail security that is none",
         "mail: {security: startls}\n",
         "slipway.yaml:1: mail.security: \"startls\" is not one of starttls, if_offered, tls, off; "
         "did you mean starttls?"},
        {"not a map", "- a\n", "slipway.yaml:1: the file is not a map of sections"},
    };

    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(problems(row.yaml), row.problem);
    }
}

TEST(Config, SaysWhereTheFileIsNotYaml) {
    const std::string said = problems("due:\n  batch: [1\n");

    EXPECT_TRUE(said.starts_with("slipway.yaml:3: not YAML: ")) << said;
}

TEST(Config, SaysEverythingThatIsWrongAtOnce) {
    const std::string said =
        problems("runtime: {gracee: 1s, threads: x}\ndeu: {}\n", {{"SLIPWAY_DUE_BATCH", "none"}});

    EXPECT_EQ(said,
              "slipway.yaml:1: runtime.gracee: unknown key; did you mean runtime.grace?\n"
              "slipway.yaml:1: runtime.threads: \"x\" is not a whole number from 1 to 1024\n"
              "slipway.yaml:2: deu: unknown key; did you mean due?\n"
              "SLIPWAY_DUE_BATCH: due.batch: \"none\" is not a whole number from 1 to 100000");
}

TEST(Config, WarnsOfAVariableThatNamesNoKey) {
    const auto warnings =
        load_config("", {{"SLIPWAY_DUE_BACTH", "5"}, {"SLIPWAY_TEST_SKIPS", "x"}}).warnings;

    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings[0],
              "SLIPWAY_DUE_BACTH in the environment names no key of the configuration");
}

TEST(Config, ShowsNoSecretAndWhereEachValueCameFrom) {
    const LoadedConfig loaded = parse_config(
        "database: {url: 'postgresql://slipway:secret@db/x?sslpassword=secret'}\n"
        "broker: {properties: {sasl.username: me, sasl.password: secret}}\n"
        "proxmox: {token: 'root@pam!a=secret', password: secret}\n",
        "slipway.yaml",
        {{"SLIPWAY_DUE_BATCH", "7"}});

    std::string shown;
    for (const ConfigValue& value : loaded.values)
        if (value.source != "default")
            shown += std::string(value.path) + " = " + value.value + "  # " + value.source + "\n";
    EXPECT_EQ(shown,
              "database.url = postgresql://slipway:***@db/x?sslpassword=***  # slipway.yaml:1\n"
              "broker.properties = {sasl.password: ***, sasl.username: me}  # slipway.yaml:2\n"
              "due.batch = 7  # SLIPWAY_DUE_BATCH\n"
              "proxmox.token = ***  # slipway.yaml:3\n"
              "proxmox.password = ***  # slipway.yaml:3\n");
}

TEST(Config, AFileThatWasNamedMustExist) {
    EXPECT_THROW(find_config_file("/nowhere/slipway.yaml", {}), ConfigError);
    EXPECT_THROW(find_config_file({}, {{"SLIPWAY_CONFIG", "/nowhere/x"}}), ConfigError);
}

TEST(Config, EveryKeyOfTheTableStandsForItself) {
    std::set<std::string> variables;
    for (const ConfigKey& key : config_keys()) {
        SCOPED_TRACE(key.path);
        EXPECT_TRUE(variables.insert(environment_name(key.path)).second);
        EXPECT_TRUE(key.sentence.ends_with("."));

        // What is shown can be read back, and the default lies within the limits.
        const Config defaults;
        const std::string text = value_text(defaults, key, Show::Plain);
        const Config again = parse("", {{environment_name(key.path), text}});
        EXPECT_EQ(value_text(again, key, Show::Plain), value_text(parse(""), key, Show::Plain));
    }
}

TEST(Config, TheExampleFileIsPrintedFromTheTable) {
    std::ifstream in("ops/config/example.yaml");
    const std::string example{std::istreambuf_iterator<char>(in), {}};

    EXPECT_EQ(example, example_config())
        << "print it again: slipway config example > ops/config/example.yaml";
}

TEST(Config, TheExampleFileLoadsAndHoldsTheDefaults) {
    const LoadedConfig example = load_config("ops/config/example.yaml", {});
    const LoadedConfig defaults = load_config("", {});

    ASSERT_EQ(example.values.size(), config_keys().size());
    for (std::size_t i = 0; i < example.values.size(); ++i) {
        SCOPED_TRACE(example.values[i].path);
        EXPECT_EQ(example.values[i].value, defaults.values[i].value);
        EXPECT_NE(example.values[i].source, "default");
    }
}

TEST(Durations, AreReadAndWrittenAlike) {
    for (const std::string text : {"250ms", "30s", "10m", "2h", "7d", "0s", "90s"}) {
        SCOPED_TRACE(text);
        ASSERT_TRUE(parse_duration(text));
        EXPECT_EQ(duration_text(*parse_duration(text)), text);
    }
    for (const std::string text : {"", "5", "s", "-5s", "5 s", "1.5s", "99999999999999999999s"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_duration(text));
    }
}

}  // namespace
}  // namespace slipway
