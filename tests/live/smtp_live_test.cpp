// SmtpMail against a mail server that somebody else wrote: STARTTLS and a log-in are required, and
// what arrives is what a mail program would show.

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "consumers/mail/smtp_mail.h"
#include "tests/consumers/http/scripted_server.h"
#include "tests/live/child_process.h"
#include "tests/live/reserved_port.h"
#include "tests/live/skipping.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Debian's package is for Debian's Python, which need not be the first on $PATH.
std::filesystem::path python_with_mail_server() {
    const TempFolder folder;
    for (const std::filesystem::path& python :
         {find_program("python3"), std::filesystem::path("/usr/bin/python3")}) {
        if (python.empty() || !std::filesystem::exists(python)) continue;
        try {
            run_to_end({.program = python,
                        .arguments = {"-c", "import aiosmtpd"},
                        .output = folder.path() / "output"},
                       20s);
            return python;
        } catch (const std::runtime_error&) {
            continue;
        }
    }
    return {};
}

std::optional<std::string> cannot_have_mail_server() {
    if (!python_with_mail_server().empty()) return std::nullopt;
    return "no python3 has aiosmtpd; install python3-aiosmtpd";
}

class MailServerProcess {
  public:
    MailServerProcess() {
        make_certificate(file("key.pem"), file("certificate.pem"));
        process_ = std::make_unique<ChildProcess>(
            ChildOptions{.program = python_with_mail_server(),
                         .arguments = {"tests/live/mail_server.py",
                                       std::to_string(port_.number()),
                                       file("certificate.pem"),
                                       file("key.pem"),
                                       "slipway",
                                       "s3cret"},
                         .output = file("output"),
                         .errors = file("errors")});
        if (!process_->wait_for_line("ready\n", 30s))
            throw std::runtime_error("the mail server did not start: " + process_->tail());
    }

    MailConfig config() const {
        return {.host = "127.0.0.1",
                .port = port_.number(),
                .security = MailSecurity::StartTls,
                .user = "slipway",
                .password = "s3cret",
                .from = "Grüße & Co <noreply@example.com>",
                .ca_file = file("certificate.pem"),
                .timeout = 20s,
                .hello = "slipway.test"};
    }

    // All that arrived, once it is at rest.
    std::string stopped() {
        process_->stop(10s);
        return read_from(file("output"), 0);
    }

  private:
    std::string file(const std::string& name) const { return folder_.path() / name; }

    TempFolder folder_;
    ReservedPort port_;
    std::unique_ptr<ChildProcess> process_;
};

Letter a_letter() {
    return {
        .id = "slipway/5546/3/ready",
        .to = "jane@example.org",
        .subject = "Ваш сервер web.example.com готов: all of this subject is longer than a line",
        .body = "Grüße.\n\n.\n..two dots\nPassword: a=b€ " + std::string(120, 'x') + "\n"};
}

TEST(SmtpLive, ALetterArrivesOnceAndAsItWasWritten) {
    if (auto why = cannot_run(cannot_have_mail_server())) GTEST_SKIP() << *why;
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
    if (auto why = cannot_run(cannot_have_mail_server())) GTEST_SKIP() << *why;
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
