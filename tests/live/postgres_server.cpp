#include "tests/live/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int oldest_supported = 15;
constexpr auto ready_within = 60s;

// The newest installation; empty if there is none that is new enough.
fs::path binaries() {
    if (const char* told = std::getenv("SLIPWAY_POSTGRES_BIN"); told && *told) return told;
    int newest = oldest_supported - 1;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", absent)) {
        const int version = std::atoi(entry.path().filename().c_str());
        if (version > newest && fs::exists(entry.path() / "bin" / "initdb")) newest = version;
    }
    if (newest < oldest_supported) return {};
    return fs::path("/usr/lib/postgresql") / std::to_string(newest) / "bin";
}

std::string user_for_server() {
    if (::geteuid() != 0) return {};
    return ::getpwnam("postgres") ? "postgres" : "nobody";
}

void give_to(const std::string& user, const fs::path& path) {
    if (user.empty()) return;
    const passwd* entry = ::getpwnam(user.c_str());
    if (!entry || ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
        throw std::runtime_error("cannot give " + path.string() + " to " + user);
    }
}

// The postmaster keeps its status on the eighth line of postmaster.pid, its pid on the first.
bool says_ready(const fs::path& pid_file, pid_t pid) {
    std::istringstream lines(read_from(pid_file, 0));
    std::string first;
    std::getline(lines, first);
    if (first != std::to_string(pid)) return false;
    std::string line;
    for (int number = 2; number <= 8; ++number) std::getline(lines, line);
    return lines && line.starts_with("ready");
}

}  // namespace

std::optional<std::string> PostgresServer::missing() {
    if (!binaries().empty()) return std::nullopt;
    return "no PostgreSQL 15 or newer in /usr/lib/postgresql (./ops/install test brings it)";
}

PostgresServer& PostgresServer::shared() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() : user_(user_for_server()) {
    if (const auto why = missing()) throw std::runtime_error(*why);
    give_to(user_, folder_.path());
    const fs::path data = folder_.path() / "data";
    run_to_end({.program = binaries() / "initdb",
                .arguments = {"--pgdata=" + data.string(),
                              "--username=postgres",
                              "--auth=trust",
                              "--encoding=UTF8",
                              "--locale=C.UTF-8",
                              "--no-sync",
                              "--no-instructions"},
                .output = {},
                .user = user_},
               60s);
    std::ofstream(data / "postgresql.auto.conf", std::ios::app)
        << "listen_addresses = '127.0.0.1'\n"
        << "port = " << port_.number() << "\n"
        << "unix_socket_directories = '" << folder_.path().string() << "'\n"
        << "fsync = on\n"
        << "synchronous_commit = on\n"
        << "full_page_writes = on\n"
        << "max_connections = 200\n"
        << "shared_buffers = 256MB\n"
        << "max_wal_size = 4GB\n"
        << "log_min_messages = warning\n";
    start();
}

PostgresServer::~PostgresServer() {
    kill9();
}

void PostgresServer::start() {
    const fs::path data = folder_.path() / "data";
    const auto deadline = std::chrono::steady_clock::now() + ready_within;
    std::string said;
    while (std::chrono::steady_clock::now() < deadline) {
        // After a kill9 the old shared memory may live a moment longer: then it ends at once with
        // a complaint, and is started again.
        postmaster_ =
            std::make_unique<ChildProcess>(ChildOptions{.program = binaries() / "postgres",
                                                        .arguments = {"-D", data.string()},
                                                        .output = folder_.path() / "postgres.log",
                                                        .user = user_});
        while (!postmaster_->wait(5ms) && std::chrono::steady_clock::now() < deadline) {
            if (says_ready(data / "postmaster.pid", postmaster_->pid())) return;
        }
        said = postmaster_->tail();
    }
    throw std::runtime_error("PostgreSQL is not ready:\n" + said);
}

void PostgresServer::stop() {
    if (!postmaster_) return;
    for (const pid_t process : processes()) ::kill(process, SIGCONT);
    postmaster_->signal(SIGINT);  // SIGTERM would wait until every client has left
    if (!postmaster_->wait(30s)) kill9();
    postmaster_.reset();
}

void PostgresServer::kill9() {
    if (!postmaster_) return;
    for (const pid_t process : processes()) ::kill(process, SIGKILL);
    postmaster_.reset();
}

void PostgresServer::freeze() {
    for (const pid_t process : processes()) ::kill(process, SIGSTOP);
}

void PostgresServer::thaw() {
    for (const pid_t process : processes()) ::kill(process, SIGCONT);
}

// The postmaster first, so that it cannot begin new ones while the others are signalled.
std::vector<pid_t> PostgresServer::processes() const {
    if (!postmaster_ || !postmaster_->running()) return {};
    const std::string pid = std::to_string(postmaster_->pid());
    std::vector<pid_t> all{postmaster_->pid()};
    std::istringstream children(read_from("/proc/" + pid + "/task/" + pid + "/children", 0));
    for (pid_t child = 0; children >> child;) all.push_back(child);
    return all;
}

std::string PostgresServer::url(const std::string& database) const {
    return "postgresql://postgres@" + port_.address() + "/" + database;
}

std::string PostgresServer::create_database() {
    const std::string name = "test_" + std::to_string(++databases_);
    run_to_end({.program = binaries() / "createdb",
                .arguments = {"--host=127.0.0.1",
                              "--port=" + std::to_string(port_.number()),
                              "--username=postgres",
                              name},
                .output = {}},
               30s);
    return url(name);
}

std::string PostgresServer::log_tail() const {
    return postmaster_ ? postmaster_->tail() : "";
}

}  // namespace slipway
