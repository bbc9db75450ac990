// New orders, many in one batch: each taken once, whatever else happens to the batch.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

TEST_P(StoreContract, ABatchOfNewOrdersIsAdmittedWhole) {
    std::vector<Admitted> batch = {order("b", "r1"), order("a", "r3"), order("c", "r2")};
    batch[0].next.cluster = "waw";
    batch[0].next.target = R"({"cores": 4})";
    batch[0].next.applied = "{}";
    batch[0].next.traceparent = "00-ab-cd-01";
    batch[0].request.payload = R"({"package": "small"})";
    batch[0].request.why = "ordered by hand";
    batch[0].request.traceparent = "00-ab-ef-01";
    batch[0].next.phase = "stopped";
    batch[0].next.answer = "waiting: for a node";
    batch[0].next.answered_at = at(11);
    batch[0].next.failures = 3;

    EXPECT_EQ(store().admit(batch), std::vector<AdmitResult>(3, AdmitResult::Done));

    EXPECT_EQ(whole(store(), "c"),
              "c deploy creation run=1 version=+0 wake_at=30000000 queued=0 row=0 target={} "
              "request=r2\n"
              "run 1 deploy waiting error= request=r2 ended=-\n");
    const Vm vm = load_one(store(), "b").value();
    EXPECT_EQ(vm.cluster, "waw");
    EXPECT_EQ(vm.target, R"({"cores": 4})");
    EXPECT_EQ(vm.applied, "{}");
    EXPECT_EQ(vm.request_id, "r1");
    EXPECT_EQ(vm.traceparent, "00-ab-cd-01");
    EXPECT_EQ(vm.phase, "stopped");
    EXPECT_EQ(vm.answer, "waiting: for a node");
    EXPECT_EQ(vm.answered_at, at(11));
    EXPECT_EQ(vm.failures, 3);
    const std::string id = "r1";
    const RequestRow request = store().requests({&id, 1}).at(0);
    EXPECT_EQ(request.service_id, "b");
    EXPECT_EQ(request.type, "deploy");
    EXPECT_EQ(request.payload, R"({"package": "small"})");
    EXPECT_EQ(request.status, "accepted");
    EXPECT_EQ(request.why, "ordered by hand");
    EXPECT_EQ(request.traceparent, "00-ab-ef-01");
    EXPECT_EQ(request.at, at(0));
    EXPECT_EQ(store().runs("b", 9).at(0).began, at(0));
}

// Known, but there is no VM: its request was rejected, and is decided otherwise when read again.
TEST_P(StoreContract, AKnownRequestWithoutAVmSpoilsNoOtherOrderOfItsBatch) {
    Admitted rejected = order("never", "r1");
    rejected.admission = Admission::Reject;
    rejected.request.why = "no such package";
    admit_one(store(), rejected);
    const std::vector<Admitted> batch = {order("a", "r2"), order("never", "r1"), order("z", "r3")};

    const std::vector<AdmitResult> expected = {
        AdmitResult::Done, AdmitResult::Known, AdmitResult::Done};
    EXPECT_EQ(store().admit(batch), expected);

    EXPECT_FALSE(load_one(store(), "never"));
    EXPECT_TRUE(store().runs("never", 9).empty());
    EXPECT_EQ(status_of(store(), "r1"), "rejected: no such package");
    EXPECT_EQ(load_one(store(), "a")->request_id, "r2");
    EXPECT_EQ(load_one(store(), "z")->request_id, "r3");
}

TEST_P(StoreContract, OneIdForTwoNewVmsOfABatchIsTakenByTheFirst) {
    const std::vector<Admitted> batch = {order("z", "r1"), order("b", "r2"), order("a", "r1")};

    const std::vector<AdmitResult> expected = {
        AdmitResult::Done, AdmitResult::Done, AdmitResult::Lost};
    EXPECT_EQ(store().admit(batch), expected);

    EXPECT_EQ(load_one(store(), "z")->request_id, "r1");
    EXPECT_FALSE(load_one(store(), "a"));
    EXPECT_EQ(admit_one(store(), batch[2]), AdmitResult::Known);
}

TEST_P(StoreContract, TwoOrdersForOneNewVmOfABatchAreDecidedOneAfterTheOther) {
    const std::vector<Admitted> batch = {order("a", "r2"), order("b", "r3"), order("a", "r1")};

    const std::vector<AdmitResult> expected = {
        AdmitResult::Done, AdmitResult::Done, AdmitResult::Lost};
    EXPECT_EQ(store().admit(batch), expected);

    EXPECT_EQ(load_one(store(), "a")->request_id, "r2");
    EXPECT_EQ(status_of(store(), "r1"), "unknown");
}

TEST_P(StoreContract, AnOrderForAVmThatAppearedMeanwhileIsLostAndTheOthersAreNot) {
    const Vm appeared = saved(store(), step_to(begun(store(), "b"), "set_ip"));
    const std::string before = whole(store(), "b");
    const std::vector<Admitted> batch = {order("a", "r1"), order("b", "r2"), order("c", "r3")};

    const std::vector<AdmitResult> expected = {
        AdmitResult::Done, AdmitResult::Lost, AdmitResult::Done};
    EXPECT_EQ(store().admit(batch), expected);

    EXPECT_EQ(whole(store(), "b"), before);
    EXPECT_EQ(status_of(store(), "r2"), "unknown");
    EXPECT_EQ(load_one(store(), "a")->request_id, "r1");
    EXPECT_EQ(load_one(store(), "c")->request_id, "r3");
    EXPECT_EQ(admit_one(store(), request(appeared, "r2", Admission::Queue)), AdmitResult::Done);
}

TEST_P(StoreContract, ANewOrderTheDatabaseRefusesLeavesNothingOfItsBatch) {
    Admitted no_state = order("b", "r2");
    no_state.next.state.clear();
    const std::vector<Admitted> batch = {order("a", "r1"), no_state};

    EXPECT_THROW(store().admit(batch), std::runtime_error);

    EXPECT_FALSE(load_one(store(), "a"));
    EXPECT_EQ(status_of(store(), "r1"), "unknown");
    EXPECT_EQ(admit_one(store(), batch[0]), AdmitResult::Done);
}

TEST_P(StoreContract, OneIdForTwoVmsAtOnceIsTakenOnce) {
    const auto other = database().open();
    for (int round = 0; round < 40; ++round) {
        const std::string id = fmt::format("r{}", round);
        std::atomic<int> waiting = 2;
        const auto admits = [&](Store& mine, std::string_view service_id) {
            const Admitted admitted = order(fmt::format("{}{}", service_id, round), id);
            --waiting;
            while (waiting > 0) std::this_thread::yield();
            return admit_one(mine, admitted);
        };
        AdmitResult theirs = AdmitResult::Lost;
        std::jthread them([&] { theirs = admits(*other, "theirs"); });
        const AdmitResult ours = admits(store(), "ours");
        them.join();

        EXPECT_TRUE((ours == AdmitResult::Done && theirs == AdmitResult::Known) ||
                    (ours == AdmitResult::Known && theirs == AdmitResult::Done));
    }
    std::int64_t vms = 0;
    for (const StateCount& count : store().count_states("")) vms += count.vms;
    EXPECT_EQ(vms, 40);
}

// Two batches of many orders each, with the same ids for other VMs and in the opposite order: one
// of them is taken whole, the other is known whole, and neither waits for the other in a circle.
TEST_P(StoreContract, CrossingBatchesOfNewOrdersTakeEachIdOnceAndNeverWaitInACircle) {
    constexpr int rounds = 20;
    constexpr int orders = 100;
    const auto other = database().open();
    for (int round = 0; round < rounds; ++round) {
        std::atomic<int> waiting = 2;
        const auto admits = [&](Store& mine, std::string_view whose, bool backwards) {
            std::vector<Admitted> batch;
            for (int i = 0; i < orders; ++i) {
                const int number = backwards ? orders - 1 - i : i;
                batch.push_back(order(fmt::format("{}-{:02}-{:03}", whose, round, i),
                                      fmt::format("r{:02}-{:03}", round, number)));
            }
            --waiting;
            while (waiting > 0) std::this_thread::yield();
            const auto results = mine.admit(batch);
            EXPECT_EQ(std::count(results.begin(), results.end(), results[0]), orders);
            return results[0];
        };
        AdmitResult theirs = AdmitResult::Lost;
        std::jthread them([&] { theirs = admits(*other, "theirs", true); });
        const AdmitResult ours = admits(store(), "ours", false);
        them.join();

        EXPECT_TRUE((ours == AdmitResult::Done && theirs == AdmitResult::Known) ||
                    (ours == AdmitResult::Known && theirs == AdmitResult::Done));
    }
    std::int64_t vms = 0;
    for (const StateCount& count : store().count_states("")) vms += count.vms;
    EXPECT_EQ(vms, rounds * orders);
}

// The same orders, alone and together with a request of another kind: whichever way a batch takes,
// they meet at the VMs first and never wait in a circle.
TEST_P(StoreContract, OrdersAloneAndInAMixedBatchMeetWithoutWaitingInACircle) {
    constexpr int rounds = 20;
    constexpr int orders = 100;
    const auto other = database().open();
    for (int round = 0; round < rounds; ++round) {
        std::atomic<int> waiting = 2;
        const auto admits = [&](Store& mine, std::vector<Admitted> batch) {
            for (int i = 0; i < orders; ++i)
                batch.push_back(
                    order(fmt::format("vm{}-{}", round, i), fmt::format("r{}-{}", round, i)));
            --waiting;
            while (waiting > 0) std::this_thread::yield();
            return mine.admit(batch);
        };
        Admitted rejected = order("no", fmt::format("no{}", round));
        rejected.admission = Admission::Reject;
        std::vector<AdmitResult> theirs;
        std::jthread them([&] { theirs = admits(*other, {rejected}); });
        const std::vector<AdmitResult> ours = admits(store(), {});
        them.join();

        const auto done = std::count(ours.begin(), ours.end(), AdmitResult::Done) +
                          std::count(theirs.begin(), theirs.end(), AdmitResult::Done);
        EXPECT_EQ(done, orders + 1);
    }
}

}  // namespace
}  // namespace slipway
