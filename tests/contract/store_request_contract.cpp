// Requests: admitted once, queued behind a VM, begun when it rests.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

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
}  // namespace
}  // namespace slipway
