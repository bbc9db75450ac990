// Saving answers: compare and set, batches, the log.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

TEST_P(StoreContract, KeepsWhatAStepDid) {
    Vm vm = begun(store(), "5546");

    vm = saved(store(), step_to(vm, "set_ip"));
    Change waiting = step_to(vm, "set_ip");
    waiting.log.result = "waiting";
    waiting.log.text = "clone task";
    vm = saved(store(), waiting);
    vm = saved(store(), rest_in(vm, "ready"));

    EXPECT_EQ(whole(store(), "5546"),
              "5546 deploy ready run=1 version=+3 wake_at=- queued=0 row=3 target={} "
              "request=order-5546\n"
              "run 1 deploy success error= request=order-5546 ended=2000000\n"
              "  1. To set_ip success x1 creation -> set_ip \n"
              "  2. To set_ip waiting x1 set_ip -> set_ip clone task\n"
              "  3. To ready success x1 set_ip -> ready \n");
    const std::string id = "order-5546";
    EXPECT_EQ(store().requests({&id, 1}).at(0).status, "done");
}

TEST_P(StoreContract, ReadsBackEveryColumnOfAVmAndOfAStep) {
    const Vm vm = begun(store(), "5546");
    Change change = step_to(vm, "terminate");
    change.next.phase = "stopped";
    change.next.failures = 7;
    change.next.answer = "error: no";
    change.next.answered_at = at(11);
    change.next.told_at = at(12);
    change.next.last_error_action = "Stop VM";
    change.next.last_error = "no";
    change.next.cluster = "waw";
    change.next.target = R"({"cores": 4})";
    change.next.applied = R"({"cores": 2})";
    change.next.traceparent = "00-ab-cd-01";
    change.changes_detail = true;
    change.log.lines = "one\ntwo";
    change.log.text = "no";
    change.log.to = "stopped";
    change.log.pipeline = "the pipeline it left";

    const Vm now = saved(store(), change);

    EXPECT_EQ(now.phase, "stopped");
    EXPECT_EQ(now.failures, 7);
    EXPECT_EQ(now.answer, "error: no");
    EXPECT_EQ(now.answered_at, at(11));
    EXPECT_EQ(now.told_at, at(12));
    EXPECT_EQ(now.last_error_action, "Stop VM");
    EXPECT_EQ(now.last_error, "no");
    EXPECT_EQ(now.cluster, "waw");
    EXPECT_EQ(now.target, R"({"cores": 4})");
    EXPECT_EQ(now.applied, R"({"cores": 2})");
    EXPECT_EQ(now.traceparent, "00-ab-cd-01");
    const StepRow step = store().steps("5546", 1).at(0);
    EXPECT_EQ(step.lines, "one\ntwo");
    EXPECT_EQ(step.pipeline, "the pipeline it left");
    EXPECT_EQ(step.to, "stopped");
    EXPECT_EQ(step.attempts, 1);
    EXPECT_EQ(step.number, 1);
    EXPECT_EQ(step.began, at(1'000'000));
    EXPECT_EQ(step.ended, at(2'000'000));
    EXPECT_EQ(step.writer, "writer");
    EXPECT_EQ(step.told_as, change.next.version);
}

TEST_P(StoreContract, LeavesTheDetailAloneUnlessToldThatItChanged) {
    const Vm vm = begun(store(), "5546");
    Change change = step_to(vm, "set_ip");
    change.next.target = "forgotten";

    EXPECT_EQ(saved(store(), change).target, "{}");
}

TEST_P(StoreContract, ALostRaceChangesNothingAnywhere) {
    const Vm vm = begun(store(), "5546");
    saved(store(), step_to(vm, "set_ip"));
    const std::string before = whole(store(), "5546");
    Change late = rest_in(vm, "error_terminate");
    late.next.target = "changed";
    late.changes_detail = true;
    late.rejects_queued = true;
    late.activity = ActivityRow{.service_id = "5546", .run = 1, .kind = "parked", .text = "x"};
    late.dead_letter = DeadLetterRow{.key = "5546/1", .kind = "parked", .reason = "x"};

    EXPECT_FALSE(save_one(store(), late).won);

    EXPECT_EQ(whole(store(), "5546"), before);
    EXPECT_TRUE(store().unpublished_activity(at(9), 10).empty());
    EXPECT_EQ(store().count_dead_letters("parked"), 0);
}

TEST_P(StoreContract, AnswersABatchInTheOrderGivenAndSavesAllButTheLost) {
    const Vm c = begun(store(), "c");
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    saved(store(), step_to(b, "set_ip"));

    const std::vector<Change> batch = {
        step_to(c, "c1"), step_to(b, "b1"), rest_in(a, "ready"), step_to(c, "no")};
    const auto results = store().save(std::span(batch).first(3));

    EXPECT_TRUE(results[0].won);
    EXPECT_FALSE(results[1].won);
    EXPECT_TRUE(results[2].won);
    EXPECT_TRUE(results[0].wake_at);
    EXPECT_FALSE(results[2].wake_at);
    EXPECT_EQ(load_one(store(), "c")->state, "c1");
    EXPECT_EQ(load_one(store(), "b")->state, "set_ip");
    EXPECT_EQ(load_one(store(), "a")->state, "ready");
    EXPECT_EQ(store().steps("b", 1).size(), 1U);
    EXPECT_EQ(store().runs("a", 1).at(0).result, "success");
}

TEST_P(StoreContract, TwoChangesOfOneVmInABatchAreABugAndNothingIsSaved) {
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    const std::vector<Change> batch = {step_to(a, "x"), step_to(b, "x"), step_to(a, "y")};

    EXPECT_THROW(store().save(batch), std::logic_error);

    EXPECT_EQ(load_one(store(), "a")->state, "creation");
    EXPECT_EQ(load_one(store(), "b")->state, "creation");
}

TEST_P(StoreContract, AChangeThatContradictsItselfIsABugAndNothingIsSaved) {
    const Vm vm = begun(store(), "5546");
    Change elsewhere = step_to(vm, "set_ip");
    elsewhere.log.to = "clone";
    Change another_run = step_to(vm, "set_ip");
    another_run.log.run = 2;
    Change too_far = step_to(vm, "set_ip");
    too_far.next.version = vm.version + 2;
    Change no_result = rest_in(vm, "ready");
    no_result.run_result.clear();

    for (const Change& bad : {elsewhere, another_run, too_far, no_result})
        EXPECT_THROW(save_one(store(), bad), std::logic_error);

    EXPECT_EQ(load_one(store(), "5546")->version, vm.version);
    Admitted jump = request(vm, "r2", Admission::Interrupt);
    jump.next.version = vm.version + 2;
    EXPECT_THROW(admit_one(store(), jump), std::logic_error);
}

// In one batch with others that leave their runs alone.
TEST_P(StoreContract, ARunSaysWhatHoldsItUpUntilItGoesOn) {
    const Vm other = begun(store(), "a");
    const Vm vm = begun(store(), "b");
    Change held_up = step_to(vm, "creation");
    held_up.touches_run = true;
    held_up.run_result = "waiting";
    held_up.run_error = "no addresses";
    Change untouched = step_to(other, "set_ip");
    untouched.run_result = "success";
    untouched.run_error = "none of this run's business";

    EXPECT_TRUE(store().save(std::vector{untouched, held_up}).at(1).won);
    EXPECT_EQ(store().runs("b", 1).at(0).result, "waiting");
    EXPECT_EQ(store().runs("b", 1).at(0).error, "no addresses");
    EXPECT_EQ(store().runs("b", 1).at(0).ended, std::nullopt);
    EXPECT_EQ(store().runs("a", 1).at(0).result, "waiting");
    EXPECT_EQ(store().runs("a", 1).at(0).error, "");

    Change goes_on = step_to(held_up.next, "set_ip");
    goes_on.touches_run = true;
    goes_on.run_result = "waiting";
    saved(store(), goes_on);
    EXPECT_EQ(store().runs("b", 1).at(0).error, "");
}

// A zero is not sent, and a time that is 0 is not the same as none.
TEST_P(StoreContract, KeepsZerosAndNothingApart) {
    Vm vm = begun(store(), "5546");
    Change change = step_to(vm, "set_ip");
    change.next.wake_at = Time();
    change.log.began = change.log.ended = Time();
    change.log.number = 0;
    vm = saved(store(), change);
    EXPECT_EQ(vm.wake_at, Time());
    EXPECT_EQ(vm.failures, 0);
    EXPECT_EQ(store().steps("5546", 1).at(0).ended, Time());

    change = step_to(vm, "clone");
    change.next.wake_at.reset();
    EXPECT_EQ(saved(store(), change).wake_at, std::nullopt);
}

TEST_P(StoreContract, ARowTheDatabaseRefusesSpoilsItsBatchButNotTheOthersAlone) {
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    const Vm c = begun(store(), "c");
    Change no_state = step_to(b, "");
    Change with_nul = step_to(c, "x");
    with_nul.log.text = std::string("a\0b", 3);

    for (const Change& poisoned : {no_state, with_nul}) {
        const std::vector<Change> batch = {step_to(a, "x"), poisoned};
        EXPECT_THROW(store().save(batch), std::runtime_error);
        EXPECT_EQ(load_one(store(), "a")->state, "creation");
        EXPECT_TRUE(store().steps("a", 1).empty());
    }
    EXPECT_TRUE(save_one(store(), step_to(a, "x")).won);
    EXPECT_THROW(save_one(store(), no_state), std::runtime_error);
    EXPECT_EQ(load_one(store(), "b")->state, "creation");
    EXPECT_TRUE(save_one(store(), step_to(b, "x")).won);
}

TEST_P(StoreContract, TheSameAnswerAgainIsCountedInItsRow) {
    Vm vm = begun(store(), "5546");
    vm = saved(store(), step_to(vm, "set_ip"));
    Change last = again(vm);
    for (int i = 0; i < 4; ++i) {
        last = again(vm);
        vm = saved(store(), last);
    }

    const auto steps = store().steps("5546", 1);

    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].attempts, 5);
    EXPECT_EQ(steps[0].began, at(1'000'000));
    EXPECT_EQ(steps[0].ended, at(3'000'000));
    EXPECT_EQ(steps[0].told_as, last.log.told_as);
    EXPECT_EQ(vm.log_row, 1);
}

TEST_P(StoreContract, KnowsWhetherASaveHappened) {
    const Vm vm = begun(store(), "5546");
    const Change change = step_to(vm, "set_ip");
    EXPECT_FALSE(store().was_saved("writer", change.log.told_as));

    saved(store(), change);

    EXPECT_TRUE(store().was_saved("writer", change.log.told_as));
    EXPECT_FALSE(store().was_saved("writer", change.log.told_as + 1));
    EXPECT_FALSE(store().was_saved("another", change.log.told_as));
}

TEST_P(StoreContract, KeepsTextAsItIs) {
    const std::string text =
        "it's \"quoted\" \\n \\ back\\slash \x01\t\n emoji \xF0\x9F\x98\x80 line\xE2\x80\xA8"
        "sep "
        ":name ::cast ?1 $1 {rows} %s 100% \x7F NULL";
    const Vm vm = begun(store(), text);
    Change change = step_to(vm, text);
    change.log.text = text;
    change.next.target = text;
    change.changes_detail = true;

    const Vm now = saved(store(), change);

    EXPECT_EQ(now.service_id, text);
    EXPECT_EQ(now.state, text);
    EXPECT_EQ(now.target, text);
    EXPECT_EQ(store().steps(text, 1).at(0).text, text);
}

TEST_P(StoreContract, LoadsWhatThereIsOfMany) {
    begun(store(), "a");
    begun(store(), "b");
    const std::vector<std::string> ids = {"b", "nobody", "a"};

    auto found = store().load(ids);

    std::sort(found.begin(), found.end(), [](const Vm& x, const Vm& y) {
        return x.service_id < y.service_id;
    });
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].service_id, "a");
    EXPECT_EQ(found[1].service_id, "b");
    EXPECT_TRUE(store().load({}).empty());
    EXPECT_TRUE(store().save({}).empty());
}

// Four processes, batches that overlap in different orders, until every VM has had 100 changes:
// nobody waits in a circle, and each version is won exactly once.
TEST_P(StoreContract, OverlappingBatchesOfFourProcessesWinEachVersionOnce) {
    constexpr int vms = 12;
    constexpr int changes_each = 100;
    std::vector<std::string> ids;
    for (int i = 0; i < vms; ++i)
        ids.push_back(begun(store(), fmt::format("vm{:02}", i)).service_id);
    std::atomic<int> won = 0;

    const auto work = [&](int me) {
        const auto mine = database().open();
        for (int round = 0; won < vms * changes_each; ++round) {
            std::vector<Change> batch;
            for (const Vm& vm : mine->load(ids))
                if (vm.log_row < changes_each && (vm.log_row + round + me) % 3 != 0)
                    batch.push_back(step_to(vm, "set_ip"));
            std::rotate(
                batch.begin(), batch.begin() + std::min<int>(me, int(batch.size())), batch.end());
            if (me % 2 == 1) std::reverse(batch.begin(), batch.end());
            for (const Saved& saved : mine->save(batch)) won += saved.won ? 1 : 0;
        }
    };
    std::vector<std::jthread> processes;
    for (int me = 0; me < 4; ++me) processes.emplace_back(work, me);
    processes.clear();

    EXPECT_EQ(won, vms * changes_each);
    for (const std::string& id : ids) {
        const auto steps = store().steps(id, 1);
        ASSERT_EQ(steps.size(), static_cast<std::size_t>(changes_each));
        for (std::size_t i = 0; i < steps.size(); ++i) {
            EXPECT_EQ(steps[i].row, static_cast<int>(i) + 1);
            EXPECT_EQ(steps[i].attempts, 1);
        }
    }
}

}  // namespace
}  // namespace slipway
