// Slots and tasks: never more than there are, in the order of asking, and free again however the VM
// leaves its step.

#include <fmt/format.h>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

constexpr const char* clones = "clone pve1/local";

// "1: 5546 creation, 2: 5547 creation"
std::string taken(Store& store) {
    std::string text;
    for (const SlotRow& slot : store.slots())
        text += fmt::format("{}{}: {} {}{}",
                            text.empty() ? "" : ", ",
                            slot.n,
                            slot.service_id,
                            slot.state,
                            slot.resource == clones ? "" : " (" + slot.resource + ")");
    return text;
}

// Asks, and leaves at once with what it got. False: nothing.
bool gets_through(Store& store, std::string_view id, std::vector<SlotClaim> claims, Time when) {
    Vm vm = load_one(store, id).value();
    if (!save_one(store, asking(vm, std::move(claims), (when - at(0)).count())).granted)
        return false;
    vm = load_one(store, id).value();
    return save_one(store, leaving(vm, "set_ip")).won;
}

std::int64_t wake_of(Store& store, std::string_view service_id) {
    const auto wake = load_one(store, service_id)->wake_at;
    return wake ? (*wake - at(0)).count() : -1;
}

TEST_P(StoreContract, GrantsNoMoreSlotsThanThereAre) {
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    const Vm c = begun(store(), "c");

    const Saved first = save_one(store(), asking(a, {{clones, 2}}));
    EXPECT_TRUE(first.granted);
    EXPECT_EQ(first.wake_at, at(2'000'000));
    EXPECT_EQ(wake_of(store(), "a"), 2'000'000);
    EXPECT_TRUE(save_one(store(), asking(b, {{clones, 2}})).granted);
    const Saved third = save_one(store(), asking(c, {{clones, 2}}));
    EXPECT_TRUE(third.won);
    EXPECT_FALSE(third.granted);
    EXPECT_EQ(third.wake_at, at(90'000'000));
    EXPECT_EQ(wake_of(store(), "c"), 90'000'000);

    EXPECT_EQ(taken(store()), "1: a creation, 2: b creation");
    EXPECT_EQ(store().slots().at(0).run, 1);
    EXPECT_EQ(store().slots().at(0).taken_at, at(2'000'000));
}

TEST_P(StoreContract, GivesAFreedSlotToWhoHasWaitedLongest) {
    const Vm a = begun(store(), "a");
    Vm b = begun(store(), "b");
    Vm c = begun(store(), "c");
    const Vm holds = saved(store(), asking(a, {{clones, 1}}));
    c = saved(store(), asking(c, {{clones, 1}}, 3'000'000));
    b = saved(store(), asking(b, {{clones, 1}}, 4'000'000));
    c = saved(store(), asking(c, {{clones, 1}}, 5'000'000));  // a poll: still the older of the two

    save_one(store(), leaving(holds, "set_ip"));

    EXPECT_EQ(wake_of(store(), "c"), 2'000'000) << "woken";
    EXPECT_EQ(wake_of(store(), "b"), 90'000'000) << "not yet";
    EXPECT_EQ(taken(store()), "");
    EXPECT_FALSE(save_one(store(), asking(b, {{clones, 1}}, 6'000'000)).granted)
        << "c has waited longer";
    EXPECT_TRUE(save_one(store(), asking(c, {{clones, 1}}, 7'000'000)).granted);
    EXPECT_EQ(taken(store()), "1: c creation");
}

// Each waits for what the other has not got: who came first must be ahead on both.
TEST_P(StoreContract, TwoWhoWaitForTheSameTwoDoNotBlockEachOther) {
    const std::vector<SlotClaim> both = {{"a", 1}, {"b", 1}};
    for (const char* id : {"has_a", "has_b", "v1", "v2"}) begun(store(), id);
    const auto ask = [&](const char* id, std::vector<SlotClaim> claims, std::int64_t when) {
        return saved(store(), asking(load_one(store(), id).value(), std::move(claims), when));
    };
    const Vm has_b = ask("has_b", {{"b", 1}}, 1'000'000);
    ask("v2", both, 2'000'000);
    Vm has_a = ask("has_a", {{"a", 1}}, 3'000'000);
    ask("v1", both, 4'000'000);
    ask("v2", both, 5'000'000);
    saved(store(), leaving(has_a, "set_ip"));
    ask("v1", both, 6'000'000);
    saved(store(), leaving(has_b, "set_ip"));
    ASSERT_EQ(taken(store()), "");

    EXPECT_FALSE(gets_through(store(), "v1", both, at(7'000'000))) << "v2 has waited longer";
    EXPECT_TRUE(gets_through(store(), "v2", both, at(8'000'000)));
    EXPECT_TRUE(gets_through(store(), "v1", both, at(9'000'000)));
}

TEST_P(StoreContract, OfTwoWhoBeganToWaitAtOnceTheFirstByNameIsAhead) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    saved(store(), asking(begun(store(), "c"), {{clones, 1}}, 3'000'000));
    saved(store(), asking(begun(store(), "b"), {{clones, 1}}, 3'000'000));

    save_one(store(), leaving(a, "set_ip"));

    EXPECT_EQ(wake_of(store(), "b"), 2'000'000);
    EXPECT_FALSE(gets_through(store(), "c", {{clones, 1}}, at(4'000'000)));
    EXPECT_TRUE(gets_through(store(), "b", {{clones, 1}}, at(5'000'000)));
    EXPECT_TRUE(gets_through(store(), "c", {{clones, 1}}, at(6'000'000)));
}

TEST_P(StoreContract, AQueueBeforeOneStorageLeavesTheClusterToTheOthers) {
    const std::vector<SlotClaim> slow = {{"cluster", 4}, {"slow", 1}};
    const std::vector<SlotClaim> quick = {{"cluster", 4}, {"quick", 2}};
    const auto ask = [&](std::string_view id, const std::vector<SlotClaim>& claims) {
        return saved(store(), asking(begun(store(), id), claims));
    };
    const Vm first = ask("a", slow);
    for (const char* id : {"b", "c", "d", "e"}) ask(id, slow);

    ask("f", quick);
    ask("g", quick);

    EXPECT_EQ(taken(store()),
              "1: a creation (cluster), 2: f creation (cluster), 3: g creation (cluster), "
              "1: f creation (quick), 2: g creation (quick), 1: a creation (slow)");
    // The fourth of the cluster is for b, which is the next of the queue.
    begun(store(), "h");
    EXPECT_FALSE(gets_through(store(), "h", {{"cluster", 4}}, at(3'000'000)));
    save_one(store(), leaving(first, "set_ip"));
    for (const char* id : {"b", "c", "d", "e"})
        EXPECT_TRUE(gets_through(store(), id, slow, at(4'000'000))) << id;
}

// A limit of 0 lets nobody in, and whoever tries keeps nobody out elsewhere.
TEST_P(StoreContract, WhoWaitsForWhatIsClosedHoldsNobodyUp) {
    const Vm a = begun(store(), "a");
    EXPECT_FALSE(save_one(store(), asking(a, {{clones, 1}, {"closed", 0}})).granted);

    EXPECT_TRUE(save_one(store(), asking(begun(store(), "b"), {{clones, 1}})).granted);
}

// What is left of a resource is for those who lack it.
TEST_P(StoreContract, HoldsNobodyUpForWhatAVmHasAlready) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 2}}));
    saved(store(), asking(begun(store(), "b"), {{"z", 1}}));

    EXPECT_FALSE(save_one(store(), asking(a, {{clones, 2}, {"z", 1}})).granted);

    begun(store(), "c");
    EXPECT_TRUE(gets_through(store(), "c", {{clones, 2}}, at(4'000'000)));
}

TEST_P(StoreContract, KeepsTheTurnOfWhoHoldsWhatOthersWaitFor) {
    const std::vector<SlotClaim> both = {{clones, 1}, {"z", 1}};
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    const Vm b = saved(store(), asking(begun(store(), "b"), {{"z", 1}}));
    saved(store(), asking(begun(store(), "older"), {{clones, 1}}, 3'000'000));
    saved(store(), asking(a, both, 4'000'000));
    saved(store(), asking(begun(store(), "younger"), {{"z", 1}}, 5'000'000));

    save_one(store(), leaving(b, "set_ip"));

    EXPECT_FALSE(gets_through(store(), "younger", {{"z", 1}}, at(6'000'000)));
    EXPECT_TRUE(gets_through(store(), "a", both, at(7'000'000)));
}

TEST_P(StoreContract, GrantsAllSlotsOrNone) {
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    Vm c = begun(store(), "c");
    saved(store(), asking(a, {{"z", 1}}));

    EXPECT_FALSE(save_one(store(), asking(b, {{"z", 1}, {clones, 1}})).granted);
    EXPECT_EQ(taken(store()), "1: a creation (z)");
    c = saved(store(), asking(c, {{"x", 1}, {"y", 1}}));
    EXPECT_EQ(taken(store()), "1: c creation (x), 1: c creation (y), 1: a creation (z)");
    saved(store(), leaving(c, "set_ip"));
    EXPECT_EQ(taken(store()), "1: a creation (z)");
}

TEST_P(StoreContract, GrantsASlotOnceToWhoAsksTwice) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 2}}));

    EXPECT_TRUE(save_one(store(), asking(a, {{clones, 2}})).granted);

    EXPECT_EQ(taken(store()), "1: a creation");
}

TEST_P(StoreContract, KeepsWhatAVmHoldsWhenItAsksForMoreInVain) {
    Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    const Vm b = saved(store(), asking(begun(store(), "b"), {{"z", 1}}));

    EXPECT_FALSE(save_one(store(), asking(a, {{clones, 1}, {"y", 1}, {"z", 1}})).granted);

    EXPECT_EQ(taken(store()), "1: a creation, 1: b creation (z)");
    saved(store(), leaving(b, "set_ip"));
    a = load_one(store(), "a").value();
    EXPECT_TRUE(save_one(store(), asking(a, {{clones, 1}, {"y", 1}, {"z", 1}})).granted);
    EXPECT_EQ(taken(store()), "1: a creation, 1: a creation (y), 1: a creation (z)");
}

// The sweep would take it away in the middle of the later step, and give it to somebody else.
TEST_P(StoreContract, ASlotLeftFromAnEarlierStepIsTheLaterOnesOnceItIsGranted) {
    Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    a = saved(store(), step_to(a, "set_ip"));

    EXPECT_TRUE(save_one(store(), asking(a, {{clones, 1}}, 5'000'000)).granted);

    EXPECT_EQ(taken(store()), "1: a set_ip");
    EXPECT_EQ(store().slots().at(0).taken_at, at(5'000'000));
    EXPECT_EQ(store().sweep_slots(at(10'000'000)), 0);
    EXPECT_FALSE(save_one(store(), asking(begun(store(), "b"), {{clones, 1}})).granted);
}

// Or two who carry one slot each, and want the other's, would hold them for ever.
TEST_P(StoreContract, ASlotLeftFromAnEarlierStepIsNotKeptByWaiting) {
    Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    saved(store(), asking(begun(store(), "b"), {{"z", 1}}));
    a = saved(store(), step_to(a, "set_ip"));

    EXPECT_FALSE(save_one(store(), asking(a, {{clones, 1}, {"z", 1}})).granted);

    EXPECT_EQ(store().sweep_slots(at(10'000'000)), 1);
    EXPECT_EQ(taken(store()), "1: b creation (z)");
}

TEST_P(StoreContract, GrantsNothingToWhoLostTheRace) {
    const Vm a = begun(store(), "a");
    saved(store(), step_to(a, "set_ip"));

    const Saved late = save_one(store(), asking(a, {{clones, 1}}));

    EXPECT_FALSE(late.won || late.granted);
    EXPECT_EQ(taken(store()), "");
}

TEST_P(StoreContract, CountsWhatIsHeldWhenALimitIsLowered) {
    saved(store(), asking(begun(store(), "a"), {{clones, 3}}));
    const Vm b = saved(store(), asking(begun(store(), "b"), {{clones, 3}}));
    saved(store(), asking(begun(store(), "c"), {{clones, 3}}));
    saved(store(), leaving(b, "set_ip"));

    EXPECT_EQ(taken(store()), "1: a creation, 3: c creation");
    EXPECT_FALSE(save_one(store(), asking(begun(store(), "d"), {{clones, 2}})).granted);
    EXPECT_TRUE(save_one(store(), asking(begun(store(), "e"), {{"x", 1}})).granted);
}

// They could wait for each other's slots in a circle.
TEST_P(StoreContract, ASaveOfSeveralThatClaimIsRefused) {
    const Vm a = begun(store(), "a");
    const Vm b = begun(store(), "b");
    const std::vector<Change> both = {asking(a, {{clones, 1}}), step_to(b, "set_ip")};

    EXPECT_THROW(store().save(both), std::logic_error);

    EXPECT_EQ(taken(store()), "");
    EXPECT_EQ(load_one(store(), "b")->state, "creation");
}

// Terminate came in between: its commits know nothing of the slot.
TEST_P(StoreContract, SweepsSlotsOfVmsThatStandElsewhere) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    const Vm b = saved(store(), asking(begun(store(), "b"), {{clones, 1}}));
    EXPECT_EQ(store().sweep_slots(at(10'000'000)), 0);
    save_one(store(), step_to(a, "terminate"));
    EXPECT_EQ(taken(store()), "1: a creation");

    EXPECT_EQ(store().sweep_slots(at(10'000'000)), 1);

    EXPECT_EQ(taken(store()), "");
    EXPECT_EQ(wake_of(store(), "b"), 10'000'000);
    EXPECT_TRUE(save_one(store(), asking(b, {{clones, 1}})).granted);
}

// Who waited and was terminated holds nobody up.
TEST_P(StoreContract, PassesOverWaitersThatStandElsewhere) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    const Vm b = saved(store(), asking(begun(store(), "b"), {{clones, 1}}, 3'000'000));
    const Vm c = saved(store(), asking(begun(store(), "c"), {{clones, 1}}, 4'000'000));
    save_one(store(), step_to(b, "terminate"));

    save_one(store(), leaving(a, "set_ip"));

    EXPECT_EQ(wake_of(store(), "c"), 2'000'000);
    EXPECT_TRUE(save_one(store(), asking(c, {{clones, 1}})).granted);
}

// Its step fails before it comes to ask. It keeps its turn for when it asks again.
TEST_P(StoreContract, PassesOverWaitersThatDoNotAskAgain) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    Change poll = asking(begun(store(), "b"), {{clones, 1}}, 3'000'000);
    poll.next.wake_at = at(5'000'000);
    Vm b = saved(store(), poll);
    saved(store(), asking(begun(store(), "c"), {{clones, 1}}, 4'000'000));
    b = saved(store(), again(b));
    Change leaves = leaving(a, "set_ip");
    leaves.log.ended = at(63'000'000);
    save_one(store(), leaves);
    EXPECT_EQ(wake_of(store(), "b"), 5'000'000) << "not woken";
    EXPECT_EQ(wake_of(store(), "c"), 63'000'000) << "woken";

    Vm c = load_one(store(), "c").value();
    c = saved(store(), asking(c, {{clones, 1}}, 63'000'000));
    EXPECT_EQ(taken(store()), "1: c creation");

    begun(store(), "d");
    EXPECT_FALSE(gets_through(store(), "d", {{clones, 1}}, at(64'000'000)));
    EXPECT_FALSE(gets_through(store(), "b", {{clones, 1}}, at(65'000'000)));
    save_one(store(), leaving(c, "set_ip"));
    EXPECT_FALSE(gets_through(store(), "d", {{clones, 1}}, at(66'000'000))) << "b is older";
    EXPECT_TRUE(gets_through(store(), "b", {{clones, 1}}, at(67'000'000)));
}

TEST_P(StoreContract, AWaiterThatIsLateByAPollOrTwoIsWaitedFor) {
    const Vm a = saved(store(), asking(begun(store(), "a"), {{clones, 1}}));
    saved(store(), asking(begun(store(), "b"), {{clones, 1}}, 60'000'000));  // next at 90 s
    save_one(store(), leaving(a, "set_ip"));

    begun(store(), "c");
    EXPECT_FALSE(gets_through(store(), "c", {{clones, 1}}, at(149'000'000)));
    EXPECT_TRUE(gets_through(store(), "c", {{clones, 1}}, at(150'000'000)));
}

TEST_P(StoreContract, KeepsATaskEvenOfAStepThatLostItsRace) {
    const Vm vm = begun(store(), "5546");
    saved(store(), step_to(vm, "set_ip"));
    Change late = step_to(vm, "clone");
    late.tasks = {{.upid = "UPID:pve1:1:",
                   .cluster = "east",
                   .service_id = "5546",
                   .run = 1,
                   .step = "clone",
                   .started_at = at(1),
                   .deadline = at(2)}};

    EXPECT_FALSE(save_one(store(), late).won);

    const std::vector<TaskRow> tasks = store().tasks("5546", 0);
    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].upid + tasks[0].cluster + tasks[0].step, "UPID:pve1:1:eastclone");
    EXPECT_EQ(tasks[0].started_at, at(1));
    EXPECT_EQ(tasks[0].deadline, at(2));
    EXPECT_EQ(tasks[0].ended_at, std::nullopt);
}

TEST_P(StoreContract, RemembersHowATaskEnded) {
    Vm vm = begun(store(), "5546");
    const TaskRow task{.upid = "UPID:pve1:1:", .service_id = "5546", .run = 1, .started_at = at(1)};
    Change change = step_to(vm, "set_ip");
    change.tasks = {task};
    vm = saved(store(), change);
    change = step_to(vm, "clone");
    change.tasks = {task};
    change.tasks[0].ended_at = at(5);
    change.tasks[0].exit_status = "OK";
    vm = saved(store(), change);
    // Old news, from a process that does not know: what has ended stays so.
    change = step_to(vm, "set_dns");
    change.tasks = {task};
    saved(store(), change);

    const TaskRow now = store().tasks("5546", 1).at(0);
    EXPECT_EQ(now.ended_at, at(5));
    EXPECT_EQ(now.exit_status, "OK");
    EXPECT_TRUE(store().tasks("5546", 2).empty());
    EXPECT_TRUE(store().tasks("5547", 0).empty());
}

}  // namespace
}  // namespace slipway
