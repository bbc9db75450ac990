// Many orders at once: what the clone slots allow is what they take, and who cannot go on holds up
// nobody else. SLIPWAY_ORDERS says how many.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"

namespace slipway {
namespace {

int orders_asked() {
    return static_cast<int>(number_asked("SLIPWAY_ORDERS", 60));
}

double seconds_of(Time::duration time) {
    return std::chrono::duration<double>(time).count();
}

struct Clones {
    double worked = 0;  // by all of them together
    double took = 0;    // from the first beginning to the last end
};

Clones clones_of(Town& town) {
    Clones clones;
    Time first = Time::max();
    Time last = Time::min();
    for (const std::string& service : town.services())
        for (const TaskRow& task : town.store->tasks(service, 1)) {
            if (task.step != "set_ip" || !task.ended_at) continue;
            // Proxmox says the second in which a task ended: the bound is rather too low.
            clones.worked += seconds_of(*task.ended_at - task.started_at);
            first = std::min(first, task.started_at);
            last = std::max(last, *task.ended_at);
        }
    clones.took = seconds_of(last - first);
    return clones;
}

TEST(ManyOrders, TakeNoLongerThanTheirSlotsAllow) {
    Town town({.processes = 2});
    town.redeclare("{name: local-lvm}", "{name: local-lvm, clones: 2}");
    town.redeclare("range: 192.0.2.10-192.0.2.200", "range: 192.0.2.10-192.0.2.254");
    town.redeclare("cluster: lab, bridge: vmbr0, vlan: 20, network: 192.0.2.0/24",
                   "cluster: lab, bridge: vmbr0, vlan: 20, network: 192.0.0.0/16");
    town.redeclare("range: 192.0.2.10-192.0.2.254", "range: 192.0.2.10-192.0.20.254");
    town.redeclare("vmid_last: 1999", "vmid_last: 4999");
    town.redeclare("    clone: linked\n", "    clone: full\n");
    town.redeclare("vmid: 9000}", "vmid: 9001}");  // ten GiB, which take twenty seconds
    town.redeclare("    vmid_first", "    migrate: false\n    vmid_first");
    town.lab.cluster().storages.at("local-lvm").size = std::int64_t{1} << 50;  // room for them all
    const auto began = town.clock.since_boot();

    for (int i = 0; i < orders_asked(); ++i)
        town.order({.service_id = fmt::format("{}", 1'000 + i),
                    .pipeline = "deploy",
                    .package = "vps-small"});

    ASSERT_TRUE(town.run_until_rest());
    EXPECT_EQ(broken_in_lab(town), "");
    const Clones clones = clones_of(town);
    const double whole = std::chrono::duration<double>(town.clock.since_boot() - began).count();
    fmt::print("{} orders: {:.0f} s in all, {:.0f} s of cloning, two at a time, took {:.0f} s\n",
               orders_asked(),
               whole,
               clones.worked,
               clones.took);
    EXPECT_LT(clones.took, clones.worked / 2 * 1.10);
}

TEST(ManyOrders, AreNotHeldUpByAStorageThatIsFull) {
    Town town({});
    town.redeclare("    clone: linked\n    domain: example.com\n  - name: vps-full\n",
                   "    clone: full\n    system_disk: {storage: shared}\n    domain: example.com\n"
                   "  - name: vps-full\n");
    town.lab.cluster().storages.at("shared").full = true;
    for (int i = 0; i < 10; ++i)
        town.order({.service_id = fmt::format("broken-{}", i),
                    .pipeline = "deploy",
                    .package = "vps-small"});
    for (int i = 0; i < 5; ++i)
        town.order({.service_id = fmt::format("well-{}", i), .pipeline = "deploy"});

    const auto are_well = [&] {
        for (int i = 0; i < 5; ++i)
            if (town.vm(fmt::format("well-{}", i)).state != state_ready) return false;
        return true;
    };

    // Five clones and moves, one after another on a node's own storage.
    EXPECT_TRUE(town.run_until(are_well, std::chrono::minutes(2)));
    EXPECT_EQ(town.vm("broken-0").state, "set_ip");
    town.lab.cluster().storages.at("shared").full = false;
    ASSERT_TRUE(comes_to_rest(town));
}

}  // namespace
}  // namespace slipway
