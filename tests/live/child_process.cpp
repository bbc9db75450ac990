#include "tests/live/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
};

std::optional<Identity> identity_of(const std::string& user) {
    if (user.empty()) return std::nullopt;
    const passwd* entry = ::getpwnam(user.c_str());
    if (!entry) throw std::runtime_error("no such user: " + user);
    return Identity{.uid = entry->pw_uid, .gid = entry->pw_gid};
}

int open_for_append(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), file.string());
    return fd;
}

std::uintmax_t size_of(const std::filesystem::path& file) {
    std::error_code absent;
    const std::uintmax_t size = std::filesystem::file_size(file, absent);
    return absent ? 0 : size;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Runs between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void become(const char* program,
                         char* const* arguments,
                         char* const* environment,
                         const std::optional<Identity>& identity,
                         pid_t parent) {
    if (identity && (::setgroups(0, nullptr) != 0 || ::setgid(identity->gid) != 0 ||
                     ::setuid(identity->uid) != 0)) {
        ::_exit(126);
    }
    // After setuid, which clears it. The parent may have ended before this line.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(program, arguments, environment);
    ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(ChildOptions options) : options_(std::move(options)) {
    if (options_.errors.empty()) options_.errors = options_.output;
    output_began_ = size_of(options_.output);
    errors_began_ = size_of(options_.errors);

    std::vector<std::string> words = options_.arguments;
    words.insert(words.begin(), options_.program.string());
    std::vector<std::string> variables = options_.environment;  // the first of a name wins
    for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
    const std::vector<char*> argv = pointers_to(words);
    const std::vector<char*> envp = pointers_to(variables);
    const std::optional<Identity> identity = identity_of(options_.user);

    const int output = open_for_append(options_.output);
    const int errors = open_for_append(options_.errors);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(errors, STDERR_FILENO);
        become(argv[0], argv.data(), envp.data(), identity, parent);
    }
    const int error = errno;
    ::close(output);
    ::close(errors);
    if (pid_ < 0) throw std::system_error(error, std::generic_category(), "fork");
    // By number: the header of glibc 2.36 does not declare it for C++.
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (pidfd_ < 0) {
        const int why = errno;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        throw std::system_error(why, std::generic_category(), "pidfd_open");
    }
}

ChildProcess::~ChildProcess() {
    kill9();
    ::close(pidfd_);
}

bool ChildProcess::running() {
    return !wait(0ms);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds longest) {
    if (exit_code_) return exit_code_;
    const auto deadline = SteadyClock::now() + longest;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
        pollfd watched{.fd = pidfd_, .events = POLLIN, .revents = 0};
        const int ended = ::poll(&watched, 1, left > 0ms ? static_cast<int>(left.count()) : 0);
        if (ended < 0 && errno == EINTR) continue;
        if (ended <= 0) return std::nullopt;
        int status = 0;
        ::waitpid(pid_, &status, 0);
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return exit_code_;
    }
}

bool ChildProcess::wait_for_line(std::string_view text, std::chrono::milliseconds longest) {
    const auto deadline = SteadyClock::now() + longest;
    for (;;) {
        // Looked up before reading, so that the last words of a child that ends are read too.
        const bool ended = wait(5ms).has_value();
        if (read_from(options_.output, output_began_).find(text) != std::string::npos) return true;
        if (read_from(options_.errors, errors_began_).find(text) != std::string::npos) return true;
        if (ended || SteadyClock::now() > deadline) return false;
    }
}

void ChildProcess::signal(int number) {
    // Once it has been waited for, the number may be somebody else's.
    if (!exit_code_) ::kill(pid_, number);
}

int ChildProcess::stop(std::chrono::milliseconds longest) {
    signal(SIGTERM);
    signal(SIGCONT);  // one that is frozen could not hear it
    if (const auto code = wait(longest)) return *code;
    kill9();
    return *exit_code_;
}

void ChildProcess::kill9() {
    signal(SIGKILL);
    while (!wait(1000ms)) continue;
}

void ChildProcess::freeze() {
    signal(SIGSTOP);
}

void ChildProcess::thaw() {
    signal(SIGCONT);
}

std::string ChildProcess::tail(std::size_t most_bytes) const {
    std::string text = read_from(options_.output, output_began_);
    if (options_.errors != options_.output) text += read_from(options_.errors, errors_began_);
    return text.size() > most_bytes ? text.substr(text.size() - most_bytes) : text;
}

std::string run_to_end(ChildOptions options, std::chrono::milliseconds longest) {
    const TempFolder folder;
    if (options.output.empty()) options.output = folder.path() / "output";
    const std::string program = options.program.string();
    ChildProcess child(std::move(options));
    const std::optional<int> code = child.wait(longest);
    if (code != 0) {
        throw std::runtime_error(
            program +
            (code ? " failed with " + std::to_string(*code) : std::string(" took too long")) +
            ":\n" + child.tail());
    }
    return child.tail();
}

std::filesystem::path find_program(std::string_view name) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::filesystem::path candidate = std::filesystem::path(folder) / name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

std::string read_from(const std::filesystem::path& file, std::uintmax_t offset) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream.seekg(static_cast<std::streamoff>(offset))) return {};
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace slipway
