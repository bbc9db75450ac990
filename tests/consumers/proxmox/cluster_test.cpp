// One cluster: what is sent where, with which credentials, and what is never sent twice.

#include "consumers/proxmox/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "consumers/runtime/check.h"
#include "tests/consumers/proxmox/cluster_talk.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

TEST(Cluster, SendsParametersWhereTheyBelong) {
    Talk talk(with_token());
    for (int i = 0; i < 3; ++i) talk.http.answers(200, data_body("null"));

    talk.call(call_named("vm_clone"),
              {{"node", "pve1"},
               {"vmid", 9000},
               {"newid", 100},
               {"name", "a&b c+d"},
               {"full", true},
               {"target", std::optional<std::string>()}});
    EXPECT_EQ(talk.http.header("authorization"), "PVEAPIToken=root@pam!slipway=s-e-c");
    EXPECT_EQ(talk.http.header("content-type"), "application/x-www-form-urlencoded");
    talk.call(call_named("vm_destroy"), {{"node", "pve1"}, {"vmid", 100}, {"purge", true}});
    talk.call(call_named("volume_delete"),
              {{"node", "pve1"}, {"storage", "local"}, {"volume", "local:backup/a b.vma.zst"}});

    EXPECT_EQ(talk.http.take_requests(),
              (Lines{"POST " + one +
                         "/api2/json/nodes/pve1/qemu/9000/clone "
                         "newid=100&name=a%26b%20c%2Bd&full=1",
                     "DELETE " + one + "/api2/json/nodes/pve1/qemu/100?purge=1",
                     "DELETE " + one +
                         "/api2/json/nodes/pve1/storage/local/content/"
                         "local%3Abackup%2Fa%20b.vma.zst"}));
    EXPECT_EQ(talk.http.header("content-type"), "(none)");
}

TEST(Cluster, RefusesToSendWhatItsTableDoesNotKnow) {
    Talk talk(with_token());

    EXPECT_THROW(talk.call(call_named("version"), {{"verbose", true}}), CheckFailed);
    EXPECT_THROW(talk.call(call_named("vm_start"), {{"node", "pve1"}}), CheckFailed);
    EXPECT_THROW(talk.call(call_named("vm_start"), {{"node", ".."}, {"vmid", 1}}), CheckFailed);
    EXPECT_THROW(
        talk.call(call_named("vm_destroy"), {{"node", "a"}, {"vmid", 1}, {"purge", "yes"}}),
        CheckFailed);
    EXPECT_THROW(talk.call(call_named("vm_configure"), {{"node", "a"}, {"vmid", 1}, {"netx", "b"}}),
                 CheckFailed);
}

// Notes how many calls are under way at once, and gives more of them time to come.
class CrowdedHttp final : public Http {
  public:
    HttpAnswer send(const HttpRequest& /*request*/) override {
        std::unique_lock lock(mutex_);
        most_ = std::max(most_, ++under_way_);
        one_more_.wait_for(lock, 2ms, [&] { return under_way_ > 3; });
        --under_way_;
        return {.status = 200, .body = data_body("1")};
    }
    int most() const { return most_; }

  private:
    std::mutex mutex_;
    std::condition_variable one_more_;
    int under_way_ = 0;
    int most_ = 0;
};

TEST(Cluster, IsNeverSentMoreAtOnceThanItsSettingsSay) {
    SimClock clock;
    CrowdedHttp http;
    ClusterSettings settings = with_token();
    settings.calls_at_once = 3;
    ProxmoxCluster cluster(http, clock, settings);

    std::vector<std::jthread> askers;
    for (int i = 0; i < 12; ++i)
        askers.emplace_back([&] {
            for (int call = 0; call < 5; ++call) cluster.send(call_named("version"), {}, {});
        });
    askers.clear();

    EXPECT_EQ(http.most(), 3);
}

TEST(Cluster, GoesToTheNextEndpointIfNothingWasSent) {
    Talk talk(with_token());
    talk.http.fails(Sent::No, "pve1:8006: Connection refused").answers(200, data_body("\"U\""));

    EXPECT_EQ(talk.start(), "\"U\"");
    EXPECT_EQ(talk.http.take_requests(), (Lines{"POST " + one + started, "POST " + two + started}));

    // The sick one is left alone for a second.
    talk.http.answers(200, data_body("1"));
    talk.look();
    EXPECT_EQ(talk.http.take_requests(), (Lines{"GET " + two + "/api2/json/version"}));
}

TEST(Cluster, SendsNothingTwiceThatMayHaveBeenExecuted) {
    Talk talk(with_token());
    talk.http.fails(Sent::Unknown, "pve1:8006: timeout");

    EXPECT_EQ(talk.start(), "unknown: pve1:8006: timeout");

    EXPECT_EQ(talk.http.take_requests().size(), 1U);
}

TEST(Cluster, LooksAgainElsewhereWhateverBecameOfTheFirstLook) {
    Talk talk(with_token());
    talk.http.fails(Sent::Unknown, "pve1:8006: Connection reset").answers(200, data_body("1"));

    EXPECT_EQ(talk.look(), "1");
}

TEST(Cluster, TriesARelayThatFailedBySendingToAnotherNode) {
    Talk talk(with_token());
    talk.http.answers(595, "", "No route to host").answers(200, data_body("\"U\""));
    EXPECT_EQ(talk.start(), "\"U\"");

    talk.http.answers(595, "", "No route to host").answers(595, "", "Connection refused");
    EXPECT_EQ(talk.start(), "not executed: Connection refused");

    // That was the other node's fault: the endpoints are well.
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
    EXPECT_EQ(talk.http.take_requests().back(), "GET " + one + "/api2/json/version");
}

// A node that lost its quorum refuses before it does anything; the others may have kept theirs.
TEST(Cluster, TriesANodeWithQuorumIfThatOneHasNone) {
    Talk talk(with_token());
    talk.http.answers(500, "", "cluster not ready - no quorum?").answers(200, data_body("\"U\""));
    EXPECT_EQ(talk.start(), "\"U\"");

    talk.http.answers(500, "", "cfs-lock 'firewall-vm-101' error: no quorum!")
        .answers(500, "", "cluster not ready - no quorum?");
    EXPECT_EQ(talk.start(), "not executed: cluster not ready - no quorum?");

    talk.http.answers(500, "", "got timeout");
    EXPECT_EQ(talk.start(), "unknown: got timeout");
    EXPECT_TRUE(talk.http.is_used_up());
}

// Four calls under way fall to the same blip: that is one failure, and a pause of one second.
TEST(Cluster, CountsOneBlipOnce) {
    Talk talk(with_token({one}));
    int under_way = 0;
    const ScriptedHttp::Act fail = [&](const HttpRequest&) -> HttpAnswer {
        talk.clock.advance(1ms);
        if (++under_way < 4) talk.look();
        throw HttpError(Sent::No, "reset");
    };
    talk.http.does(fail).does(fail).does(fail).does(fail);
    talk.look();

    talk.clock.advance(1001ms);
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
}

TEST(Cluster, LeavesAnEndpointAloneOnlyForWhatItDid) {
    Talk talk(with_token({one}));
    const ScriptedHttp::Act closed = [](const HttpRequest&) -> HttpAnswer {
        throw HttpError(Sent::Unknown, "a kept connection was closed", Blame::Nobody);
    };
    talk.http.does(closed).answers(200, data_body("1"));

    EXPECT_EQ(talk.start(), "unknown: a kept connection was closed");
    EXPECT_EQ(talk.look(), "1");

    // The same as the one try of a sick one: the next caller has it.
    talk.http.fails(Sent::No, "a");
    talk.look();
    talk.clock.advance(1001ms);
    talk.http.does(closed).answers(200, data_body("2"));
    talk.start();
    EXPECT_EQ(talk.look(), "2");
}

TEST(Cluster, BlamesNoEndpointForATimeThatOthersUsedUp) {
    Talk talk(with_token());
    const auto takes = [&](std::chrono::seconds time) {
        talk.http.does([&talk, time](const HttpRequest&) -> HttpAnswer {
            talk.clock.advance(time);
            throw HttpError(Sent::No, "timeout");
        });
    };
    takes(30s);
    takes(5s);
    EXPECT_EQ(talk.look(), "not executed: timeout");

    talk.http.take_requests();
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
    EXPECT_EQ(talk.http.take_requests(), (Lines{"GET " + two + "/api2/json/version"}));
}

TEST(Cluster, UsesNoTryOfASickEndpointUpWithoutATry) {
    Talk talk(with_token({one}));
    talk.http.fails(Sent::No, "a");
    talk.look();
    talk.clock.advance(1001ms);
    talk.deadline = Deadline{talk.clock.since_boot()};

    EXPECT_TRUE(talk.start().starts_with("not executed: the step's deadline passed"));
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
}

TEST(Cluster, FailsAtOnceWhileAllOfItIsSick) {
    Talk talk(with_token());
    talk.http.fails(Sent::No, "a").fails(Sent::No, "b");
    EXPECT_EQ(talk.start(), "not executed: b");
    talk.http.take_requests();

    EXPECT_TRUE(talk.start().starts_with("not executed: no endpoint of cluster east"));
    EXPECT_EQ(talk.http.take_requests(), Lines());

    // After a second one caller tries, and it pays off for all.
    talk.clock.advance(1001ms);
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
    talk.http.answers(200, data_body("2"));
    EXPECT_EQ(talk.look(), "2");
}

TEST(Cluster, LetsOneCallerAloneTryASickEndpoint) {
    Talk talk(with_token({one}));
    talk.http.fails(Sent::No, "a");
    talk.start();
    talk.clock.advance(1001ms);

    talk.http.does([&](const HttpRequest&) -> HttpAnswer {
        EXPECT_TRUE(talk.look().starts_with("not executed: no endpoint")) << "a second one tried";
        return {.status = 200, .body = data_body("1")};
    });

    EXPECT_EQ(talk.look(), "1");
}

TEST(Cluster, SendsNothingThatChangesSomethingAfterTheDeadline) {
    Talk talk(with_token());
    talk.deadline = Deadline{talk.clock.since_boot() + 20s};
    talk.http.answers(200, data_body("\"U\""));
    EXPECT_EQ(talk.start(), "\"U\"");
    EXPECT_EQ(talk.http.last().send_before, talk.deadline->since_boot);

    talk.clock.advance(20s);
    EXPECT_EQ(talk.start(),
              "not executed: the step's deadline passed before it could act; it looks again");
    talk.http.answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
    EXPECT_EQ(talk.http.last().send_before, std::nullopt);
}

// The deadline counts again before the second endpoint is asked.
TEST(Cluster, SendsNothingElsewhereAfterTheDeadline) {
    Talk talk(with_token());
    talk.deadline = Deadline{talk.clock.since_boot() + 20s};
    talk.http.does([&](const HttpRequest&) -> HttpAnswer {
        talk.clock.advance(21s);
        throw HttpError(Sent::No, "slow");
    });

    EXPECT_TRUE(talk.start().starts_with("not executed: the step's deadline passed"));
    EXPECT_TRUE(talk.http.is_used_up());
}

TEST(Cluster, HasOneTimeoutForAllEndpointsTogether) {
    Talk talk(with_token());
    talk.http
        .does([&](const HttpRequest&) -> HttpAnswer {
            talk.clock.advance(30s);
            throw HttpError(Sent::No, "slow");
        })
        .answers(200, data_body("1"));

    talk.look();

    EXPECT_EQ(talk.http.last().timeout, 5s);
}

TEST(Cluster, HidesSecretsThatProxmoxQuotes) {
    Talk talk(with_token());
    talk.http.answers(
        400,
        R"({"errors":{"cipassword":"wrong - got 'hun\"ter2'"},"data":null,"message":"x"})",
        "got 'hun\"ter2'");

    try {
        talk.cluster.send(call_named("vm_configure"),
                          {{"node", "pve1"}, {"vmid", 100}, {"cipassword", "hun\"ter2"}},
                          std::nullopt);
        FAIL();
    } catch (const ProxmoxError& error) {
        EXPECT_STREQ(error.what(),
                     "PUT /nodes/pve1/qemu/100/config: 400 cipassword: wrong - got '***'");
    }
}

TEST(Cluster, WantsSettingsThatMakeSense) {
    struct Row {
        ClusterSettings settings;
        std::string_view wrong;
    };
    const Row rows[] = {
        {{}, "no endpoint is given; it needs one like https://pve1.example:8006"},
        {{.endpoints = {"http://a"}, .token = "a@b!c=d"},
         "an endpoint begins with https://; credentials go nowhere in the clear"},
        {{.endpoints = {"https://a/api2"}, .token = "a@b!c=d"},
         "an endpoint ends with its port; the path is ours to know"},
        {{.endpoints = {"https://10.0.1:8006"}, .token = "a@b!c=d"},
         "an address has numbers for a host that are no whole IP address; it should be like "
         "https://host:8006"},
        {{.endpoints = {one}}, "there is neither a token nor a user with a password"},
        {{.endpoints = {one}, .token = "a@b=d"}, "the token is not user@realm!name=secret"},
        {{.endpoints = {one}, .token = "a!c=d"}, "the token is not user@realm!name=secret"},
        {{.endpoints = {one}, .token = "a@b!c="}, "the token is not user@realm!name=secret"},
        {{.endpoints = {one}, .user = "root", .password = "a"}, "the user is not user@realm"},
        {{.endpoints = {one}, .user = "root@pam"}, "the user has no password"},
        {{.endpoints = {one}, .token = "a@b!c=d", .trust = {.sha256 = "AB,CD"}},
         "a SHA-256 fingerprint has 64 hex digits, not 2; pvenode cert info shows it, and commas "
         "separate those of several nodes"},
    };
    for (const Row& row : rows) {
        try {
            check_settings(row.settings);
            ADD_FAILURE() << row.wrong;
        } catch (const Error& error) {
            EXPECT_EQ(error.what(), "cluster proxmox: " + std::string(row.wrong));
        }
    }
    EXPECT_NO_THROW(check_settings(with_token()));
}

}  // namespace
}  // namespace slipway
