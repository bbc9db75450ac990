// Addresses and numbers under many hands: several processes that claim at once.

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

constexpr std::size_t vms = 1'000;
constexpr std::size_t hands = 8;

std::string name_of(std::size_t vm) {
    return fmt::format("vm{:04}", vm);
}

void order_all(Store& store) {
    std::vector<Admitted> orders;
    for (std::size_t i = 0; i < vms; ++i)
        orders.push_back(order(name_of(i), "order-" + name_of(i)));
    for (const AdmitResult result : store.admit(orders)) ASSERT_EQ(result, AdmitResult::Done);
}

// Two IPv4 addresses, one half of the VMs out of the pools in the opposite order, one IPv6 address
// and a number.
Change claim_of(const Vm& vm, std::size_t number) {
    std::vector<PoolRanges> v4 = {pool("a", {"10.0.0.1-10.0.0.255", "10.0.1.1-10.0.1.46"}),
                                  pool("b", {"10.0.2.1-10.0.3.44"})};
    if (number % 2 == 1) std::swap(v4[0], v4[1]);
    Change change =
        claiming(vm,
                 {{.count = 2, .pools = v4},
                  {.count = 1, .pools = {pool("c", {"2001:db8::-2001:db8::ffff:ffff"})}}});
    change.number = {.cluster = "pve", .first = 1000, .last = 9999, .taken = {1003, 1004}};
    return change;
}

// Nobody is granted anything that somebody else was granted, and nobody a part of it.
TEST_P(StoreContract, AThousandOrdersAtOnceGetWhatThePoolsHaveAndNoneOfItTwice) {
    constexpr std::size_t v4_addresses = 255 + 46 + 300;
    order_all(store());
    const std::array stores = {database().open(), database().open()};
    std::atomic<std::size_t> granted = 0;

    std::vector<std::jthread> threads;
    for (std::size_t h = 0; h < hands; ++h)
        threads.emplace_back([&, h] {
            Store& mine = *stores.at(h % 2);
            for (std::size_t i = h; i < vms; i += hands) {
                const Vm vm = load_one(mine, name_of(i)).value();
                if (save_one(mine, claim_of(vm, i)).granted) ++granted;
            }
        });
    threads.clear();

    EXPECT_EQ(granted, v4_addresses / 2);
    std::set<std::string> addresses;
    std::set<std::int64_t> numbers;
    std::size_t holders = 0;
    for (std::size_t i = 0; i < vms; ++i) {
        const Holdings held = store().holdings(name_of(i));
        if (held.vmid == 0 && held.addresses.empty()) continue;
        ++holders;
        EXPECT_EQ(held.addresses.size(), 3U) << name_of(i);
        EXPECT_TRUE(numbers.insert(held.vmid).second) << held.vmid << " twice";
        for (const HeldAddress& address : held.addresses)
            EXPECT_TRUE(addresses.insert(print_address(address.address)).second)
                << print_address(address.address) << " twice";
    }
    EXPECT_EQ(holders, granted);
    EXPECT_FALSE(numbers.contains(0) || numbers.contains(1003) || numbers.contains(1004));
    std::int64_t held = 0;
    for (const PoolUse& use : store().pool_use(at(0))) held += use.held;
    EXPECT_EQ(held, static_cast<std::int64_t>(3 * granted));
}

// Each has what the other needs, unless pools are taken in one order whoever asks.
TEST_P(StoreContract, TwoWhoTakeFromTwoPoolsInOppositeOrdersNeverWaitInACircle) {
    constexpr int rounds = 40;
    const std::array stores = {database().open(), database().open()};
    std::array<std::atomic<int>, rounds> granted = {};
    std::barrier ready(2);

    std::vector<std::jthread> threads;
    for (std::size_t side = 0; side < 2; ++side)
        threads.emplace_back([&, side] {
            for (int round = 0; round < rounds; ++round) {
                std::vector<PoolRanges> pools = {
                    pool(fmt::format("a{}", round), {fmt::format("10.0.0.{}", round)}),
                    pool(fmt::format("b{}", round), {fmt::format("10.0.1.{}", round)})};
                if (side == 1) std::swap(pools[0], pools[1]);
                const Vm vm = begun(*stores.at(side), fmt::format("{}-{}", side, round));
                ready.arrive_and_wait();
                if (save_one(*stores.at(side), claiming(vm, {{.count = 2, .pools = pools}}))
                        .granted)
                    ++granted.at(static_cast<std::size_t>(round));
            }
        });
    threads.clear();

    for (const auto& count : granted) EXPECT_EQ(count, 1);
}

// Nothing keeps these apart but the address itself.
TEST_P(StoreContract, WhoKnowsAPoolByTwoNamesGivesNoneOfItsAddressesTwice) {
    constexpr std::size_t addresses = 200;
    order_all(store());
    const std::array stores = {database().open(), database().open()};
    std::atomic<std::size_t> granted = 0;

    std::vector<std::jthread> threads;
    for (std::size_t h = 0; h < hands; ++h)
        threads.emplace_back([&, h] {
            Store& mine = *stores.at(h % 2);
            const PoolRanges known = pool(h % 4 < 2 ? "one" : "other", {"10.0.0.1-10.0.0.200"});
            for (std::size_t i = h; i < 300; i += hands) {
                const Vm vm = load_one(mine, name_of(i)).value();
                if (save_one(mine, claiming(vm, {{.count = 1, .pools = {known}}})).granted)
                    ++granted;
            }
        });
    threads.clear();

    EXPECT_EQ(granted, addresses);
    std::size_t holders = 0;
    for (std::size_t i = 0; i < 300; ++i) holders += store().holdings(name_of(i)).addresses.size();
    EXPECT_EQ(holders, addresses);
}

// No pool keeps these apart: the number alone is what they meet at.
TEST_P(StoreContract, TwoWhoWantTheNextNumberAtOnceBothGetOne) {
    order_all(store());
    const std::array stores = {database().open(), database().open()};

    std::vector<std::jthread> threads;
    for (std::size_t h = 0; h < hands; ++h)
        threads.emplace_back([&, h] {
            Store& mine = *stores.at(h % 2);
            for (std::size_t i = h; i < vms; i += hands) {
                Change change = asking(load_one(mine, name_of(i)).value(), {});
                change.number = {.cluster = "pve", .first = 1, .last = vms};
                EXPECT_TRUE(save_one(mine, change).granted) << name_of(i);
            }
        });
    threads.clear();

    std::set<std::int64_t> numbers;
    for (std::size_t i = 0; i < vms; ++i) numbers.insert(store().holdings(name_of(i)).vmid);
    EXPECT_EQ(numbers.size(), vms);
    EXPECT_EQ(*numbers.begin(), 1);
    EXPECT_EQ(*numbers.rbegin(), std::int64_t{vms});
}

}  // namespace
}  // namespace slipway
