#include "topics/embedded_broker.h"

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace slipway {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_start = 10s;

bool send_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// One line, without its end; what came so far if the child closes or time runs out.
std::string read_line(int descriptor, std::chrono::milliseconds longest) {
    const auto deadline = std::chrono::steady_clock::now() + longest;
    std::string line;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
        if (left <= 0ms || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return line;
        char letter = 0;
        if (::read(descriptor, &letter, 1) != 1 || letter == '\n') return line;
        line += letter;
    }
}

// 0, or why not.
int spawn(const std::vector<std::string>& command, int channel, pid_t& pid) {
    std::vector<char*> arguments;
    for (const auto& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, channel, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, channel, STDOUT_FILENO);
    const int error = posix_spawnp(&pid, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

}  // namespace

EmbeddedBroker::EmbeddedBroker(EmbeddedBrokerSettings settings) : settings_(std::move(settings)) {
    const auto why_not = start();
    if (!why_not.empty()) throw std::runtime_error(why_not);
    stop_ = eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { watch(); });
}

EmbeddedBroker::~EmbeddedBroker() {
    const std::uint64_t one = 1;
    static_cast<void>(::write(stop_, &one, sizeof one));
    thread_.join();
    end_child();
    ::close(stop_);
}

// Empty if the child runs and has said where; otherwise why not, and nothing is left behind.
std::string EmbeddedBroker::start() {
    std::array<int, 2> ends{};
    // A socket rather than a pipe: writing to one whose other end is gone raises no signal.
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fmt::format("embedded broker: {}", std::strerror(errno));
    }
    pid_t pid = -1;
    const int error = spawn(settings_.command, ends[1], pid);
    ::close(ends[1]);
    if (error != 0) {
        ::close(ends[0]);
        return fmt::format("embedded broker: {}: {}", settings_.command[0], std::strerror(error));
    }
    channel_ = ends[0];
    pid_ = pid;

    auto orders = fmt::format("port {}\n", settings_.port);
    for (const auto& [name, partitions] : settings_.topics) {
        orders += fmt::format("topic {} {}\n", name, partitions);
    }
    const bool told = send_all(channel_, orders + "serve\n");
    const auto address = told ? read_line(channel_, longest_start) : std::string();
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) {
        end_child();
        if (settings_.port == 0) return "embedded broker: the child ended at once";
        return fmt::format("embedded broker: it does not start on port {}; is it taken?",
                           settings_.port);
    }
    if (address_.empty()) address_ = address;  // a restart keeps the port, and so the address
    settings_.port = std::stoi(address.substr(colon + 1));
    return {};
}

// Killed, because it has nothing to keep.
void EmbeddedBroker::end_child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    ::close(channel_);
}

bool EmbeddedBroker::wait_for_stop(std::chrono::milliseconds longest) const {
    pollfd waiting{.fd = stop_, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, static_cast<int>(longest.count())) > 0;
}

void EmbeddedBroker::watch() {
    while (true) {
        std::array<pollfd, 2> waiting{{{.fd = stop_, .events = POLLIN, .revents = 0},
                                       {.fd = channel_, .events = POLLIN, .revents = 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
        if (waiting[0].revents != 0) return;
        end_child();
        if (settings_.log) {
            settings_.log(BusNews::Warning, "the embedded broker died; starting it again");
        }
        // The port may be held for a moment by what the dead one left behind.
        for (auto why_not = start(); !why_not.empty(); why_not = start()) {
            if (settings_.log) settings_.log(BusNews::Error, why_not);
            if (wait_for_stop(500ms)) return;
        }
        if (settings_.on_restarted) settings_.on_restarted();
    }
}

}  // namespace slipway
