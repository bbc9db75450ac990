#pragma once
// A hosting company's datacentre as far as a deploy reaches: a Proxmox (`slipway sandbox` over
// TLS), a PowerDNS, a mail server, and an Installation of Slipway that has been told of all three.
//
// What is sold is one table here, from which the inventory is written and by which every machine is
// judged afterwards (datacentre_checks.h).

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/live/installation.h"
#include "tests/live/mail_server_process.h"
#include "tests/live/power_dns_server.h"
#include "tests/live/sandbox_process.h"

namespace slipway {

// One row of what is sold. Every one has a full set of limits, a firewall, anti-spoofing, one IPv6
// address, names in DNS and a letter.
struct Product {
    std::string_view name;
    std::string_view clone;  // linked, full
    std::string_view os_template;
    std::string_view asks_for;  // the node that the package names; empty: none
    std::string_view ends_on;   // where it must be; empty: anywhere
    std::string_view storage;   // of its disks
    int cores;
    int memory_mib;
    int system_gib;
    int added_gib;
    int ipv4;
    int vlan;
};
std::span<const Product> products();
const Product& product(std::string_view name);

inline constexpr std::string_view letter_zone = "example.com";

struct DatacentreOptions {
    double speed = 20;  // of the sandbox
    std::chrono::milliseconds due_interval{100};
    std::string log_level = "debug";
    std::chrono::milliseconds session_timeout{1'500};
};

class Datacentre {
  public:
    explicit Datacentre(const DatacentreOptions& options = {});

    // Why there can be none here; nullopt if there can. See skipping.h.
    static std::optional<std::string> missing();

    Installation& slipway() { return *slipway_; }
    SandboxProcess& sandbox() { return *sandbox_; }
    PowerDnsServer& power_dns() { return power_dns_; }
    MailServerProcess& mail() { return mail_; }

    // Orders one of a product as billing does, by an event; and again under the same id, if called
    // again. `more` are further members of the order: R"(, "options": {"cpu_cores": 3})".
    void order(const std::string& service, const Product& bought, const std::string& more = {});
    // The same as a person does it.
    Ended order_by_command(const std::string& service, const Product& bought);
    // Whatever stands in there, to the topic of requests.
    void publish(Message message);

    // Of the processes; never to be seen in what they say.
    std::vector<std::string> secrets() const;

  private:
    std::string more_config(const DatacentreOptions& options);
    std::string inventory() const;

    TempFolder folder_;
    PowerDnsServer power_dns_;
    MailServerProcess mail_;
    std::unique_ptr<SandboxProcess> sandbox_;
    std::unique_ptr<Installation> slipway_;
};

// The domain that every order names, and where its letter goes.
std::string domain_of(const std::string& service);
std::string email_of(const std::string& service);

}  // namespace slipway
