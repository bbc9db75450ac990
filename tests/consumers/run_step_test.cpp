#include "consumers/runtime/run_step.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/check.h"
#include "consumers/runtime/error.h"
#include "schema/sql_store.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class StillClock final : public Clock {
  public:
    Time now() const override { return Time(1'000'000'000'000us); }
    std::chrono::nanoseconds since_boot() const override { return 1h; }
};

// What the one step of the table below answers; each test sets it.
StepOutcome answer = Done{};

StepOutcome give_answer(World&, Vm&) {
    return answer;
}
StepOutcome throw_error(World&, Vm&) {
    throw Error("connection refused");
}
StepOutcome break_a_rule(World&, Vm&) {
    check(false, "x");
    return Done{};
}

// clang-format off
constexpr Step steps[] = {
    {"first",  give_answer,  IfItFails::Retry,    "First",  "Does the first thing."},
    {"second", give_answer,  IfItFails::Continue, "Second", "Does the second thing."},
    {"third",  give_answer,  IfItFails::Park,     "Third",  "Does the third thing."},
    {"fourth", throw_error,  IfItFails::Retry,    "Fourth", "Cannot."},
    {"fifth",  break_a_rule, IfItFails::Retry,    "Fifth",  "Must not."},
    {"ready",  give_answer,  IfItFails::Retry,    "Last",   "Ends it."},
};
// clang-format on

const Pipeline pipeline{
    .name = "trial", .title = "Trial", .topic = "service", .starts_at = "begun", .steps = steps};

struct Bench {
    StillClock clock;
    NoLedger ledger;
    std::unique_ptr<Store> store = open_store({.url = "sqlite::memory:"});
    StepTimes times;

    Stepped run(const Vm& vm) {
        World world{.clock = clock, .store = *store, .ledger = ledger, .deadline = {2h}};
        return run_step(pipeline, times, world, vm);
    }
};

Vm vm_at(std::string state) {
    return {.service_id = "7",
            .pipeline = "trial",
            .state = std::move(state),
            .run = 3,
            .version = 40,
            .wake_at = StillClock().now() + 50s,
            .log_row = 2};
}

std::string show(const Stepped& stepped) {
    const Change& c = stepped.change;
    const auto ahead = c.next.wake_at ? *c.next.wake_at - StillClock().now() : 0us;
    const std::string wake = !c.next.wake_at                     ? "never"
                             : ahead >= 750ms && ahead <= 1000ms ? "soon"
                                                                 : fmt::format("{}s", ahead / 1s);
    return fmt::format("{} -> {} v{} row {}{} {} \"{}\" wake {} f{}{}{}{}",
                       c.log.from,
                       c.log.to,
                       c.next.version,
                       c.log.row,
                       c.repeats ? " again" : "",
                       c.log.result,
                       c.log.text,
                       wake,
                       c.next.failures,
                       stepped.goes_on ? " goes on" : "",
                       c.ends_run ? " ends " + c.run_result : "",
                       c.dead_letter ? " dead letter" : "");
}

TEST(RunStep, TurnsEveryAnswerIntoTheChangeTheDesignNames) {
    struct Row {
        const char* name;
        const char* at;
        StepOutcome answer;
        const char* change;
    };
    // clang-format off
    const Row rows[] = {
        {"done",             "begun",  Done{},              "begun -> first v41 row 3 success \"\" wake 50s f0 goes on"},
        {"skipped",          "begun",  Skipped{"no change"},"begun -> first v41 row 3 skip \"no change\" wake 50s f0 goes on"},
        {"waiting",          "begun",  Waiting{"a task"},   "begun -> begun v41 row 3 waiting \"a task\" wake 2s f0"},
        {"failed, retry",    "begun",  Failed{"no"},        "begun -> begun v41 row 3 error \"no\" wake soon f1"},
        {"failed, continue", "first",  Failed{"no"},        "first -> second v41 row 3 success \"no\" wake 50s f0 goes on"},
        {"failed, park",     "second", Failed{"no"},        "second -> error_terminate v41 row 3 error \"no\" wake never f1 ends error dead letter"},
        {"parked",           "begun",  Parked{"no"},        "begun -> error_terminate v41 row 3 error \"no\" wake never f1 ends error dead letter"},
        {"thrown",           "third",  Done{},              "third -> third v41 row 3 error \"connection refused\" wake soon f1"},
        {"impossible",       "fourth", Done{},              "fourth -> fourth v41 row 3 error \"this is a bug, please report it: "
                                              "cannot happen: x\" wake soon f1"},
        {"last",             "fifth",  Done{},              "fifth -> ready v41 row 3 success \"\" wake never f0 ends success"},
    };
    // clang-format on
    Bench bench;
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        answer = row.answer;

        EXPECT_EQ(show(bench.run(vm_at(row.at))), row.change);
    }
}

TEST(RunStep, MovesWakeAtOnlyWhenItIsLessThanHalfAGraceAhead) {
    Bench bench;
    answer = Done{};
    Vm vm = vm_at("begun");

    vm.wake_at = bench.clock.now() + 31s;
    EXPECT_EQ(bench.run(vm).change.next.wake_at, vm.wake_at);
    vm.wake_at = bench.clock.now() + 29s;
    EXPECT_EQ(bench.run(vm).change.next.wake_at, bench.clock.now() + 60s);
}

TEST(RunStep, LooksEverMoreSeldomForASlotAndAsOftenAsBeforeForAnythingElse) {
    struct Row {
        std::chrono::seconds waited, for_slots, for_else;
    };
    Bench bench;
    for (const Row& row : {Row{1s, 2s, 2s}, Row{100s, 5s, 2s}, Row{3'600s, 15s, 2s}}) {
        for (const bool slots : {true, false}) {
            answer = Waiting{"its turn"};
            if (slots)
                std::get<Waiting>(answer).claims.slots = {{.resource = "clones", .limit = 2}};
            Vm waiting = bench.run(vm_at("begun")).change.next;
            waiting.answered_at = bench.clock.now() - row.waited;

            const Vm next = bench.run(waiting).change.next;

            EXPECT_EQ(next.wake_at, bench.clock.now() + (slots ? row.for_slots : row.for_else));
        }
    }
}

TEST(RunStep, CountsAnAnswerGivenAgainInsteadOfRepeatingIt) {
    Bench bench;
    answer = Failed{"no address left"};
    const Vm failed = bench.run(vm_at("begun")).change.next;

    const Stepped again = bench.run(failed);
    answer = Failed{"something else"};
    const Stepped other = bench.run(failed);

    EXPECT_TRUE(again.change.repeats);
    EXPECT_EQ(again.change.log.row, failed.log_row);
    EXPECT_FALSE(again.tell) << "an unchanged answer is told every 15 s only";
    EXPECT_FALSE(other.change.repeats);
    EXPECT_TRUE(other.tell);
}

TEST(RunStep, TellsAnUnchangedAnswerAgainAfterTheHeartbeat) {
    Bench bench;
    answer = Waiting{"a task"};
    Vm waiting = bench.run(vm_at("begun")).change.next;

    waiting.told_at = bench.clock.now() - 15s;

    EXPECT_TRUE(bench.run(waiting).tell);
}

TEST(RunStep, ClearsTheErrorOfTheRunOnceTheStepSucceeds) {
    Bench bench;
    answer = Failed{"no"};
    const Vm failed = bench.run(vm_at("begun")).change.next;
    answer = Done{};

    const Change change = bench.run(failed).change;

    EXPECT_TRUE(change.touches_run);
    EXPECT_EQ(change.run_result, "waiting");
    EXPECT_EQ(change.run_error, "");
    EXPECT_EQ(change.next.failures, 0);
}

TEST(BackOff, DoublesFromOneSecondToSixtyAndNeverEnds) {
    const StepTimes times;
    const Vm vm{.service_id = "5546"};
    const int failures[] = {1, 2, 3, 6, 7, 8, 1'000'000};
    const std::chrono::seconds whole[] = {1s, 2s, 4s, 32s, 60s, 60s, 60s};
    for (std::size_t i = 0; i < std::size(failures); ++i) {
        SCOPED_TRACE(failures[i]);
        EXPECT_LE(back_off(times, vm, failures[i]), whole[i]);
        EXPECT_GE(back_off(times, vm, failures[i]), whole[i] * 3 / 4);
    }
}

TEST(Rules, SayWhatEveryRequestMeansToAVmInEveryPlace) {
    std::string table;
    const Vm ready{.pipeline = "rehearse", .state = "ready"};
    const Vm ready_and_awaited{.pipeline = "rehearse", .state = "ready", .queued = 1};
    const Vm under_way{.pipeline = "rehearse", .state = "clone"};
    const Vm ending{.pipeline = "rehearse_end", .state = "rehearse_end"};
    const Vm removed{.pipeline = "rehearse_end", .state = "remove"};
    const Vm parked{.pipeline = "rehearse_end", .state = "error_terminate"};
    const char* words[] = {"begin", "start", "interrupt", "queue", "reject"};
    for (const Rule& rule : rules()) {
        table += fmt::format("{}:", rule.request);
        for (const Vm* vm : {static_cast<const Vm*>(nullptr),
                             &removed,
                             &ready,
                             &ready_and_awaited,
                             &under_way,
                             &ending,
                             &parked})
            table +=
                fmt::format(" {}", words[static_cast<int>(rule_on(rule.request, vm).admission)]);
        table += '\n';
    }
    EXPECT_EQ(table,
              "deploy: begin begin reject reject reject reject reject\n"
              "rehearse: begin begin start queue queue queue reject\n"
              "rehearse_end: reject reject start start interrupt reject start\n");
    EXPECT_EQ(rule_on("deploi", nullptr).why, "type: \"deploi\" is no request Slipway knows");
}

TEST(Pipelines, HaveATableEntryInTheRulesEach) {
    for (const Pipeline* listed : pipelines()) {
        EXPECT_EQ(find_pipeline(listed->name), listed);
        EXPECT_NE(rule_on(listed->name, nullptr).why.substr(0, 5), "type:") << listed->name;
        EXPECT_TRUE(at_rest(listed->steps.back().state)) << listed->name;
    }
}

}  // namespace
}  // namespace slipway
