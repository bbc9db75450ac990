#pragma once
// What must be true once all orders are done, asked of everybody who would know: Proxmox by its
// API, PowerDNS over DNS and by its API, the mail server's inbox, the rows, every topic, and
// whatever the processes wrote. Each answer is everything that is wrong, a line each; empty:
// nothing.

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "consumers/http/net_http.h"
#include "consumers/proxmox/vms.h"
#include "tests/live/datacentre.h"

namespace slipway {

// Of many that are alike the first dozen tell enough.
class Wrongs {
  public:
    template <typename... Args>
    void add(fmt::format_string<Args...> text, Args&&... args) {
        if (++count_ <= 12) text_ += fmt::format(text, std::forward<Args>(args)...) + "\n";
    }
    std::string text() const {
        return count_ <= 12 ? text_ : text_ + fmt::format("… {} in all\n", count_);
    }

  private:
    std::string text_;
    int count_ = 0;
};

struct Ordered {
    const Product* product = nullptr;
    int cores = 0;
};
using Orders = std::map<std::string, Ordered>;  // by service

class Survey {
  public:
    // Asks for rows and machines, once.
    Survey(Datacentre& datacentre, Orders orders);

    // Every VM has its machine: where it was ordered, ours by its mark, running, and like what was
    // bought down to the last limit.
    std::string wrong_machines();
    // Machines without a row, volumes that no machine uses or one machine too many of, strangers'
    // machines that are not as they were.
    std::string orphans();
    // Numbers, addresses and MACs that two have, and addresses held by nobody or out of their pool.
    std::string doubly_given();
    // What PowerDNS serves and should not, or the other way round.
    std::string wrong_names();
    // One letter per VM with all it needs; those that came again are counted.
    struct Letters {
        std::string wrong;
        std::size_t arrived = 0;
        std::size_t repeats = 0;
        std::map<std::string, std::string> passwords = {};  // by service
    };
    Letters letters();
    // Slots, places in their queues, tasks that run, runs without an end.
    std::string left_over();

  private:
    struct Found {
        Vm row;
        Holdings holdings;
    };

    std::string wanted_machine(const Found& found) const;
    std::string first_of_kind(const Found& found, IpVersion version) const;
    std::string machine(const VmResource& guest);
    std::set<std::string> wanted_records() const;
    std::set<std::string> records_in(const std::string& zone);

    Datacentre& datacentre_;
    const Orders orders_;
    SystemClock clock_;
    NetHttp http_{clock_};
    ProxmoxCluster cluster_;
    Proxmox pve_{cluster_};
    std::vector<Found> found_;
    std::vector<VmResource> guests_;
};

// One statement on the installation's database; a line per row, columns apart by |.
std::vector<std::string> sql(Datacentre& datacentre, const std::string& statement);

// Where any of these texts stands: what processes wrote, messages of every topic, the database.
std::string told_secrets(Datacentre& datacentre,
                         const std::vector<std::string>& secrets,
                         const std::vector<const SlipwayProcess*>& processes);

}  // namespace slipway
