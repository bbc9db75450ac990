#pragma once
// What lies outside a town: a Proxmox cluster, three DNS providers and a mail server, all in boxes.
// It outlives every simulated process, and every process reaches it through its own Http and Mail.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "consumers/http/http.h"
#include "ops/sandbox/dns_box.h"
#include "ops/sandbox/sandbox.h"
#include "schema/secret_box.h"
#include "schema/store.h"
#include "tests/story/faults.h"
#include "tests/story/sim_clock.h"
#include "tests/story/sim_mail.h"

namespace slipway {

class SimLab {
  public:
    SimLab(SimClock& clock, std::uint64_t seed);

    // Declares all of it in the database; the packages are vps-small and vps-full, which has every
    // optional part on.
    void declare(Store& store);

    HttpAnswer answer(const HttpRequest& request);

    sandbox::Cluster& cluster() { return proxmox->cluster(); }
    // "POST /nodes/pve1/qemu/9000/clone", since the last time it was asked; what only reads is in
    // it too.
    std::vector<std::string> take_calls();

    // The last of those is heard once more: it was sent twice, and one was under way for long.
    void hear_again() { answer(last_change_); }

    // How many calls meant to change something, and were heard.
    std::size_t changes() const { return changes_; }

    std::unique_ptr<sandbox::Sandbox> proxmox;
    std::map<std::string, sandbox::DnsBox> dns;  // by the host of its address
    SimMail mail;
    SecretBox secrets{std::string(32, 'k')};
    std::string inventory;  // as an operator wrote it

  private:
    SimClock& clock_;
    std::vector<std::string> calls_;
    std::size_t changes_ = 0;
    HttpRequest last_change_;
};

// How one process reaches the lab: with faults around every call.
class FaultHttp final : public Http {
  public:
    FaultHttp(SimLab& lab, SimClock& clock, Faults& faults, int process)
        : lab_(lab), clock_(clock), faults_(faults), process_(process) {}

    HttpAnswer send(const HttpRequest& request) override;

  private:
    SimLab& lab_;
    SimClock& clock_;
    Faults& faults_;
    const int process_;
};

// The faults of the seams, as what is at the other end would make them: before the request was
// complete, or after it was acted on.
[[noreturn]] void connection_breaks(Moment moment);

}  // namespace slipway
