#pragma once
// A PowerDNS of a test's own: Debian's pdns_server with an SQLite database, its API and its DNS on
// free loopback ports, gone at the end.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/live/child_process.h"
#include "tests/live/reserved_port.h"
#include "tests/live/temp_folder.h"

namespace slipway {

class PowerDnsServer {
  public:
    // Ready when this returns (about a second). Throws with the end of its log if not.
    explicit PowerDnsServer(const std::vector<std::string>& zones);

    // Why there can be no server here; nullopt if there can. See skipping.h.
    static std::optional<std::string> missing();

    std::string url() const { return "http://" + api_port_.address(); }
    const std::string& api_key() const { return api_key_; }

    // What it answers over DNS: "vm1.example.com 300 A 192.0.2.5", sorted; empty if there is no
    // such record. Types: A, AAAA, PTR, SOA.
    std::vector<std::string> ask(const std::string& name, const std::string& type) const;

    void stop();
    void start();

  private:
    std::vector<std::string> config_argument() const;

    TempFolder folder_;
    ReservedPort api_port_;
    ReservedPort dns_port_;
    std::string api_key_ = "s-e-c-r-e-t";
    std::unique_ptr<ChildProcess> process_;
};

}  // namespace slipway
