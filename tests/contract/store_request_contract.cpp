// Requests: admitted once, queued behind a VM, begun when it rests.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

std::string status_of(Store& store, const std::string& id) {
    const auto found = store.requests({&id, 1});
    return found.empty() ? "unknown"
                         : found[0].status + (found[0].why.empty() ? "" : ": ") + found[0].why;
}

TEST_P(StoreContract, AnOrderMakesTheRowAndBeginsARun) {
    EXPECT_EQ(admit_one(store(), order("5546", "r1")), AdmitResult::Done);

    EXPECT_EQ(whole(store(), "5546"),
              "5546 deploy creation run=1 version=+0 wake_at=30000000 queued=0 row=0 target={} "
              "request=r1\n"
              "run 1 deploy waiting error= request=r1 ended=-\n");
    EXPECT_EQ(status_of(store(), "r1"), "accepted");
}

TEST_P(StoreContract, ARequestIdIsTakenOnce) {
    admit_one(store(), order("5546", "r1"));
    const std::string before = whole(store(), "5546");

    EXPECT_EQ(admit_one(store(), order("5546", "r1")), AdmitResult::Known);
    EXPECT_EQ(admit_one(store(), order("another", "r1")), AdmitResult::Known);

    EXPECT_EQ(whole(store(), "5546"), before);
    EXPECT_FALSE(load_one(store(), "another"));
}

TEST_P(StoreContract, ADecisionOnARowThatMovedIsLostAndLeavesNothing) {
    const Vm old = begun(store(), "5546");
    const Vm vm = saved(store(), rest_in(old, "ready"));
    const std::string before = whole(store(), "5546");

    EXPECT_EQ(admit_one(store(), order("5546", "r2")), AdmitResult::Lost);
    EXPECT_EQ(admit_one(store(), request(old, "r2", Admission::Start)), AdmitResult::Lost);
    EXPECT_EQ(whole(store(), "5546"), before);
    EXPECT_EQ(status_of(store(), "r2"), "unknown");

    EXPECT_EQ(admit_one(store(), request(vm, "r2", Admission::Start)), AdmitResult::Done);
    EXPECT_EQ(load_one(store(), "5546")->run, 2);
}

TEST_P(StoreContract, AnInterruptEndsTheRunItFinds) {
    const Vm vm = begun(store(), "5546");

    EXPECT_EQ(admit_one(store(), request(vm, "r2", Admission::Interrupt)), AdmitResult::Done);

    EXPECT_EQ(whole(store(), "5546"),
              "5546 change_package change_package run=2 version=+1 wake_at=40000000 queued=0 row=0 "
              "target={} request=r2\n"
              "run 2 change_package waiting error= request=r2 ended=-\n"
              "run 1 deploy error error=interrupted by request r2 request=order-5546 ended=0\n");
    EXPECT_EQ(status_of(store(), "order-5546"), "done: interrupted by request r2");
}

TEST_P(StoreContract, AQueuedRequestWaitsAndNeverRaisesTheVersion) {
    const Vm vm = begun(store(), "5546");

    EXPECT_EQ(admit_one(store(), request(vm, "r2", Admission::Queue)), AdmitResult::Done);
    EXPECT_EQ(admit_one(store(), request(vm, "r3", Admission::Queue)), AdmitResult::Done);
    EXPECT_EQ(admit_one(store(), request(vm, "r3", Admission::Queue)), AdmitResult::Known);

    const Vm now = load_one(store(), "5546").value();
    EXPECT_EQ(now.version, vm.version);
    EXPECT_EQ(now.wake_at, vm.wake_at);
    EXPECT_EQ(now.queued, 2);
    EXPECT_EQ(status_of(store(), "r2"), "queued");
    EXPECT_EQ(store().next_queued("5546")->id, "r2");
    EXPECT_FALSE(store().next_queued("another"));
}

TEST_P(StoreContract, QueuedRequestsBeginInTheirOrderOnceTheVmRests) {
    Vm vm = begun(store(), "5546");
    for (const char* id : {"z-first", "a-second"})
        admit_one(store(), request(vm, id, Admission::Queue));
    const Saved rested = save_one(store(), rest_in(vm, "ready"));
    EXPECT_EQ(rested.wake_at, at(2'000'000));
    EXPECT_EQ(rested.queued, 2);

    vm = load_one(store(), "5546").value();
    EXPECT_EQ(store().next_queued("5546")->id, "z-first");
    vm = saved(store(), start(vm, "z-first"));
    EXPECT_EQ(vm.queued, 1);
    EXPECT_EQ(status_of(store(), "z-first"), "accepted");
    vm = saved(store(), rest_in(vm, "ready"));
    EXPECT_EQ(status_of(store(), "z-first"), "done");
    EXPECT_EQ(store().next_queued("5546")->id, "a-second");
    vm = saved(store(), start(vm, "a-second"));
    vm = saved(store(), rest_in(vm, "ready"));

    EXPECT_EQ(whole(store(), "5546"),
              "5546 deploy ready run=3 version=+5 wake_at=- queued=0 row=2 target={} "
              "request=a-second\n"
              "run 3 deploy success error= request=a-second ended=2000000\n"
              "  1. To change_package success x1 ready -> change_package \n"
              "  2. To ready success x1 change_package -> ready \n"
              "run 2 deploy success error= request=z-first ended=2000000\n"
              "  1. To change_package success x1 ready -> change_package \n"
              "  2. To ready success x1 change_package -> ready \n"
              "run 1 deploy success error= request=order-5546 ended=2000000\n"
              "  1. To ready success x1 creation -> ready \n");
}

TEST_P(StoreContract, ARequestQueuedBehindAReadyVmWakesIt) {
    const Vm vm = saved(store(), rest_in(begun(store(), "5546"), "ready"));
    EXPECT_FALSE(vm.wake_at);

    admit_one(store(), request(vm, "r2", Admission::Queue));

    EXPECT_EQ(load_one(store(), "5546")->wake_at, at(0));
}

TEST_P(StoreContract, NothingQueuesBehindARemovedOrParkedVm) {
    for (const std::string state : {"remove", "error_terminate"}) {
        const Vm vm = saved(store(), rest_in(begun(store(), state), state));

        EXPECT_EQ(admit_one(store(), request(vm, "r2", Admission::Queue)), AdmitResult::Lost);

        EXPECT_EQ(load_one(store(), state)->queued, 0);
        EXPECT_EQ(status_of(store(), "r2"), "unknown");
    }
}

TEST_P(StoreContract, WhatWaitsBehindARemovedVmIsRejectedAloud) {
    const Vm vm = begun(store(), "5546");
    begun(store(), "other");
    admit_one(store(), request(vm, "r2", Admission::Queue));
    admit_one(store(), request(vm, "r3", Admission::Queue));
    admit_one(store(), request(load_one(store(), "other").value(), "r4", Admission::Queue));
    Change gone = rest_in(vm, "remove");
    gone.rejects_queued = true;

    const Saved saved = save_one(store(), gone);

    EXPECT_FALSE(saved.wake_at);
    EXPECT_EQ(saved.queued, 0);
    const std::string why = "rejected: the VM reached remove before this request began";
    EXPECT_EQ(status_of(store(), "r2"), why);
    EXPECT_EQ(status_of(store(), "r3"), why);
    EXPECT_EQ(status_of(store(), "r4"), "queued");
    EXPECT_EQ(status_of(store(), "order-5546"), "done");
    EXPECT_EQ(store().count_dead_letters("rejected"), 2);
    EXPECT_EQ(store().unpublished_dead_letters(at(9'000'000), 9).at(0).service_id, "5546");
}

TEST_P(StoreContract, ARejectedRequestIsKeptWithItsReasonAndIsNews) {
    Admitted no = order("5546", "r1");
    no.admission = Admission::Reject;
    no.request.why = "no such package";
    no.dead_letter = DeadLetterRow{.key = "r1", .kind = "rejected", .reason = "no such package"};

    EXPECT_EQ(admit_one(store(), no), AdmitResult::Done);
    EXPECT_EQ(admit_one(store(), no), AdmitResult::Known);

    EXPECT_EQ(status_of(store(), "r1"), "rejected: no such package");
    EXPECT_FALSE(load_one(store(), "5546"));
    EXPECT_EQ(store().count_dead_letters("rejected"), 1);
}

TEST_P(StoreContract, ABatchAnswersEachAndDecidesTheSecondOfOneVmAgain) {
    const Vm resting = saved(store(), rest_in(begun(store(), "resting"), "ready"));
    const Vm busy = begun(store(), "busy");
    Admitted rejected = order("no", "r5");
    rejected.admission = Admission::Reject;
    const std::vector<Admitted> batch = {
        order("new", "r1"),
        request(resting, "r2", Admission::Start),
        request(busy, "r3", Admission::Queue),
        request(busy, "r4", Admission::Queue),
        rejected,
        order("again", "order-busy"),
        order("twin", "r1"),
    };

    const auto results = store().admit(batch);

    const std::vector<AdmitResult> expected = {AdmitResult::Done,
                                               AdmitResult::Done,
                                               AdmitResult::Done,
                                               AdmitResult::Lost,
                                               AdmitResult::Done,
                                               AdmitResult::Known,
                                               AdmitResult::Lost};
    EXPECT_EQ(results, expected);
    EXPECT_EQ(load_one(store(), "busy")->queued, 1);
    EXPECT_EQ(status_of(store(), "r4"), "unknown");
    EXPECT_FALSE(load_one(store(), "twin"));
    EXPECT_EQ(store().admit(batch).at(0), AdmitResult::Known);
}

// New orders alone in a batch have a short way on PostgreSQL, which must not be seen from here.

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

TEST_P(StoreContract, TheLogOfTheNewestFiftyRunsIsKept) {
    Vm vm = saved(store(), rest_in(begun(store(), "5546"), "ready"));
    saved(store(), rest_in(begun(store(), "other"), "ready"));
    for (int i = 2; i <= 60; ++i) {
        const std::string id = fmt::format("r{}", i);
        if (i % 2 == 0) {
            admit_one(store(), request(vm, id, Admission::Queue));
            vm = saved(store(), start(load_one(store(), "5546").value(), id));
        } else {
            admit_one(store(), request(vm, id, Admission::Start));
            vm = load_one(store(), "5546").value();
        }
        vm = saved(store(), rest_in(vm, "ready"));
    }

    const auto runs = store().runs("5546", 100);

    ASSERT_EQ(runs.size(), 50U);
    EXPECT_EQ(runs.front().run, 60);
    EXPECT_EQ(runs.back().run, 11);
    EXPECT_EQ(store().runs("5546", 3).size(), 3U);
    EXPECT_TRUE(store().steps("5546", 10).empty());
    EXPECT_FALSE(store().steps("5546", 11).empty());
    EXPECT_FALSE(store().steps("other", 1).empty());
}

// One process takes the VM to `ready` while another queues a request behind it: whoever comes
// first, no ready VM is left with a request and without a time to wake.
TEST_P(StoreContract, ARequestQueuedAsTheVmBecomesReadyIsNeverForgotten) {
    const auto other = database().open();
    for (int round = 0; round < 60; ++round) {
        const std::string id = fmt::format("vm{}", round);
        const Vm vm = begun(store(), id);
        std::atomic<int> waiting = 2;
        const auto together = [&] {
            --waiting;
            while (waiting > 0) std::this_thread::yield();
        };
        std::jthread queues([&] {
            together();
            EXPECT_EQ(admit_one(*other, request(vm, "r" + id, Admission::Queue)),
                      AdmitResult::Done);
        });
        together();
        EXPECT_TRUE(save_one(store(), rest_in(vm, "ready")).won);
        queues.join();

        const Vm now = load_one(store(), id).value();
        EXPECT_EQ(now.queued, 1);
        EXPECT_TRUE(now.wake_at) << "round " << round;
    }
}

// Two intakes read the same orders, in opposite directions and in batches of four. What fails is
// tried one by one, as intake does, and each order is taken exactly once.
TEST_P(StoreContract, TwoIntakesWithTheSameOrdersTakeEachOnce) {
    constexpr int orders = 80;
    std::atomic<int> taken = 0;
    const auto intake = [&](bool backwards) {
        const auto mine = database().open();
        for (int i = 0; i < orders; i += 4) {
            std::vector<Admitted> batch;
            for (int k = i; k < i + 4; ++k) {
                const int number = backwards ? orders - 1 - k : k;
                batch.push_back(order(fmt::format("vm{}", number), fmt::format("r{}", number)));
            }
            std::vector<AdmitResult> results;
            try {
                results = mine->admit(batch);
            } catch (const std::runtime_error&) {
                for (const Admitted& one : batch) results.push_back(admit_one(*mine, one));
            }
            for (std::size_t k = 0; k < results.size(); ++k) {
                if (results[k] == AdmitResult::Done) ++taken;
                if (results[k] == AdmitResult::Lost) {
                    EXPECT_EQ(admit_one(*mine, batch[k]), AdmitResult::Known);
                }
            }
        }
    };
    std::jthread forwards(intake, false);
    std::jthread backwards(intake, true);
    forwards.join();
    backwards.join();

    EXPECT_EQ(taken, orders);
    EXPECT_EQ(store().count_states("vm").at(0).vms, orders);
}

// The same id for two VMs at the same moment: one is taken, the other answer is clean and its VM
// does not come into being.
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
