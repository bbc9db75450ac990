#include "tests/live/power_dns_server.h"

#include <sqlite3.h>

#include <fstream>
#include <stdexcept>

#include "tests/live/dns_question.h"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* server = "/usr/sbin/pdns_server";
constexpr const char* tables = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

void make_database(const fs::path& file) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(file.c_str(), &opened);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, sqlite3_close);
    if (code != SQLITE_OK) throw std::runtime_error("cannot make " + file.string());
    const std::string sql = read_from(tables, 0);
    if (sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        throw std::runtime_error(file.string() + ": " + sqlite3_errmsg(opened));
}

}  // namespace

std::optional<std::string> PowerDnsServer::missing() {
    if (!fs::exists(server)) return std::string("no ") + server + " (./ops/install test brings it)";
    if (!fs::exists(tables)) return std::string("no ") + tables + " (./ops/install test brings it)";
    return std::nullopt;
}

PowerDnsServer::PowerDnsServer(const std::vector<std::string>& zones) {
    if (const auto why = missing()) throw std::runtime_error(*why);
    make_database(folder_.path() / "zones.sqlite");
    std::ofstream(folder_.path() / "pdns.conf")
        << "launch=gsqlite3\n"
        << "gsqlite3-database=" << (folder_.path() / "zones.sqlite").string() << "\n"
        << "api=yes\n"
        << "api-key=" << api_key_ << "\n"
        << "webserver=yes\n"
        << "webserver-address=127.0.0.1\n"
        << "webserver-port=" << api_port_.number() << "\n"
        << "local-address=127.0.0.1\n"
        << "local-port=" << dns_port_.number() << "\n"
        << "socket-dir=" << folder_.path().string() << "\n"
        << "daemon=no\n"
        << "guardian=no\n";
    for (const std::string& zone : zones) {
        std::vector<std::string> arguments = config_argument();
        arguments.insert(arguments.end(), {"create-zone", zone, "ns1.example.net"});
        run_to_end({.program = find_program("pdnsutil"), .arguments = arguments, .output = {}},
                   30s);
    }
    start();
}

std::vector<std::string> PowerDnsServer::config_argument() const {
    return {"--config-dir=" + folder_.path().string()};
}

void PowerDnsServer::start() {
    process_ = std::make_unique<ChildProcess>(ChildOptions{
        .program = server, .arguments = config_argument(), .output = folder_.path() / "pdns.log"});
    if (!process_->wait_for_line("ready to distribute questions", 30s))
        throw std::runtime_error("PowerDNS is not ready:\n" + process_->tail());
}

void PowerDnsServer::stop() {
    if (process_) process_->stop(10s);
    process_.reset();
}

std::vector<std::string> PowerDnsServer::ask(const std::string& name,
                                             const std::string& type) const {
    return ask_dns(dns_port_.number(), name, type);
}

}  // namespace slipway
