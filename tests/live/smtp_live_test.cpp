// SmtpMail against a mail server that somebody else wrote: STARTTLS and a log-in are required, and
// what arrives is what a mail program would show.

#include <gtest/gtest.h>

#include "consumers/mail/smtp_mail.h"
#include "tests/live/mail_server_process.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

Letter a_letter() {
    return {
        .id = "slipway/5546/3/ready",
        .to = "jane@example.org",
        .subject = "Ваш сервер web.example.com готов: all of this subject is longer than a line",
        .body = "Grüße.\n\n.\n..two dots\nPassword: a=b€ " + std::string(120, 'x') + "\n"};
}

TEST(SmtpLive, ALetterArrivesOnceAndAsItWasWritten) {
    if (auto why = cannot_run(MailServerProcess::missing())) GTEST_SKIP() << *why;
    MailServerProcess server;
    const SystemClock clock;

    SmtpMail(server.config(), clock).send(a_letter());

    EXPECT_EQ(server.stopped(),
              "ready\n"
              "noreply@example.com -> jane@example.org over TLS as slipway\n"
              "From: Grüße & Co <noreply@example.com>\n"
              "To: jane@example.org\n"
              "Message-ID: <slipway/5546/3/ready@example.com>\n"
              "Subject: " +
                  a_letter().subject + "\n" + a_letter().body + "--\n");
}

TEST(SmtpLive, NothingArrivesWithoutTlsOrWithTheWrongPassword) {
    if (auto why = cannot_run(MailServerProcess::missing())) GTEST_SKIP() << *why;
    MailServerProcess server;
    const SystemClock clock;
    MailConfig in_the_clear = server.config();
    in_the_clear.security = MailSecurity::Off;
    in_the_clear.user.clear();
    in_the_clear.password.clear();
    MailConfig wrong = server.config();
    wrong.password = "wrong";
    const auto why = [&](const MailConfig& config) -> std::string {
        try {
            SmtpMail(config, clock).send(a_letter());
        } catch (const MailError& error) {
            const std::string text = error.what();
            return (error.permanent ? "for ever: " : "for now: ") + text.substr(text.find(' ') + 1);
        }
        return "was sent";
    };

    EXPECT_EQ(why(in_the_clear), "for now: MAIL FROM: 530 Must issue a STARTTLS command first");
    EXPECT_EQ(why(wrong), "for now: AUTH PLAIN: 535 5.7.8 Authentication credentials invalid");

    EXPECT_EQ(server.stopped(), "ready\n");
}

}  // namespace
}  // namespace slipway
