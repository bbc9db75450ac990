// Every kind of request at every moment of every pipeline: in the middle of each save of its walk,
// before and after the save's effect, another process admits the request.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"

namespace slipway {
namespace {

const std::vector<std::string> one_vm{"5546"};

struct Arrival {
    const Pipeline& pipeline;  // what the VM is doing
    std::string_view request;  // what arrives
    Moment moment;
    int save;  // in the middle of which save, from 1
};

// What the rules said when it arrived; nothing if there are not so many saves.
std::optional<Admission> arrive(Town& town, const Arrival& arrival, const std::string& id) {
    prepare_for(town, arrival.pipeline, one_vm);
    std::optional<Admission> ruling;
    int saves = 0;
    town.faults.set([&](const Call& call) {
        if (call.what != "store.save" || call.moment != arrival.moment) return;
        if (++saves != arrival.save) return;
        const Vm vm = town.vm(one_vm.front());
        ruling = rule_on(arrival.request, &vm).admission;
        town.order(
            {.service_id = one_vm.front(), .pipeline = std::string(arrival.request), .id = id});
        town.stop(call.process);
        town.run_until(
            [&] {
                return !town.store->requests({&id, 1}).empty();
            },
            std::chrono::seconds(60));
        town.go_on(call.process);
    });
    town.order({.service_id = one_vm.front(), .pipeline = std::string(arrival.pipeline.name)});
    EXPECT_TRUE(comes_to_rest(town));
    town.faults.clear();
    return ruling;
}

void expect_ruled(Town& town, Admission ruling, const std::string& id) {
    const RequestRow row = town.store->requests({&id, 1}).at(0);
    const std::string state = town.vm(one_vm.front()).state;
    if (ruling == Admission::Reject) {
        EXPECT_EQ(row.status, "rejected");
    } else if (ruling == Admission::Queue && (state == state_remove || state == state_parked)) {
        EXPECT_EQ(row.status, "rejected") << "behind a VM that is " << state;
    } else {
        EXPECT_EQ(row.status, "done") << row.why;
    }
}

TEST(EveryRequest, IsAnsweredWheneverItArrives) {
    int arrivals = 0;
    for (const Pipeline* pipeline : pipelines())
        for (const Rule& rule : rules())
            for (const Moment moment : {Moment::Before, Moment::After})
                for (int save = 1;; ++save) {
                    SCOPED_TRACE(fmt::format("{} {} save {} of {}",
                                             rule.request,
                                             moment == Moment::Before ? "before" : "after",
                                             save,
                                             pipeline->name));
                    Town town({.processes = 2});
                    const auto began = town.clock.since_boot();
                    const auto ruling =
                        arrive(town, {*pipeline, rule.request, moment, save}, "arrival");
                    if (!ruling) break;
                    ++arrivals;
                    expect_ruled(town, *ruling, "arrival");
                    // Nobody waited for a grace to pass: who queues is served at once.
                    EXPECT_LT(town.clock.since_boot() - began, std::chrono::seconds(45));
                    if (HasFailure()) return;
                }
    EXPECT_GT(arrivals, 50);
}

TEST(EveryRequest, IsAnsweredByAVmThatIsParked) {
    for (const Rule& rule : rules()) {
        SCOPED_TRACE(rule.request);
        Town town({});
        town.order({.service_id = "5546", .pipeline = "rehearse"});
        ASSERT_TRUE(comes_to_rest(town));
        town.order({.service_id = "5546",
                    .pipeline = "rehearse_end",
                    .plan = R"("fail": {"vm_deleted": 1})"});
        ASSERT_TRUE(comes_to_rest(town));
        ASSERT_EQ(town.vm("5546").state, state_parked);

        const std::string id =
            town.order({.service_id = "5546", .pipeline = std::string(rule.request)});

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.store->requests({&id, 1}).at(0).status,
                  rule.parked == Admission::Reject ? "rejected" : "done");
    }
}

TEST(EveryRequest, IsDoneOnceHoweverOftenItIsRead) {
    for (const Rule& rule : rules()) {
        SCOPED_TRACE(rule.request);
        Town town({.processes = 2});
        town.bus.weather.doubled = 1;
        prepare_for(town, *find_pipeline(rule.request), one_vm);
        const auto runs = town.store->runs(one_vm.front(), 10).size();

        for (int times = 0; times < 5; ++times)
            town.order({.service_id = one_vm.front(),
                        .pipeline = std::string(rule.request),
                        .id = "the same order"});

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.store->runs(one_vm.front(), 10).size(), runs + 1);
    }
}

TEST(AQueue, IsServedOldestFirst) {
    Town town({});
    for (int i = 1; i <= 3; ++i)
        town.order(
            {.service_id = "5546", .pipeline = "rehearse", .id = fmt::format("order-{}", i)});

    ASSERT_TRUE(comes_to_rest(town));

    std::string order;
    auto runs = town.store->runs("5546", 10);
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) order += run->request_id + ' ';
    EXPECT_EQ(order, "order-1 order-2 order-3 ");
}

TEST(AQueue, BehindAVmThatIsParkedIsRejected) {
    Town town({});
    town.order({.service_id = "5546", .pipeline = "rehearse"});
    ASSERT_TRUE(comes_to_rest(town));
    town.order({.service_id = "5546",
                .pipeline = "rehearse_end",
                .plan = R"("wait_ms": {"stopped": 5000}, "fail": {"vm_deleted": 1})"});
    town.run_for(std::chrono::seconds(1));

    const std::string id = town.order({.service_id = "5546", .pipeline = "rehearse"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").state, state_parked);
    EXPECT_EQ(town.store->requests({&id, 1}).at(0).status, "rejected");
}

}  // namespace
}  // namespace slipway
