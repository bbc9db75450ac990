// slipway sandbox: a Proxmox in a box, for demonstrations and for anybody's client.

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>

#include "consumers/runtime/clock.h"
#include "ops/sandbox/server.h"
#include "ops/sandbox/state_file.h"
#include "ops/slipway/command.h"
#include "ops/slipway/serve.h"

namespace slipway {
namespace {

struct SandboxOptions {
    std::string listen = "127.0.0.1:8006";
    std::string state_file;
    std::string certificate_file;
    double speed = 1;
    std::uint64_t seed = 0;  // 0: another one each time
    bool print_state = false;
};

struct Place {
    std::string host;
    std::uint16_t port;
};

Place place_of(const std::string& listen) {
    const std::size_t colon = listen.rfind(':');
    const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
    const bool is_port = !port.empty() && port.size() < 6 &&
                         port.find_first_not_of("0123456789") == std::string::npos &&
                         std::stoi(port) <= 65535;
    if (colon == 0 || !is_port)
        throw UsageError(fmt::format(
            "--listen: \"{}\" is no HOST:PORT, such as 127.0.0.1:8006; port 0 takes a free one",
            listen));
    return {listen.substr(0, colon), static_cast<std::uint16_t>(std::stoi(port))};
}

std::string state_of(const SandboxOptions& options) {
    if (options.state_file.empty()) return sandbox::default_state();
    std::ifstream file(options.state_file);
    if (!file) throw UsageError(fmt::format("--state: cannot read {}", options.state_file));
    return {std::istreambuf_iterator<char>(file), {}};
}

// One line, so that whoever started it can read where it is and how to get in.
void say_ready(const sandbox::Server& server, const sandbox::Beginning& beginning) {
    const nlohmann::json ready = {{"url", server.url()},
                                  {"token", beginning.token},
                                  {"password", beginning.password},
                                  {"fingerprint", server.fingerprint()}};
    fmt::print("{}\n", ready.dump());
    std::fflush(stdout);
}

int run_sandbox(const SandboxOptions& options) {
    if (options.print_state) {
        fmt::print("{}", sandbox::default_state());
        return Succeeded;
    }
    const Place place = place_of(options.listen);
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
    const sandbox::Server server(box, place.host, place.port);
    if (!options.certificate_file.empty())
        std::ofstream(options.certificate_file) << server.certificate_pem();
    say_ready(server, beginning);
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
        "Examples:\n"
        "  slipway sandbox --speed 20                        clones take seconds, not minutes\n"
        "  slipway sandbox --print-state > lab.yaml          then change it, and:\n"
        "  slipway sandbox --listen 127.0.0.1:0 --state lab.yaml\n"
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
