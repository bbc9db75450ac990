#pragma once
// A PostgreSQL of a test's own: fresh data folder, free loopback port, durable as in production
// (fsync and synchronous_commit on), gone at the end.
//
// Debian's binaries are used where they lie (/usr/lib/postgresql/N/bin, N at least 15), or those in
// $SLIPWAY_POSTGRES_BIN. PostgreSQL refuses to run as root, so root drops to `postgres` or
// `nobody`.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/live/child_process.h"
#include "tests/live/reserved_port.h"
#include "tests/live/temp_folder.h"

namespace slipway {

class PostgresServer {
  public:
    // Made and ready when this returns (about a second). Throws with the end of its log if not.
    PostgresServer();
    ~PostgresServer();

    // Why there can be no server here; nullopt if there can. See skipping.h.
    static std::optional<std::string> missing();
    // One per process, started by the first who asks; tests keep apart by create_database().
    static PostgresServer& shared();

    // Makes an empty database of a new name and returns its url.
    std::string create_database();
    // postgresql://postgres@127.0.0.1:PORT/NAME
    std::string url(const std::string& database = "postgres") const;
    std::uint16_t port() const { return port_.number(); }
    const std::filesystem::path& folder() const { return folder_.path(); }

    void start();   // on the same port and data as before
    void stop();    // fast shutdown: connections are cut, everything is written
    void kill9();   // all its processes at once, as if the machine had lost power
    void freeze();  // all its processes: connections stay and say nothing
    void thaw();
    std::string log_tail() const;

  private:
    std::vector<pid_t> processes() const;

    TempFolder folder_;
    ReservedPort port_;
    std::string user_;
    std::atomic<int> databases_ = 0;
    std::unique_ptr<ChildProcess> postmaster_;
};

}  // namespace slipway
