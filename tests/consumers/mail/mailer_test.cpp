// The mailer: what it sends, what it does not, and what becomes of a letter that cannot be sent.

#include "consumers/mail/mailer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "producer/republish.h"
#include "tests/consumers/mail/post_office.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr const char* the_letter =
    "slipway/5546/1/ready to jane@example.org: web.example.com is ready\n"
    "Log in to  as debian, password s3cret.\n";

TEST(Mailer, SendsALetterOnceHoweverOftenItIsTold) {
    PostOffice office;
    office.add_vm("5546");

    const LetterRow letter = office.post("5546");
    office.run_for(5s);
    for (int i = 0; i < 3; ++i) office.tell(letter);
    office.run_for(600s);

    EXPECT_EQ(office.inbox(), the_letter);
    EXPECT_EQ(office.row(letter), "5546/1/ready: 1 attempts, sent");
    EXPECT_TRUE(office.bus.at_rest()) << office.bus.describe();
}

TEST(Mailer, NeedsNoMessage) {
    PostOffice office;
    office.add_vm("5546");

    const LetterRow letter = office.write_letter("5546");
    office.run_for(65s);

    EXPECT_EQ(office.inbox(), the_letter);
    EXPECT_EQ(office.row(letter), "5546/1/ready: 1 attempts, sent");
}

TEST(Mailer, SendsALetterOfEachKind) {
    PostOffice office;
    office.add_vm("5546");

    office.post("5546", "ready");
    office.post("5546", "password");
    office.run_for(5s);

    EXPECT_EQ(office.inbox(),
              std::string(the_letter) +
                  "slipway/5546/1/password to jane@example.org: A new password\n"
                  "For 77-5546 (2005).\n");
}

TEST(Mailer, TriesAgainAfterOneTwoFourMinutesAndSoOnUpToAnHour) {
    PostOffice office;
    office.add_vm("5546");
    std::vector<std::int64_t> minutes;
    const Time began = office.clock.now();
    office.mail.on_letter = [&](const Letter&) {
        minutes.push_back((office.clock.now() - began) / 1min);
        throw MailError("mail.test:25: RCPT TO: 450 later", false);
    };

    const LetterRow letter = office.post("5546");
    office.run_for(5h);

    EXPECT_EQ(fmt::format("{}", fmt::join(minutes, " ")), "0 1 3 7 15 31 63 123 183 243");
    EXPECT_EQ(office.row(letter).substr(0, 36), "5546/1/ready: 10 attempts, again in ");
    EXPECT_EQ(office.inbox(), "");

    office.mail.on_letter = {};
    office.run_for(1h);

    EXPECT_EQ(office.inbox(), the_letter);
    EXPECT_EQ(office.row(letter), "5546/1/ready: 11 attempts, sent");
    EXPECT_EQ(office.store->count_dead_letters("letter"), 0);
}

TEST(Mailer, ALetterThatIsRefusedForGoodEndsAndOperatorsHear) {
    PostOffice office;
    office.add_vm("5546");
    office.mail.on_letter = [](const Letter&) {
        throw MailError("mail.test:25: RCPT TO: 550 no such user", true);
    };

    const LetterRow letter = office.post("5546");
    office.run_for(2h);
    office.tell(letter);
    office.run_for(10s);

    EXPECT_EQ(office.mail.asked, 1);
    EXPECT_EQ(office.row(letter),
              "5546/1/ready: 1 attempts, ended: mail.test:25: RCPT TO: 550 no such user");
    EXPECT_EQ(office.store->count_dead_letters("letter"), 1);
    EXPECT_EQ(office.bus.heard().back().topic, "slipway.letters");
    const Message& dead = office.bus.heard().at(1);
    EXPECT_EQ(dead.topic + " " + dead.body,
              "slipway.dead-letter {\"key\":\"letter/5546/1/ready\",\"kind\":\"letter\","
              "\"service_id\":\"5546\",\"reason\":\"the letter \\\"ready\\\" of run 1 was refused "
              "for good: mail.test:25: RCPT TO: 550 no such user\"}");
}

struct Unwanted {
    std::string name;
    std::function<void(Vm&)> change;
    std::string kind;
    std::string why;
};

TEST(Mailer, ALetterThatNobodyCanWantIsNotSentAndSaysWhy) {
    const Unwanted table[] = {
        {"no address",
         [](Vm& vm) { vm.target = R"({"email":""})"; },
         "ready",
         "the order has no email to send it to"},
        {"an address that is a number",
         [](Vm& vm) { vm.target = R"({"email":5})"; },
         "ready",
         "the order has no email to send it to"},
        {"no order",
         [](Vm& vm) { vm.target = ""; },
         "ready",
         "the order has no email to send it to"},
        {"terminated",
         [](Vm& vm) { vm.pipeline = "terminate"; },
         "ready",
         "the service was terminated"},
        {"gone",
         [](Vm& vm) { vm.vmid = 0; },
         "ready",
         "the VM that it is about is gone; a new one gets a letter of its own"},
        {"no letter for that", [](Vm&) {}, "restored", "package small has no letter restored"},
    };

    for (const Unwanted& row : table) {
        SCOPED_TRACE(row.name);
        PostOffice office;
        office.add_vm("5546", row.change);
        const LetterRow letter = office.post("5546", row.kind);
        office.run_for(2h);
        EXPECT_EQ(office.mail.asked, 0);
        EXPECT_EQ(office.row(letter),
                  fmt::format("5546/1/{}: 1 attempts, ended: not sent: {}", row.kind, row.why));
        EXPECT_EQ(office.store->count_dead_letters("letter"), 0);
    }
}

TEST(Mailer, WhatOperatorsCanMendIsTriedAgain) {
    PostOffice office;
    office.add_vm("5546");
    office.declare({});

    const LetterRow letter = office.post("5546");
    office.run_for(3s);
    EXPECT_EQ(office.row(letter),
              "5546/1/ready: 1 attempts, again in 57 s: package small is not in the inventory; "
              "apply it");
    Inventory without_letter = an_inventory();
    without_letter.letters.clear();
    office.declare(without_letter);
    office.run_for(60s);
    EXPECT_EQ(office.row(letter),
              "5546/1/ready: 2 attempts, again in 117 s: letter welcome is not in the inventory; "
              "apply it");
    office.declare(an_inventory());
    office.run_for(150s);

    EXPECT_EQ(office.inbox(), the_letter);
}

TEST(Mailer, NoErrorHoldsThePassword) {
    PostOffice office;
    office.add_vm("5546");
    office.mail.on_letter = [](const Letter& letter) {
        throw MailError("554 I do not like: " + letter.body, true);
    };

    const LetterRow letter = office.post("5546");
    office.run_for(3s);

    EXPECT_EQ(office.row(letter),
              "5546/1/ready: 1 attempts, ended: 554 I do not like: Log in to  as debian, password "
              "*.\n");
    for (const Message& message : office.bus.heard())
        EXPECT_EQ(message.body.find("s3cret"), std::string::npos) << message.body;
}

TEST(Mailer, AMessageNobodyCanReadBlocksNothing) {
    PostOffice office;
    office.add_vm("5546");
    const auto sender = office.bus.connect();

    for (const char* key : {"a", "b", "c", "d"})
        sender->publish({.topic = "slipway.letters", .key = key, .body = "not JSON"});
    office.post("5546");
    office.run_for(5s);

    EXPECT_EQ(office.inbox(), the_letter);
    EXPECT_EQ(office.store->count_dead_letters("unreadable"), 4);
    EXPECT_TRUE(office.bus.at_rest()) << office.bus.describe();
}

TEST(Mailer, ADatabaseThatIsAwayAfterTheLetterWasSentDoesNotSendItTwice) {
    for (const char* call : {"store.begin_letter", "store.end_letter", "store.due_letters"}) {
        SCOPED_TRACE(call);
        PostOffice office;
        office.add_vm("5546");
        office.faults.set([&](const Call& reached) {
            if (reached.what == call && reached.moment == Moment::Before)
                throw std::runtime_error("the database is away");
        });

        const LetterRow letter = office.post("5546");
        office.run_for(400s);
        office.faults.clear();
        office.run_for(2s);

        EXPECT_EQ(office.inbox(), the_letter);
        EXPECT_EQ(office.row(letter), "5546/1/ready: 1 attempts, sent");
    }
}

TEST(Mailer, ManyLettersGoOneAfterTheOther) {
    PostOffice office;
    for (int i = 0; i < 450; ++i) {
        office.add_vm(std::to_string(i));
        office.post(std::to_string(i));
    }

    office.run_for(10s);

    EXPECT_EQ(office.mail.inbox.size(), 450U);
    EXPECT_TRUE(office.bus.at_rest()) << office.bus.describe();
}

TEST(Mailer, ALetterThatTheTopicNeverHeardOfIsToldAgain) {
    PostOffice office;
    office.add_vm("5546");
    const LetterRow letter = office.write_letter("5546");
    MailerProcess& process = *office.processes.at(0);
    Republish republish({process.bus, process.clock, process.store, process.teller}, {});

    EXPECT_EQ(republish.sweep(), 0) << "it may be on its way";
    office.clock.advance(11s);
    EXPECT_EQ(republish.sweep(), 1);
    office.run_for(2s);
    process.teller.beat(process.store, office.clock.now());
    office.clock.advance(11s);

    EXPECT_EQ(republish.sweep(), 0);
    EXPECT_EQ(office.inbox(), the_letter);
    EXPECT_EQ(office.bus.heard().at(0).body, R"({"service_id":"5546","run":1,"kind":"ready"})");
}

}  // namespace
}  // namespace slipway
