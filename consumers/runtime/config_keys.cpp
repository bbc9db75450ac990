#include "consumers/runtime/config_keys.h"

#include <array>

namespace slipway {
namespace {

template <auto Field>
auto& top(Config& config) {
    return config.*Field;
}

template <auto Section, auto Field>
auto& in(Config& config) {
    return config.*Section.*Field;
}

template <auto Section, auto Field>
int get_choice(const Config& config) {
    return static_cast<int>(config.*Section.*Field);
}

template <auto Section, auto Field>
void set_choice(Config& config, int place) {
    auto& field = config.*Section.*Field;
    field = static_cast<std::remove_reference_t<decltype(field)>>(place);
}

// The words stand in the order of the enumerators.
template <auto Section, auto Field>
constexpr Choice one_of(std::span<const std::string_view> words) {
    return {words, get_choice<Section, Field>, set_choice<Section, Field>};
}

constexpr std::string_view broker_kinds[] = {"embedded", "kafka"};
constexpr std::string_view levels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view formats[] = {"logfmt", "json"};
constexpr std::string_view securities[] = {"starttls", "if_offered", "tls", "off"};

constexpr Limits any = {0, 1 << 20};
constexpr std::int64_t second = 1'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;

using enum Secret;
using C = Config;
using Database = DatabaseConfig;
using Secrets = SecretsConfig;
using Broker = BrokerConfig;
using Runtime = RuntimeConfig;
using Due = DueConfig;
using Log = LogConfig;
using Pve = ProxmoxConfig;
using Watch = PveConfig;
using Limit = TaskLimitsConfig;
using Post = MailConfig;
using Rehearsal = RehearsalConfig;

// clang-format off
constexpr ConfigKey table[] = {
    // key                        where it lives                                  limits             secret  what it is
    {"installation",              &top<&C::installation>,                         {1, 40},               No,
        "Name in every owner mark; two installations on one Proxmox cluster need two names."},
    {"state_folder",              &top<&C::state_folder>,                         {0, 4096},             No,
        "Folder of the SQLite database and the embedded broker; if empty systemd's, else ./slipway-state."},

    {"database.url",              &in<&C::database, &Database::url>,              {0, 4096},             Yes,
        "sqlite:/path/file.db or postgresql://user:password@host/name; if empty SQLite in the state folder."},
    {"database.connections",      &in<&C::database, &Database::connections>,      {1, 200},              No,
        "Connections to PostgreSQL that this process keeps open at most."},

    {"secrets.key_file",          &in<&C::secrets, &Secrets::key_file>,           {0, 4096},             No,
        "File with the key of all secrets in the database (openssl rand -hex 32); `slipway up` makes one if empty."},

    {"broker.kind",               one_of<&C::broker, &Broker::kind>(broker_kinds), any,                  No,
        "The embedded broker, started by `slipway up` on this machine, or a real Kafka."},
    {"broker.addresses",          &in<&C::broker, &Broker::addresses>,            {0, 4096},             No,
        "Kafka brokers to begin with, host:port, separated by commas; needed if the kind is kafka."},
    {"broker.properties",         &in<&C::broker, &Broker::properties>,           any,                   Yes,
        "Settings for librdkafka as they are: security.protocol, sasl.username, ssl.ca.location and so on."},
    {"broker.topic_prefix",       &in<&C::broker, &Broker::topic_prefix>,         {1, 100},              No,
        "Begins the name of every topic and consumer group, so that installations can share a Kafka."},

    {"runtime.threads",           &in<&C::runtime, &Runtime::threads>,            {1, 1024},             No,
        "Threads that run steps; most of their time goes into waiting for answers from outside."},
    {"runtime.hand_off",          &in<&C::runtime, &Runtime::hand_off>,           any,                   No,
        "Go on with a VM right after a commit; false waits for the event to come back from the broker."},
    {"runtime.step_deadline",     &in<&C::runtime, &Runtime::step_deadline>,      {second, hour},        No,
        "How long after its row was loaded a step may still change something outside."},
    {"runtime.grace",             &in<&C::runtime, &Runtime::grace>,              {2 * second, 24 * hour}, No,
        "How long a nudge may be on its way before it counts as lost; at least twice the step deadline."},
    {"runtime.poll_interval",     &in<&C::runtime, &Runtime::poll_interval>,      {100, hour},           No,
        "Time between two looks at something a step waits for."},
    {"runtime.retry_first",       &in<&C::runtime, &Runtime::retry_first>,        {10, hour},            No,
        "Pause after a step's first failure; it doubles with every further one."},
    {"runtime.retry_longest",     &in<&C::runtime, &Runtime::retry_longest>,      {10, 24 * hour},       No,
        "Longest pause between two attempts of a step; the number of attempts has no limit."},
    {"runtime.heartbeat_line",    &in<&C::runtime, &Runtime::heartbeat_line>,     {second, hour},        No,
        "How often an unchanged answer is told again in live output."},
    {"runtime.batch_most",        &in<&C::runtime, &Runtime::batch_most>,         {1, 10'000},           No,
        "Answers that one commit takes at most."},
    {"runtime.in_flight_most",    &in<&C::runtime, &Runtime::in_flight_most>,     {1, 10'000'000},       No,
        "Messages that one process holds at most before it stops taking new ones from the broker."},
    {"runtime.rows_kept",         &in<&C::runtime, &Runtime::rows_kept>,          {0, 10'000'000},       No,
        "VM rows kept in memory after their commit, so that the next event needs no query."},
    {"runtime.shutdown_timeout",  &in<&C::runtime, &Runtime::shutdown_timeout>,   {100, hour},           No,
        "How long a stop may take to finish the steps in hand; then the process ends anyway, losing nothing."},

    {"due.interval",              &in<&C::due, &Due::interval>,                   {10, hour},            No,
        "Time between two sweeps for VMs whose time has come."},
    {"due.batch",                 &in<&C::due, &Due::batch>,                      {1, 100'000},          No,
        "VMs that one sweep nudges at most."},

    {"log.level",                 one_of<&C::log, &Log::level>(levels),           any,                   No,
        "Least important records that are written to stderr."},
    {"log.format",                one_of<&C::log, &Log::format>(formats),         any,                   No,
        "How a record is written: logfmt for people, json for machines; one line each."},
    {"log.verbose",               &in<&C::log, &Log::verbose>,                    any,                   No,
        "Print every step and every live line to stdout, as `slipway watch` does."},

    {"proxmox.endpoints",         &in<&C::proxmox, &Pve::endpoints>,               {0, 4096},           No,
        "Nodes of the cluster, https://host:8006, separated by commas; the next is asked if one is away."},
    {"proxmox.token",             &in<&C::proxmox, &Pve::token>,                   {0, 1024},           Whole,
        "API token, user@realm!name=secret, made without privilege separation or with rights of its own."},
    {"proxmox.user",              &in<&C::proxmox, &Pve::user>,                    {0, 256},            No,
        "user@realm with a password, for what no token may do (clearing a lock: root@pam); or instead of one."},
    {"proxmox.password",          &in<&C::proxmox, &Pve::password>,                {0, 1024},           Whole,
        "The password of proxmox.user."},
    {"proxmox.ca_file",           &in<&C::proxmox, &Pve::ca_file>,                 {0, 4096},           No,
        "PEM file of the authority that signed the nodes' certificates: /etc/pve/pve-root-ca.pem of any node."},
    {"proxmox.fingerprint",       &in<&C::proxmox, &Pve::fingerprint>,             {0, 4096},           No,
        "Or the certificates to believe: each node's own SHA-256 (`pvenode cert info`), separated by commas."},
    {"proxmox.verify",            &in<&C::proxmox, &Pve::verify>,                  any,                 No,
        "False believes anybody, who can then read the credentials: for a try on a laptop, never in earnest."},
    {"proxmox.timeout",           &in<&C::proxmox, &Pve::timeout>,                 {second, hour},      No,
        "For one call, all of it; longer than the 30 s for which one node waits for another."},

    {"pve.interval",              &in<&C::pve, &Watch::interval>,                  {100, minute},       No,
        "Time between two looks of `slipway pve` at the tasks that it watches."},
    {"pve.at_once",               &in<&C::pve, &Watch::at_once>,                   {1, 1'000},          No,
        "Machines that one command of `slipway pve vm` works on at the same time."},
    {"pve.retries",               &in<&C::pve, &Watch::retries>,                   {0, 1'000},          No,
        "How often a look that got no answer is repeated before a task's outcome counts as unknown."},
    {"pve.retry_pause",           &in<&C::pve, &Watch::retry_pause>,               {100, hour},         No,
        "Pause before such a look is repeated."},

    {"task_limits.start_stop",    &in<&C::task_limits, &Limit::start_stop>,        {second, 7 * 24 * hour}, No,
        "How long starts, stops and shutdowns are watched; a limit ends the watching, never the task."},
    {"task_limits.create",        &in<&C::task_limits, &Limit::create>,            {second, 7 * 24 * hour}, No,
        "How long the making of a machine or container is watched."},
    {"task_limits.snapshot",      &in<&C::task_limits, &Limit::snapshot>,          {second, 7 * 24 * hour}, No,
        "How long making, removing and going back to a snapshot is watched."},
    {"task_limits.backup",        &in<&C::task_limits, &Limit::backup>,            {second, 7 * 24 * hour}, No,
        "How long backups and restores are watched."},
    {"task_limits.migration",     &in<&C::task_limits, &Limit::migration>,         {second, 7 * 24 * hour}, No,
        "How long migrations are watched."},
    {"task_limits.template",      &in<&C::task_limits, &Limit::make_template>,     {second, 7 * 24 * hour}, No,
        "How long turning a machine into a template is watched."},
    {"task_limits.clone",         &in<&C::task_limits, &Limit::clone>,             {second, 7 * 24 * hour}, No,
        "How long clones are watched."},
    {"task_limits.other",         &in<&C::task_limits, &Limit::other>,             {second, 7 * 24 * hour}, No,
        "How long any other task is watched."},

    {"mail.host",                 &in<&C::mail, &Post::host>,                     {0, 253},              No,
        "Mail server that takes letters to customers; while this is empty they are kept and not sent."},
    {"mail.port",                 &in<&C::mail, &Post::port>,                     {1, 65'535},           No,
        "Its port: 587 as a rule, 465 with mail.security: tls, 25 between mail servers."},
    {"mail.security",             one_of<&C::mail, &Post::security>(securities),  any,                   No,
        "starttls sends nothing without it; tls begins with it; if_offered and off may send in clear text."},
    {"mail.user",                 &in<&C::mail, &Post::user>,                     {0, 256},              No,
        "Whom to log in as; if empty there is no log-in."},
    {"mail.password",             &in<&C::mail, &Post::password>,                 {0, 1024},             Whole,
        "The password of mail.user; sent over TLS only, unless mail.security is off."},
    {"mail.from",                 &in<&C::mail, &Post::from>,                     {0, 400},              No,
        "Sender of every letter: Example Hosting <noreply@example.com>; needed if there is a mail.host."},
    {"mail.ca_file",              &in<&C::mail, &Post::ca_file>,                  {0, 4096},             No,
        "PEM file of the authority that signed the server's certificate; if empty those of the system."},
    {"mail.fingerprint",          &in<&C::mail, &Post::fingerprint>,              {0, 4096},             No,
        "Or the certificates to believe: their SHA-256, separated by commas."},
    {"mail.verify",               &in<&C::mail, &Post::verify>,                   any,                   No,
        "False believes any certificate, so that whoever is on the way can read letters and password."},
    {"mail.timeout",              &in<&C::mail, &Post::timeout>,                  {second, 2 * minute},  No,
        "For handing one letter over, all of it."},
    {"mail.hello",                &in<&C::mail, &Post::hello>,                    {0, 253},              No,
        "Name by which Slipway greets the server; if empty this machine's."},

    {"rehearsal.ledger",          &in<&C::rehearsal, &Rehearsal::ledger>,         {0, 4096},             No,
        "File to which rehearsal steps append their effects, as proof that none was lost; none if empty."},
};
// clang-format on

}  // namespace

std::span<const ConfigKey> config_keys() {
    return table;
}

const ConfigKey* find_config_key(std::string_view path) {
    for (const ConfigKey& key : table)
        if (key.path == path) return &key;
    return nullptr;
}

}  // namespace slipway
