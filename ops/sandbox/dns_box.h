#pragma once
// A DNS provider in a box: answers as PowerDNS, HestiaCP or Cloudflare does, as far as records are
// concerned, and refuses what they refuse.
//
// No sockets: it stands behind the Http seam in stories and tests, and behind a server in the demo.
// One thread at a time. What it was seen or read to do: PowerDNS 4.7 by trying it, HestiaCP by its
// scripts (web/api/index.php, v-add-dns-record), Cloudflare by its documentation.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ops/sandbox/misbehaviour.h"
#include "ops/sandbox/request.h"

namespace slipway::sandbox {

enum class DnsBoxKind { PowerDns, HestiaCp, Cloudflare };

struct DnsBoxSettings {
    DnsBoxKind kind = DnsBoxKind::PowerDns;
    std::string secret = {};
    std::string user = "admin";        // HestiaCP; with it or without it `secret` opens
    std::string zone_owner = "web";    // HestiaCP
    std::string server = "localhost";  // PowerDNS
    std::vector<std::string> zones = {};
};

struct DnsBoxRecord {
    std::string name;  // whole, no dot at the end
    std::string type;
    std::string value;  // the same, if it is a name
    int ttl = 300;
    std::string id = {};  // given when it is put in
    bool proxied = false;

    bool operator==(const DnsBoxRecord&) const = default;
};

// What the box holds; the three kinds of answering work on it.
struct DnsBoxState {
    DnsBoxSettings settings;
    std::map<std::string, std::vector<DnsBoxRecord>> zones = {};  // by name
    std::int64_t last_id = 0;

    std::string next_id();
};

class DnsBox {
  public:
    explicit DnsBox(DnsBoxSettings settings);

    Answer answer(const Request& request);

    void add_zone(const std::string& name);
    void add_record(const std::string& zone, DnsBoxRecord record);

    // "example.com\n  vm1.example.com 300 A 192.0.2.5\n", sorted.
    std::string print() const;

    // Rules match paths as they stand in the request line. Of faults it knows slow, error-before,
    // error-after, reset-before and reset-after; any other is error-before.
    Misbehaviour& misbehaviour() { return misbehaviour_; }

    // "PATCH /api/v1/servers/localhost/zones/example.com.", without query; for HestiaCP with its
    // command: "POST /api/ v-add-dns-record". Those so far, and forgets them.
    std::vector<std::string> take_calls();

  private:
    Answer act(const Request& request);

    DnsBoxState state_;
    Misbehaviour misbehaviour_;
    std::vector<std::string> calls_;
};

}  // namespace slipway::sandbox
