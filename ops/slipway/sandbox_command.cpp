// slipway sandbox: a Proxmox in a box, and DNS providers and a mailbox beside it, for
// demonstrations and for anybody's client.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "consumers/runtime/clock.h"
#include "ops/sandbox/mail_box.h"
#include "ops/sandbox/sandbox.h"
#include "ops/sandbox/server.h"
#include "ops/sandbox/state_file.h"
#include "ops/slipway/command.h"
#include "ops/slipway/serve.h"

namespace slipway {
namespace {

using sandbox::Place;

struct SandboxOptions {
    std::string listen = "127.0.0.1:8006";
    std::vector<std::string> dns;
    std::string mail;
    std::string mailbox_file;
    std::string state_file;
    std::string certificate_file;
    double speed = 1;
    std::uint64_t seed = 0;  // 0: another one each time
    bool print_state = false;
};

// `text` is what `option` was given.
Place place_of(const char* option, const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
    const bool is_port = !port.empty() && port.size() < 6 &&
                         port.find_first_not_of("0123456789") == std::string::npos &&
                         std::stoi(port) <= 65535;
    if (colon == 0 || !is_port)
        throw UsageError(fmt::format(
            "{}: \"{}\" is no HOST:PORT, such as 127.0.0.1:8006; port 0 takes a free one",
            option,
            text));
    return {text.substr(0, colon), static_cast<std::uint16_t>(std::stoi(port))};
}

std::string state_of(const SandboxOptions& options) {
    if (options.state_file.empty()) return sandbox::default_state();
    std::ifstream file(options.state_file);
    if (!file) throw UsageError(fmt::format("--state: cannot read {}", options.state_file));
    return {std::istreambuf_iterator<char>(file), {}};
}

// A DNS provider of the state that somebody asked for.
struct DnsServer {
    DnsServer(sandbox::NamedDnsBox declared, const Place& place)
        : state(std::move(declared)),
          box(state.settings),
          server([this](const sandbox::Request& request, auto) { return box.answer(request); },
                 {.place = place, .wire = sandbox::Wire::Plain}) {}

    const sandbox::NamedDnsBox state;
    sandbox::DnsBox box;
    const sandbox::Server server;  // last: its threads use the box
};

using DnsServers = std::vector<std::unique_ptr<DnsServer>>;

DnsServers serve_dns(const SandboxOptions& options, const sandbox::Beginning& beginning) {
    DnsServers servers;
    for (const std::string& asked : options.dns) {
        const std::size_t equals = asked.find('=');
        if (equals == std::string::npos)
            throw UsageError(fmt::format("--dns {}: must be NAME=HOST:PORT", asked));
        const std::string name = asked.substr(0, equals);
        const auto there = std::find_if(beginning.dns.begin(),
                                        beginning.dns.end(),
                                        [&](const auto& one) { return one.name == name; });
        if (there == beginning.dns.end())
            throw UsageError(fmt::format(
                "--dns {}: there is no DNS provider {} in the state; --print-state shows the "
                "section dns",
                asked,
                name));
        servers.push_back(
            std::make_unique<DnsServer>(*there, place_of("--dns", asked.substr(equals + 1))));
    }
    return servers;
}

std::unique_ptr<sandbox::MailBox> serve_mail(const SandboxOptions& options, const Clock& clock) {
    if (options.mail.empty()) return nullptr;
    const std::string file = options.mailbox_file;
    const auto keep = [file, &clock](const sandbox::BoxedLetter& letter) {
        const std::string text = sandbox::mbox_text(letter, clock.now());
        if (file.empty()) {
            fmt::print("{}", text);
            std::fflush(stdout);
            return;
        }
        std::ofstream out(file, std::ios::app);
        if (!(out << text << std::flush)) throw Error("cannot write " + file);
    };
    return std::make_unique<sandbox::MailBox>(place_of("--mail", options.mail), keep);
}

nlohmann::json said_of(const DnsServers& servers) {
    nlohmann::json dns = nlohmann::json::object();
    for (const auto& one : servers)
        dns[one->state.name] = {{"url", one->server.url()}, {"secret", one->state.settings.secret}};
    return dns;
}

// One line, so that whoever started it can read where it is and how to get in.
void say_ready(nlohmann::json ready, const DnsServers& dns, const sandbox::MailBox* mail) {
    if (!dns.empty()) ready["dns"] = said_of(dns);
    if (mail != nullptr)
        ready["mail"] = {{"host", mail->place().host}, {"port", mail->place().port}};
    fmt::print("{}\n", ready.dump());
    std::fflush(stdout);
}

int run_sandbox(const SandboxOptions& options) {
    if (options.print_state) {
        fmt::print("{}", sandbox::default_state());
        return Succeeded;
    }
    const Place place = place_of("--listen", options.listen);
    const std::string state = state_of(options);
    block_stop_signals();
    SystemClock clock;
    const std::uint64_t seed = options.seed != 0 ? options.seed : std::random_device()();
    sandbox::Beginning beginning;
    try {
        beginning = sandbox::read_state(state, clock, {.speed = options.speed, .seed = seed});
    } catch (const Error& error) {
        throw UsageError(fmt::format("{}: {}", options.state_file, error.what()));
    }
    sandbox::Sandbox box(clock, std::move(beginning.cluster));
    box.misbehaviour() = beginning.misbehaviour;
    const sandbox::Server server(
        [&box](const sandbox::Request& request, sandbox::Duration waited) {
            return box.answer(request, waited);
        },
        {.place = place});
    const DnsServers dns = serve_dns(options, beginning);
    const auto mail = serve_mail(options, clock);
    if (!options.certificate_file.empty())
        std::ofstream(options.certificate_file) << server.certificate_pem();
    say_ready({{"url", server.url()},
               {"token", beginning.token},
               {"password", beginning.password},
               {"fingerprint", server.fingerprint()}},
              dns,
              mail.get());
    wait_for_stop();
    return Succeeded;
}

}  // namespace

void add_sandbox_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("sandbox", "A Proxmox in a box: nodes, storages and VMs in memory.");
    command->footer(
        "Answers the API as Proxmox VE 9 does, over TLS with a certificate of its own, until\n"
        "Ctrl-C. When it is ready it prints one line of JSON: url, token, password of root@pam,\n"
        "fingerprint. Without --state there are two nodes, pve1 and pve2, with templates 9000\n"
        "and 9001.\n"
        "DNS providers of the state's section dns are served in the clear where --dns says, a\n"
        "mailbox that takes every letter where --mail says; that line of JSON names them too.\n"
        "Examples:\n"
        "  slipway sandbox --speed 20                        clones take seconds, not minutes\n"
        "  slipway sandbox --print-state > lab.yaml          then change it, and:\n"
        "  slipway sandbox --listen 127.0.0.1:0 --state lab.yaml\n"
        "  slipway sandbox --dns pdns1=127.0.0.1:8081 --dns hestia=127.0.0.1:8083 \\\n"
        "      --mail 127.0.0.1:2525 --mailbox letters.mbox\n"
        "It can be made to misbehave, by rules in the state file:\n"
        "  misbehave:\n"
        "    - {fault: error-after, method: POST, path: /qemu/*/clone, nth: 2}\n"
        "  misbehave_share: 0.05                             or any call, with this probability\n"
        "Faults: slow, error-before, error-after, 595, 596, 597, 599, reset-before,\n"
        "reset-after, task-fails, task-lies, task-fails-late. A node can be down (online: false)\n"
        "or have a wrong clock (skew: SECONDS), a storage can be full (full: true).");
    const auto o = std::make_shared<SandboxOptions>();
    command->add_option("--listen", o->listen, "Where; port 0 takes a free one.")
        ->type_name("HOST:PORT")
        ->capture_default_str();
    command->add_option("--dns", o->dns, "Where this DNS provider of the state is; repeatable.")
        ->type_name("NAME=HOST:PORT");
    CLI::Option* mail =
        command->add_option("--mail", o->mail, "Where the mailbox takes letters, over SMTP.")
            ->type_name("HOST:PORT");
    command->add_option("--mailbox", o->mailbox_file, "Append the letters here (mbox), else print.")
        ->type_name("FILE")
        ->needs(mail);
    command->add_option("--state", o->state_file, "What there is at the beginning.")
        ->type_name("FILE.yaml");
    command->add_flag("--print-state", o->print_state, "Print what --state would be, and end.");
    command->add_option("--speed", o->speed, "How much faster than in life everything goes.")
        ->check(CLI::PositiveNumber);
    command->add_option("--seed", o->seed, "The same seed makes the same ids, MACs and secrets.");
    command->add_option("--certificate", o->certificate_file, "Write the certificate here (PEM).")
        ->type_name("FILE");
    command->callback([&context, o] { context.action = [o] { return run_sandbox(*o); }; });
}

}  // namespace slipway
