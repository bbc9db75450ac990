// One cluster: what is sent where, with which credentials, and what is never sent twice.

#include "consumers/proxmox/cluster.h"

#include <gtest/gtest.h>

#include "consumers/runtime/check.h"
#include "tests/consumers/proxmox/scripted_http.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

const std::string one = "https://pve1:8006";
const std::string two = "https://pve2:8006";
const std::string ticket_body =
    data_body(R"({"ticket":"PVE:root@pam:1::a+b","CSRFPreventionToken":"1:x"})");

ClusterSettings with_token() {
    return {.name = "east", .endpoints = {one, two}, .token = "root@pam!slipway=s-e-c"};
}

ClusterSettings with_password() {
    return {.name = "east", .endpoints = {one}, .user = "root@pam", .password = "pass word"};
}

struct Talk {
    SimClock clock = {};
    ScriptedHttp http = {};
    ProxmoxCluster cluster;
    std::optional<Deadline> deadline = {};

    explicit Talk(ClusterSettings settings) : cluster(http, clock, std::move(settings)) {}

    std::string call(const PveCall& which, const std::vector<Argument>& arguments) {
        try {
            return cluster.send(which, arguments, deadline).data.dump();
        } catch (const ProxmoxError& error) {
            return std::string(fault_name(error.fault)) + ": " + error.text;
        }
    }
    std::string start() { return call(call_named("vm_start"), {{"node", "pve1"}, {"vmid", 100}}); }
    std::string look() { return call(call_named("version"), {}); }
};

const std::string started = "/api2/json/nodes/pve1/qemu/100/status/start";

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
    ClusterSettings settings = with_token();
    settings.endpoints = {one};
    Talk talk(settings);
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

TEST(Cluster, LogsInForWhatTokensMayNotDo) {
    ClusterSettings settings = with_token();
    settings.user = "root@pam";
    settings.password = "pass word";
    Talk talk(settings);
    talk.http.answers(200, ticket_body).answers(200, data_body("null"));

    talk.call(call_named("vm_unlock"),
              {{"node", "pve1"}, {"vmid", 100}, {"delete", "lock"}, {"skiplock", true}});

    EXPECT_EQ(talk.http.take_requests(),
              (Lines{"POST " + one +
                         "/api2/json/access/ticket "
                         "username=root%40pam&password=pass%20word",
                     "PUT " + one +
                         "/api2/json/nodes/pve1/qemu/100/config "
                         "delete=lock&skiplock=1"}));
    EXPECT_EQ(talk.http.header("cookie"), "PVEAuthCookie=PVE%3Aroot%40pam%3A1%3A%3Aa%2Bb");
    EXPECT_EQ(talk.http.header("csrfpreventiontoken"), "1:x");
    EXPECT_EQ(talk.http.header("authorization"), "(none)");

    Talk poor(with_token());
    EXPECT_EQ(poor.call(call_named("vm_unlock"), {{"node", "pve1"}, {"vmid", 100}}),
              "forbidden: no token may do this; cluster east needs a user with a password as well");
}

TEST(Cluster, RenewsATicketWithItself) {
    Talk talk(with_password());
    talk.http.answers(200, ticket_body).answers(200, data_body("1"));
    talk.look();
    EXPECT_EQ(talk.http.header("csrfpreventiontoken"), "(none)") << "a look needs none";
    talk.clock.advance(59min);
    talk.http.answers(200, data_body("2"));
    EXPECT_EQ(talk.look(), "2");
    talk.http.take_requests();

    talk.clock.advance(2min);
    talk.http.answers(200, ticket_body).answers(200, data_body("3"));
    EXPECT_EQ(talk.look(), "3");
    EXPECT_EQ(talk.http.take_requests().front(),
              "POST " + one +
                  "/api2/json/access/ticket "
                  "username=root%40pam&password=PVE%3Aroot%40pam%3A1%3A%3Aa%2Bb");

    // Slept for a day: the ticket is dead, the password is not.
    talk.clock.advance(24h);
    talk.http.answers(200, ticket_body).answers(200, data_body("4"));
    EXPECT_EQ(talk.look(), "4");
    EXPECT_TRUE(talk.http.take_requests().front().ends_with("password=pass%20word"));
}

TEST(Cluster, LogsInAgainWhenATicketIsNotBelieved) {
    Talk talk(with_password());
    talk.http.answers(200, ticket_body).answers(200, data_body("1"));
    talk.look();

    talk.http.answers(401, "", "Authentication failed!")
        .answers(200, ticket_body)
        .answers(200, data_body("\"U\""));
    EXPECT_EQ(talk.start(), "\"U\"");

    talk.http.answers(401, "", "Authentication failed!")
        .answers(200, ticket_body)
        .answers(401, "", "Authentication failed!");
    EXPECT_EQ(talk.start(), "forbidden: Authentication failed!");
}

TEST(Cluster, SaysWhatToDoAboutASecondFactor) {
    Talk talk(with_password());
    talk.http.answers(
        200, data_body(R"({"ticket":"PVE:!tfa!x","CSRFPreventionToken":"1","NeedTFA":1})"));

    EXPECT_EQ(talk.look(),
              "forbidden: root@pam has a second factor; use a token, or a user without");
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
