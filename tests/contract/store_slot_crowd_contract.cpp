// Slots under many hands: several processes that ask at once, each with its own connections.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

constexpr const char* clones = "clone pve1/local";

TEST_P(StoreContract, GrantsNoMoreSlotsThanThereAreToManyAtOnce) {
    constexpr int limit = 3;
    std::vector<Vm> vms;
    for (int i = 0; i < 12; ++i) vms.push_back(begun(store(), fmt::format("vm{:02}", i)));
    std::atomic<int> holding = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;

    std::vector<std::jthread> processes;
    for (int p = 0; p < 4; ++p)
        processes.emplace_back([&, p] {
            const auto other = database().open();
            for (std::size_t i = static_cast<std::size_t>(p); i < vms.size(); i += 4) {
                Vm vm = vms[i];
                bool granted = false;
                while (!granted) {
                    const Change change = asking(vm, {{clones, limit}, {"node pve1", limit}});
                    granted = save_one(*other, change).granted;
                    vm = load_one(*other, vm.service_id).value();
                }
                int now = ++holding;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                --holding;
                save_one(*other, leaving(vm, "set_ip"));
                ++done;
            }
        });
    processes.clear();

    EXPECT_EQ(done, 12);
    EXPECT_LE(most, limit);
    EXPECT_TRUE(store().slots().empty());
}

// How many hold a slot of a resource, as far as they know themselves.
struct Holders {
    const std::vector<SlotClaim>& resources;
    std::array<std::atomic<int>, 3> now = {};
    std::atomic<bool> too_many = false;
    std::atomic<bool> lost_any = false;  // in the middle of the step

    std::mutex mutex;
    std::condition_variable news;

    // Until somebody has left, or for a moment: an ask each writes, and SQLite's writers do not
    // stand in line.
    void wait_a_moment() {
        std::unique_lock lock(mutex);
        news.wait_for(lock, std::chrono::milliseconds(5));
    }
    void come(const std::vector<std::size_t>& pair) {
        for (const std::size_t i : pair)
            if (++now.at(i) > resources[i].limit) too_many = true;
    }
    void go(const std::vector<std::size_t>& pair) {
        for (const std::size_t i : pair) --now.at(i);
        news.notify_all();
    }
};

// Takes VMs through a step that needs two resources, and on to a second one with the same slots,
// which it asks for anew. False if one of them did not get its turn.
struct Hand {
    Store& store;
    Holders& holders;
    std::atomic<std::int64_t>& when;

    bool gets_slots(std::string_view id, const std::vector<std::size_t>& pair) {
        for (int tries = 0; tries < 10'000; ++tries) {
            Change change = asking(load_one(store, id).value(), {}, ++when);
            for (const std::size_t i : pair) change.claims.push_back(holders.resources[i]);
            if (!save_one(store, change).granted) {
                holders.wait_a_moment();
                continue;
            }
            holders.come(pair);
            const std::vector<SlotRow> slots = store.slots();
            const auto own = std::count_if(slots.begin(), slots.end(), [&](const SlotRow& slot) {
                return slot.service_id == id;
            });
            if (own != 2) holders.lost_any = true;
            return true;
        }
        return false;
    }

    bool takes_through(std::string_view id, const std::vector<std::size_t>& pair) {
        if (!gets_slots(id, pair)) return false;
        holders.go(pair);
        saved(store, step_to(load_one(store, id).value(), "clone"));
        if (!gets_slots(id, pair)) return false;
        holders.go(pair);
        saved(store, leaving(load_one(store, id).value(), "set_ip"));
        return true;
    }
};

// The sweep goes on all the time: what a VM carries from step to step is taken from it or is not.
TEST_P(StoreContract, PairsAskedForInOppositeOrdersAreGrantedToEverybodyInTheEnd) {
    const std::vector<SlotClaim> resources = {{"a", 1}, {"b", 2}, {"c", 1}};
    const std::vector<std::vector<std::size_t>> pairs = {{0, 1}, {1, 0}, {2, 0}, {0, 2}, {1, 2}};
    constexpr std::size_t vms = 20;
    constexpr std::size_t hands = 6;
    const std::array stores = {database().open(), database().open()};
    for (std::size_t i = 0; i < vms; ++i) begun(store(), fmt::format("vm{:02}", i));
    Holders holders{.resources = resources};
    std::atomic<std::int64_t> when = 2'000'000;
    std::atomic<int> through = 0;
    std::jthread sweeper([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            stores[0]->sweep_slots(at(when));
            holders.wait_a_moment();
        }
    });

    std::vector<std::jthread> threads;
    for (std::size_t p = 0; p < hands; ++p)
        threads.emplace_back([&, p] {
            Hand hand{.store = *stores.at(p % 2), .holders = holders, .when = when};
            for (std::size_t i = p; i < vms; i += hands)
                if (hand.takes_through(fmt::format("vm{:02}", i), pairs[i % pairs.size()]))
                    ++through;
        });
    threads.clear();
    sweeper.request_stop();
    sweeper.join();

    EXPECT_EQ(through, int{vms});
    EXPECT_FALSE(holders.too_many || holders.lost_any);
    EXPECT_TRUE(store().slots().empty());
}

}  // namespace
}  // namespace slipway
