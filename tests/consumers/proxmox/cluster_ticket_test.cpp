// One cluster's tickets: who logs in, when, in whose time, and what the others do meanwhile.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/consumers/proxmox/cluster_talk.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

TEST(ClusterTicket, LogsInForWhatTokensMayNotDo) {
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

TEST(ClusterTicket, RenewsATicketWithItself) {
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

TEST(ClusterTicket, LogsInAgainWhenATicketIsNotBelieved) {
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

// What was not sent cannot have been executed, whatever became of the log-in before it.
TEST(ClusterTicket, HasExecutedNothingWithoutALogIn) {
    Talk talk(with_password());
    talk.http.fails(Sent::Unknown, "pve1:8006: timeout");
    EXPECT_EQ(talk.start(), "not executed: pve1:8006: timeout");

    Talk busy(with_password());
    busy.http.answers(500, "", "LDAP: got timeout");
    EXPECT_EQ(busy.start(), "not executed: LDAP: got timeout");

    Talk wrong(with_password());
    wrong.http.answers(401, "", "authentication failure");
    EXPECT_EQ(wrong.start(), "forbidden: authentication failure");
}

TEST(ClusterTicket, LogsInElsewhereIfTheFirstGivesNoAnswer) {
    ClusterSettings settings = with_password();
    settings.endpoints = {one, two};
    Talk talk(settings);
    talk.http.fails(Sent::Unknown, "pve1:8006: timeout")
        .answers(200, ticket_body)
        .answers(200, data_body("\"U\""));

    EXPECT_EQ(talk.start(), "\"U\"");
    EXPECT_EQ(talk.http.take_requests().back(), "POST " + two + started);
}

TEST(ClusterTicket, HasOneTimeoutForTheLogInAndTheCall) {
    Talk talk(with_password());
    const ScriptedHttp::Act slow = [&](const HttpRequest&) -> HttpAnswer {
        talk.clock.advance(10s);
        return {.status = 200, .body = ticket_body};
    };
    talk.http.does(slow)
        .does([&](const HttpRequest& request) -> HttpAnswer {
            EXPECT_EQ(request.timeout, 25s);
            talk.clock.advance(10s);
            return {.status = 401, .reason = "Authentication failed!"};
        })
        .does(slow)
        .answers(200, data_body("1"));
    EXPECT_EQ(talk.look(), "1");
    EXPECT_EQ(talk.http.last().timeout, 5s);

    Talk late(with_password());
    late.http.does([&](const HttpRequest&) -> HttpAnswer {
        late.clock.advance(35s);
        return {.status = 200, .body = ticket_body};
    });
    EXPECT_EQ(late.start(), "not executed: timeout: nothing could be sent in time");
}

TEST(ClusterTicket, UsesALivingTicketWhileSomebodyRenewsIt) {
    Talk talk(with_password());
    talk.http.answers(200, ticket_body).answers(200, data_body("1"));
    talk.look();
    talk.clock.advance(61min);
    talk.http.take_requests();

    // The other one asks while the log-in is under way, and is not held up by it.
    talk.http
        .does([&](const HttpRequest& request) -> HttpAnswer {
            EXPECT_LE(request.timeout, 18s) << "nothing is left for the call";
            std::thread other([&] { EXPECT_EQ(talk.look(), "2"); });
            other.join();
            talk.clock.advance(10s);
            throw HttpError(Sent::Unknown, "timeout");
        })
        .answers(200, data_body("2"));
    talk.look();
}

// It failed: the old one does for another minute before the next log-in is tried.
TEST(ClusterTicket, LivesWithAnOldTicketIfItCannotBeRenewed) {
    Talk talk(with_password());
    talk.http.answers(200, ticket_body).answers(200, data_body("1"));
    talk.look();
    talk.clock.advance(61min);
    talk.http.answers(500, "", "LDAP: got timeout").answers(200, data_body("2"));
    EXPECT_EQ(talk.look(), "2");
    talk.http.answers(200, data_body("3"));
    EXPECT_EQ(talk.look(), "3");

    talk.clock.advance(1min);
    talk.http.take_requests();
    talk.http.answers(200, ticket_body).answers(200, data_body("4"));
    EXPECT_EQ(talk.look(), "4");
    EXPECT_EQ(talk.http.take_requests().size(), 2U);
}

// It stands, and knows how often it was looked at.
struct CountingClock final : Clock {
    mutable std::atomic<int> looks = 0;
    Time now() const override { return {}; }
    std::chrono::nanoseconds since_boot() const override {
        ++looks;
        return 1h;
    }
};

// All of them learn of it at the same time; nobody tries the wrong password again for himself.
TEST(ClusterTicket, LogsInOnceForAllWhoWait) {
    const CountingClock clock;
    ScriptedHttp http;
    ProxmoxCluster cluster(http, clock, with_password());
    std::vector<std::thread> others;
    std::atomic<int> forbidden = 0;
    const auto ask = [&] {
        try {
            cluster.send(call_named("version"), {}, std::nullopt);
        } catch (const ProxmoxError& error) {
            if (error.fault == Fault::Forbidden) ++forbidden;
        }
    };
    http.does([&](const HttpRequest&) -> HttpAnswer {
        const int looks = clock.looks;
        for (int i = 0; i < 4; ++i) others.emplace_back(ask);
        // Each looks at the clock when its call begins, and again with the lock that it waits on.
        while (clock.looks < looks + 8) std::this_thread::yield();
        return {.status = 401, .reason = "authentication failure"};
    });

    ask();
    for (std::thread& other : others) other.join();

    EXPECT_EQ(forbidden, 5);
    EXPECT_EQ(http.take_requests().size(), 1U);
}

TEST(ClusterTicket, SaysWhatToDoAboutASecondFactor) {
    Talk talk(with_password());
    talk.http.answers(
        200, data_body(R"({"ticket":"PVE:!tfa!x","CSRFPreventionToken":"1","NeedTFA":1})"));

    EXPECT_EQ(talk.look(),
              "forbidden: root@pam has a second factor; use a token, or a user without");
}

}  // namespace
}  // namespace slipway
