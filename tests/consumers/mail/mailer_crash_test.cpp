// The mailer dies at every instruction at which it can, and two of them meet: once per run, as far
// as SMTP allows, and not one time less.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/consumers/mail/post_office.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(MailerCrash, ALetterArrivesWhereverAMailerDies) {
    int places = 0;
    std::string twice;
    for (int place = 0;; ++place) {
        PostOffice office;
        office.add_vm("5546");
        int reached = 0;
        std::string where;
        office.faults.set([&](const Call& call) {
            if (call.what == "clock.since_boot" || call.what == "clock.now") return;
            if (reached++ != place) return;
            where =
                fmt::format("{} {}", call.moment == Moment::Before ? "before" : "after", call.what);
            throw Crash{};
        });

        const LetterRow letter = office.post("5546");
        office.run_for(2s);
        if (where.empty()) break;
        ++places;
        office.run_for(600s);

        SCOPED_TRACE(where);
        const std::size_t sent = office.mail.inbox.size();
        ASSERT_GE(sent, 1U);
        ASSERT_LE(sent, 2U);
        if (sent == 2) {
            twice += where + "\n";
            EXPECT_EQ(office.row(letter), "5546/1/ready: 2 attempts, sent");
            EXPECT_EQ(office.mail.inbox[0].id, office.mail.inbox[1].id);
        }
        EXPECT_TRUE(office.bus.at_rest()) << office.bus.describe();
    }

    // The two moments in which nobody knows.
    EXPECT_EQ(twice, "after mail.send\nbefore store.end_letter\n");
    EXPECT_GT(places, 10);
}

TEST(MailerCrash, ARefusalIsHeardOfWhereverAMailerDies) {
    for (int place = 0;; ++place) {
        PostOffice office;
        office.add_vm("5546");
        office.mail.on_letter = [](const Letter&) { throw MailError("550 no such user", true); };
        int reached = 0;
        std::string where;
        office.faults.set([&](const Call& call) {
            if (call.what == "clock.since_boot" || call.what == "clock.now") return;
            if (reached++ != place) return;
            where =
                fmt::format("{} {}", call.moment == Moment::Before ? "before" : "after", call.what);
            throw Crash{};
        });

        const LetterRow letter = office.post("5546");
        office.run_for(2s);
        if (where.empty()) break;
        office.run_for(600s);

        SCOPED_TRACE(where);
        EXPECT_EQ(office.store->count_dead_letters("letter"), 1);
        EXPECT_NE(office.row(letter).find("ended: 550 no such user"), std::string::npos)
            << office.row(letter);
    }
}

TEST(MailerCrash, TwoMailersNeverSendOneLetterAtATime) {
    PostOffice office(2);
    office.add_vm("5546");
    office.faults.set([&](const Call& call) {
        // While one hands the letter over, slowly, the other does whatever it finds to do.
        if (call.what != "mail.send" || call.moment != Moment::Before) return;
        for (int i = 0; i < 200; ++i) {
            office.clock.advance(1s);
            for (auto& process : office.processes)
                if (process->mail.process() != call.process) {
                    while (process->mailer.run_one(0ms)) office.bus.run();
                }
        }
    });

    const LetterRow letter = office.post("5546");
    office.run_for(600s);

    EXPECT_EQ(office.mail.inbox.size(), 1U);
    EXPECT_EQ(office.row(letter), "5546/1/ready: 1 attempts, sent");
}

TEST(MailerCrash, AMailerThatStoodStillTooLongMayBeTheSecondToSend) {
    PostOffice office(2);
    office.add_vm("5546");
    bool stood_still = false;
    office.faults.set([&](const Call& call) {
        if (call.what != "mail.send" || call.moment != Moment::Before || stood_still) return;
        stood_still = true;
        for (int i = 0; i < 400; ++i) {
            office.clock.advance(1s);
            for (auto& process : office.processes)
                if (process->mail.process() != call.process) {
                    while (process->mailer.run_one(0ms)) office.bus.run();
                }
        }
    });

    const LetterRow letter = office.post("5546");
    office.run_for(600s);

    EXPECT_EQ(office.mail.inbox.size(), 2U);
    EXPECT_EQ(office.row(letter), "5546/1/ready: 2 attempts, sent");
}

}  // namespace
}  // namespace slipway
