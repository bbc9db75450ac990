// Deploy where something goes wrong: answers are lost, tasks lie, and others use the same Proxmox.

#include <fmt/format.h>

#include <algorithm>

#include "tests/story/deploy_story.h"

namespace slipway {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

void break_after(Town& town, const std::string& part) {
    at_call(town, {part, Moment::After, [] { connection_breaks(Moment::After); }});
}

void misbehave(Town& town, sandbox::Rule rule) {
    town.lab.proxmox->misbehaviour().add(std::move(rule));
}

// Somebody changes the disk between our look and our change: both are there in the end.
TEST(DeployInTrouble, WritesOverNothingThatSomebodyChangedMeanwhile) {
    Town town({});
    at_call(town,
            {"PUT /api2/json/nodes/pve2/qemu/1000/config",
             Moment::Before,
             [&] { town.lab.cluster().guests.at(1000).config["scsi0"] += ",ssd=1"; },
             /*nth=*/2});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    const std::string disk = machine(town).get("scsi0");
    EXPECT_TRUE(has(disk, "ssd=1")) << disk;
    EXPECT_TRUE(has(disk, "mbps_wr=")) << disk;
}

TEST(DeployInTrouble, TakesAnotherNumberIfSomebodyElseWasFaster) {
    Town town({});
    at_call(town, {"POST /api2/json/nodes/pve1/qemu/9000/clone", Moment::Before, [&] {
                       sandbox::Guest stranger{.id = 1000, .node = "pve1"};
                       stranger.config["name"] = "strangers-own";
                       town.lab.cluster().guests.emplace(1000, stranger);
                   }});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").vmid, 1001);
    EXPECT_EQ(machine(town, 1000).get("name"), "strangers-own");
    EXPECT_EQ(machine(town, 1000).get("cores"), "");
    EXPECT_TRUE(
        has(newest_log(town), "another number than 1000, which is somebody else's machine"));
}

TEST(DeployInTrouble, ClonesOnceThoughTheAnswerWasLost) {
    Town town({});
    break_after(town, "POST /api2/json/nodes/pve1/qemu/9000/clone");

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").vmid, 1000);
    EXPECT_EQ(town.lab.cluster().guests.size(), 4U);
    EXPECT_TRUE(has(newest_log(town), "a clone into our number, whose beginning nobody heard of"));
}

// The request that failed was the second one; the first is only being heard now.
TEST(DeployInTrouble, WaitsForACloneThatIsHeardLate) {
    Town town({});
    misbehave(town,
              {.fault = sandbox::Fault::TaskFails, .method = "POST", .path = "/qemu/9000/clone"});
    at_call(town,
            {"GET /api2/json/cluster/resources",
             Moment::Before,
             [&] { town.lab.hear_again(); },
             /*nth=*/2});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").vmid, 1000);
    EXPECT_EQ(town.lab.cluster().guests.size(), 4U);
    EXPECT_TRUE(has(newest_log(town), "a clone into our number, whose beginning nobody heard of"));
}

TEST(DeployInTrouble, KeepsItsSlotsWhileItsTaskCannotBeSeen) {
    Town town({});
    town.redeclare("{name: local-lvm}", "{name: local-lvm, clones: 1}");
    misbehave(
        town,
        {.fault = sandbox::Fault::NotConnected, .path = "/nodes/pve1/tasks", .nth = 2, .times = 3});
    std::ptrdiff_t most = 0;
    town.faults.set([&](const Call& call) {
        if (!has(call.what, "/clone")) return;
        const auto& guests = town.lab.cluster().guests;
        most = std::max(most, std::count_if(guests.begin(), guests.end(), [](const auto& guest) {
                            return guest.second.get("lock") == "clone";
                        }));
    });

    for (const char* service : {"5546", "5547", "5548"})
        town.order({.service_id = service, .pipeline = "deploy", .package = "vps-full"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(most, 1);
}

TEST(DeployInTrouble, StaysIfItsMoveIsRefused) {
    Town town({});
    misbehave(town,
              {.fault = sandbox::Fault::ErrorBefore,
               .method = "POST",
               .path = "/migrate",
               .text = "storage 'local-lvm' is not available on node 'pve2'"});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(machine(town).node, "pve1");
    EXPECT_TRUE(has(newest_log(town), "stays on pve1: storage 'local-lvm' is not available"))
        << newest_log(town);
}

TEST(DeployInTrouble, PassesOverANodeThatDoesNotAnswer) {
    Town town({});
    misbehave(town,
              {.fault = sandbox::Fault::NotConnected, .path = "/nodes/pve2/storage", .times = 0});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(machine(town).node, "pve1");
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(DeployInTrouble, BelievesNoTaskThatSaysItIsDone) {
    for (const char* path :
         {"/qemu/9000/clone", "/migrate", "/resize", "/qemu/1000/config", "/status/start"})
        for (const sandbox::Fault fault :
             {sandbox::Fault::TaskLies, sandbox::Fault::TaskFails, sandbox::Fault::TaskFailsLate}) {
            SCOPED_TRACE(fmt::format("{} {}", path, name_of(fault)));
            Town town({});
            const std::string method = path == std::string_view("/resize") ? "PUT" : "POST";
            misbehave(town, {.fault = fault, .method = method, .path = path});

            order_one(town);

            ASSERT_TRUE(comes_to_rest(town));
            EXPECT_EQ(town.vm("5546").state, state_ready);
        }
}

TEST(DeployInTrouble, MakesTheAdditionalDiskOnceThoughTheAnswerWasLost) {
    for (const sandbox::Fault fault : {sandbox::Fault::ResetAfter,
                                       sandbox::Fault::TaskFailsLate,
                                       sandbox::Fault::BrokenRelay,
                                       sandbox::Fault::ErrorAfter}) {
        SCOPED_TRACE(name_of(fault));
        Town town({});
        misbehave(town, {.fault = fault, .method = "POST", .path = "/qemu/1000/config"});

        order_one(town);

        ASSERT_TRUE(comes_to_rest(town));
        EXPECT_EQ(town.vm("5546").state, state_ready);
    }
}

// The task made the volume and died before it was written into the configuration.
TEST(DeployInTrouble, TakesTheVolumeThatADyingTaskHasLeft) {
    Town town({});
    misbehave(
        town,
        {.fault = sandbox::Fault::TaskFailsLate, .method = "POST", .path = "/qemu/1000/config"});
    bool forgotten = false;
    town.faults.set([&](const Call& call) {
        auto& guests = town.lab.cluster().guests;
        if (forgotten || !call.what.starts_with("http.") || !guests.contains(1000)) return;
        forgotten = guests.at(1000).config.erase("scsi1") > 0;
    });

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_TRUE(forgotten);
    EXPECT_TRUE(has(newest_log(town), "the disk was not made")) << newest_log(town);
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(DeployInTrouble, GoesOnWithoutADnsProviderAndSaysWhichRecordsAreMissing) {
    Town town({});
    town.faults.set([](const Call& call) {
        if (call.moment == Moment::Before && has(call.what, "/client/v4"))
            connection_breaks(Moment::Before);
    });

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").state, state_ready);
    EXPECT_TRUE(has(newest_log(town), "Configure DNS records     success: cloudflare"))
        << newest_log(town);
    EXPECT_EQ(town.store->dns_records("5546").size(), 6U);
}

TEST(DeployInTrouble, StartsAMachineAgainThatDoesNotRun) {
    Town town({});
    misbehave(town, {.fault = sandbox::Fault::TaskLies, .path = "/status/start", .times = 3});

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_TRUE(machine(town).run.has_value());
    EXPECT_TRUE(has(newest_log(town), "VM failed to start (status: stopped)")) << newest_log(town);
}

// What was seen to run may have fallen over a moment later: nobody is told that it is ready.
TEST(DeployInTrouble, StartsAMachineAgainThatStoppedAtOnce) {
    Town town({});
    bool stopped = false;
    town.faults.set([&](const Call& call) {
        if (stopped || call.moment != Moment::After) return;
        if (!has(call.what, "/status/current")) return;
        auto& guest = town.lab.cluster().guests.at(1000);
        stopped = guest.run.has_value();
        guest.run.reset();
    });

    order_one(town);

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_TRUE(stopped);
    EXPECT_TRUE(machine(town).run.has_value());
    EXPECT_EQ(town.vm("5546").state, state_ready);
    EXPECT_TRUE(has(newest_log(town), "VM failed to start (status: stopped)")) << newest_log(town);
}

TEST(DeployInTrouble, WaitsForALockAndDoesNotFail) {
    Town town({});
    at_call(town, {"PUT /api2/json/nodes/pve2/qemu/1000/resize", Moment::Before, [&] {
                       town.lab.cluster().guests.at(1000).config["lock"] = "backup";
                   }});
    order_one(town);
    town.run_for(minutes(5));
    EXPECT_TRUE(has(newest_log(town), "waiting: the machine is locked (backup)"))
        << newest_log(town);

    town.lab.cluster().guests.at(1000).config.erase("lock");

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

TEST(DeployInTrouble, TouchesNoMachineThatIsNotOurs) {
    Town town({});
    at_call(town, {"PUT /api2/json/nodes/pve2/qemu/1000/resize", Moment::Before, [&] {
                       town.lab.cluster().guests.at(1000).config["description"] = "mine now";
                   }});
    order_one(town);
    town.run_for(hours(1));
    const auto calls = town.lab.changes();

    town.run_for(hours(1));

    EXPECT_EQ(town.lab.changes(), calls);
    EXPECT_TRUE(has(town.vm("5546").last_error, "does not carry our mark"));
}

}  // namespace
}  // namespace slipway
