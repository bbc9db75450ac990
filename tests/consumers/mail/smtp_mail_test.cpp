// SmtpMail against a mail server that does what a test tells it: what is said, in which order, what
// a refusal means, and that nothing is waited for longer than allowed.

#include "consumers/mail/smtp_mail.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "tests/consumers/http/scripted_server.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// What the server answers to a command, named by its first word; to the letter itself by ".".
using Answers = std::map<std::string, std::string>;

// Answers to what is not in `answers` as a server without any wishes does.
class MailServer {
  public:
    MailServer(ServerKind kind, Answers answers)
        : answers_(std::move(answers)),
          server_(kind, [this](ScriptedPeer& peer, int) { serve(peer); }) {}

    const ScriptedServer& server() const { return server_; }

    // Everything it was told, the letter included, a line each.
    std::string told() {
        const std::lock_guard lock(mutex_);
        return told_;
    }

  private:
    void note(const std::string& line) {
        const std::lock_guard lock(mutex_);
        told_ += line + "\n";
    }

    std::string answer_to(const std::string& word) const {
        const auto own = answers_.find(word);
        if (own != answers_.end()) return own->second;
        if (word == "STARTTLS") return "220 go on\r\n";
        if (word == "AUTH") return "235 welcome\r\n";
        if (word == "DATA") return "354 go on\r\n";
        if (word == "QUIT") return "221 bye\r\n";
        return "250 fine\r\n";
    }

    void serve(ScriptedPeer& peer) {
        const auto greeting = answers_.find("greeting");
        peer.write(greeting == answers_.end() ? "220 mail.test ESMTP\r\n" : greeting->second);
        while (true) {
            const std::string line = peer.read_line();
            if (line.empty()) return;
            note(line);
            const std::string word = line.substr(0, line.find_first_of(" :"));
            peer.write(answer_to(word));
            if (answer_to(word).empty() || word == "QUIT") return;
            if (word == "STARTTLS" && answer_to(word).starts_with("220")) {
                peer.begin_tls();
                note("(TLS)");
            }
            if (word == "DATA" && answer_to(word).starts_with("354") && !take_letter(peer)) return;
        }
    }

    bool take_letter(ScriptedPeer& peer) {
        std::string line;
        while (line != ".") {
            line = peer.read_line();
            note(line);
        }
        peer.write(answer_to("."));
        return !answer_to(".").empty();
    }

    const Answers answers_;
    std::mutex mutex_;
    std::string told_;
    ScriptedServer server_;  // last: its threads use everything above
};

MailConfig config_for(const MailServer& server) {
    return {.host = "127.0.0.1",
            .port = server.server().port(),
            .security = MailSecurity::Off,
            .from = "Example Hosting <noreply@example.com>",
            .timeout = 10s,
            .hello = "slipway.test"};
}

Letter a_letter() {
    return {.id = "slipway/5546/3/ready",
            .to = "jane@example.org",
            .subject = "Your server is ready",
            .body = "It is.\n.hidden\n.\n"};
}

std::string sent(const MailConfig& config, const Letter& letter = a_letter()) {
    const SimClock clock;
    try {
        SmtpMail(config, clock).send(letter);
    } catch (const MailError& error) {
        const std::string port = std::to_string(config.port);
        std::string text = error.what();
        if (const std::size_t at = text.find(port); at != std::string::npos)
            text.replace(at, port.size(), "PORT");
        return (error.permanent ? "for ever: " : "for now: ") + text;
    }
    return "sent";
}

constexpr const char* the_letter =
    "Date: Sat, 18 Apr 2026 00:00:00 +0000\n"
    "From: \"Example Hosting\"\n"
    " <noreply@example.com>\n"
    "To: <jane@example.org>\n"
    "Message-ID: <slipway/5546/3/ready@example.com>\n"
    "Subject: Your server is ready\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "Auto-Submitted: auto-generated\n"
    "\n"
    "It is.\n"
    "..hidden\n"
    "..\n"
    ".\n";

constexpr const char* ehlo =
    "250-mail.test\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH LOGIN PLAIN\r\n";

TEST(SmtpMail, HandsALetterOver) {
    MailServer server(ServerKind::Plain, {});

    EXPECT_EQ(sent(config_for(server)), "sent");

    EXPECT_EQ(server.told(),
              std::string("EHLO slipway.test\n"
                          "MAIL FROM:<noreply@example.com>\n"
                          "RCPT TO:<jane@example.org>\n"
                          "DATA\n") +
                  the_letter + "QUIT\n");
}

TEST(SmtpMail, LogsInOnlyAfterTlsBegan) {
    MailServer server(ServerKind::StartTls, {{"EHLO", ehlo}});
    MailConfig config = config_for(server);
    config.security = MailSecurity::StartTls;
    config.ca_file = server.server().certificate_file();
    config.user = "slipway";
    config.password = "s3cret";

    EXPECT_EQ(sent(config), "sent");

    EXPECT_EQ(server.told(),
              std::string("EHLO slipway.test\n"
                          "STARTTLS\n"
                          "(TLS)\n"
                          "EHLO slipway.test\n"
                          "AUTH PLAIN AHNsaXB3YXkAczNjcmV0\n"
                          "MAIL FROM:<noreply@example.com>\n"
                          "RCPT TO:<jane@example.org>\n"
                          "DATA\n") +
                  the_letter + "QUIT\n");
}

TEST(SmtpMail, LogsInByLoginWhereThatIsAllThereIs) {
    MailServer server(ServerKind::Tls,
                      {{"EHLO", "250-mail.test\r\n250 auth login\r\n"},
                       {"AUTH", "334 VXNlcm5hbWU6\r\n"},
                       {"c2xpcHdheQ==", "334 UGFzc3dvcmQ6\r\n"},
                       {"czNjcmV0", "235 welcome\r\n"}});
    MailConfig config = config_for(server);
    config.security = MailSecurity::Tls;
    config.fingerprint = server.server().fingerprint();
    config.user = "slipway";
    config.password = "s3cret";

    EXPECT_EQ(sent(config), "sent");

    EXPECT_EQ(server.told().substr(0, server.told().find("RCPT")),
              "EHLO slipway.test\n"
              "AUTH LOGIN\n"
              "c2xpcHdheQ==\n"
              "czNjcmV0\n"
              "MAIL FROM:<noreply@example.com>\n");
}

struct Trust {
    std::string name;
    std::string ca_file;
    std::string fingerprint;
    bool verify = true;
    std::string outcome;
};

TEST(SmtpMail, BelievesOnlyWhomItIsToldTo) {
    MailServer server(ServerKind::StartTls, {{"EHLO", ehlo}});
    const std::string other(64, '0');
    const std::string own_file = server.server().certificate_file();
    const Trust table[] = {
        {"its own authority", own_file, "", true, "sent"},
        {"the system's authorities", "", "", true, "certificate verify failed"},
        {"its fingerprint", "", server.server().fingerprint(), true, "sent"},
        {"another fingerprint", "", other, true, "the server's certificate has the SHA-256"},
        {"anybody", "", "", false, "sent"},
    };

    for (const Trust& row : table) {
        SCOPED_TRACE(row.name);
        MailConfig config = config_for(server);
        config.security = MailSecurity::StartTls;
        config.ca_file = row.ca_file;
        config.fingerprint = row.fingerprint;
        config.verify = row.verify;
        EXPECT_NE(sent(config).find(row.outcome), std::string::npos) << sent(config);
    }
}

TEST(SmtpMail, SendsNothingInTheClearThatItMustNot) {
    MailServer server(ServerKind::Plain, {});
    MailConfig required = config_for(server);
    required.security = MailSecurity::StartTls;
    MailConfig with_password = config_for(server);
    with_password.security = MailSecurity::IfOffered;
    with_password.user = "slipway";
    with_password.password = "s3cret";
    MailConfig if_offered = config_for(server);
    if_offered.security = MailSecurity::IfOffered;

    EXPECT_EQ(sent(required),
              "for now: 127.0.0.1:PORT: the mail server offers no STARTTLS, which mail.security "
              "asks for");
    EXPECT_EQ(sent(with_password),
              "for now: 127.0.0.1:PORT: the mail server offers no STARTTLS, and mail.password is "
              "not sent in the clear; mail.security: off would");
    EXPECT_EQ(server.told(), "EHLO slipway.test\nEHLO slipway.test\n");
    EXPECT_EQ(sent(if_offered), "sent");
}

TEST(SmtpMail, BelievesNothingThatWasSlippedInBeforeTls) {
    MailServer server(ServerKind::Plain,
                      {{"EHLO", ehlo}, {"STARTTLS", "220 go on\r\n250 all is well\r\n"}});
    MailConfig config = config_for(server);
    config.security = MailSecurity::StartTls;

    EXPECT_EQ(sent(config),
              "for now: 127.0.0.1:PORT: the mail server said more than its yes to STARTTLS, in the "
              "clear");
}

struct Refusal {
    std::string to;
    std::string answer;
    std::string outcome;
};

TEST(SmtpMail, ARefusalIsForEverOnlyIfItIsAboutTheLetter) {
    const Refusal table[] = {
        {"greeting", "554 go away\r\n", "for now: 127.0.0.1:PORT: connecting: 554 go away"},
        {"EHLO", "502 what\r\n", "for now: 127.0.0.1:PORT: EHLO: 502 what"},
        {"MAIL", "550 not from you\r\n", "for now: 127.0.0.1:PORT: MAIL FROM: 550 not from you"},
        {"RCPT", "450 later\r\n", "for now: 127.0.0.1:PORT: RCPT TO: 450 later"},
        {"RCPT",
         "550-5.1.1 no such\r\n550 5.1.1 user\r\n",
         "for ever: 127.0.0.1:PORT: RCPT TO: 550 5.1.1 no such 5.1.1 user"},
        {"RCPT", "530 log in first\r\n", "for now: 127.0.0.1:PORT: RCPT TO: 530 log in first"},
        {"DATA", "451 busy\r\n", "for now: 127.0.0.1:PORT: DATA: 451 busy"},
        {"DATA", "250 what\r\n", "for now: 127.0.0.1:PORT: DATA: 250 what"},
        {".", "452 full\r\n", "for now: 127.0.0.1:PORT: the letter: 452 full"},
        {".", "554 spam\x01\r\n", "for ever: 127.0.0.1:PORT: the letter: 554 spam "},
        {"QUIT", "421 too late\r\n", "sent"},
        {"QUIT", "", "sent"},
    };

    for (const Refusal& row : table) {
        SCOPED_TRACE(row.to + " " + row.answer);
        MailServer server(ServerKind::Plain, {{row.to, row.answer}});
        EXPECT_EQ(sent(config_for(server)), row.outcome);
    }
}

TEST(SmtpMail, SaysWhatBroke) {
    const Refusal table[] = {
        {"EHLO", "", "for now: 127.0.0.1:PORT: the mail server closed the connection"},
        {"greeting",
         "HTTP/1.1 400 Bad Request\r\n",
         "for now: 127.0.0.1:PORT: what came is no reply of a mail server; is this its port?"},
        {"EHLO",
         "250-a\r\n251 b\r\n",
         "for now: 127.0.0.1:PORT: a reply of the mail server has two codes"},
        {"EHLO",
         "250 " + std::string(9'000, 'x'),
         "for now: 127.0.0.1:PORT: a line of the mail server's reply has no end"},
        {".",
         "",
         "for now: 127.0.0.1:PORT: the mail server closed the connection; the letter was sent "
         "whole, and may have been taken"},
    };

    for (const Refusal& row : table) {
        SCOPED_TRACE(row.to + " " + row.answer.substr(0, 20));
        MailServer server(ServerKind::Plain, {{row.to, row.answer}});
        EXPECT_EQ(sent(config_for(server)), row.outcome);
    }
}

TEST(SmtpMail, AReplyWithoutEndIsNotReadForEver) {
    std::string endless;
    for (int i = 0; i < 300; ++i) endless += "250-more\r\n";
    MailServer server(ServerKind::Plain, {{"EHLO", endless}});

    EXPECT_EQ(sent(config_for(server)),
              "for now: 127.0.0.1:PORT: a reply of the mail server has no end");
}

TEST(SmtpMail, WaitsNoLongerThanItMay) {
    const SystemClock clock;
    // It sends a byte now and then, so that no single wait is long.
    ScriptedServer server(ServerKind::Plain, [&](ScriptedPeer& peer, int) {
        const auto until = clock.since_boot() + 5s;
        while (clock.since_boot() < until) {
            peer.write("2");
            const auto next = clock.since_boot() + 20ms;
            while (clock.since_boot() < next) std::this_thread::yield();
        }
    });
    const MailConfig config{.host = "127.0.0.1",
                            .port = server.port(),
                            .security = MailSecurity::Off,
                            .from = "noreply@example.com",
                            .timeout = 300ms};
    const auto began = clock.since_boot();

    try {
        SmtpMail(config, clock).send(a_letter());
        ADD_FAILURE() << "was sent";
    } catch (const MailError& error) {
        EXPECT_FALSE(error.permanent);
        EXPECT_NE(std::string(error.what()).find("timeout: the answer took too long"),
                  std::string::npos)
            << error.what();
    }

    EXPECT_LT(clock.since_boot() - began, 3s);
}

TEST(SmtpMail, NoErrorHoldsThePassword) {
    const std::string echo =
        "535 no: s3cret czNjcmV0 AHNsaXB3YXkAczNjcmV0 is not your password\r\n";
    MailServer server(ServerKind::Plain, {{"EHLO", ehlo}, {"AUTH", echo}});
    MailConfig config = config_for(server);
    config.user = "slipway";
    config.password = "s3cret";

    EXPECT_EQ(sent(config),
              "for now: 127.0.0.1:PORT: AUTH PLAIN: 535 no: *** *** *** is not your password");
}

TEST(SmtpMail, DoesNotEvenConnectForALetterThatIsNone) {
    MailServer server(ServerKind::Plain, {});
    Letter letter = a_letter();
    letter.to = "jane@example.org\r\nRCPT TO:<x@example.com>";

    EXPECT_EQ(sent(config_for(server), letter),
              "for ever: the address of the customer has a line end or another control character");

    EXPECT_EQ(server.server().connections(), 0);
}

TEST(SmtpMail, AServerThatIsNotThereIsAFailureForNow) {
    std::uint16_t port = 0;
    {
        MailServer gone(ServerKind::Plain, {});
        port = gone.server().port();
    }

    EXPECT_EQ(sent({.host = "127.0.0.1",
                    .port = port,
                    .security = MailSecurity::Off,
                    .from = "noreply@example.com"}),
              "for now: 127.0.0.1:PORT: Connection refused");
}

TEST(SmtpMail, WithoutAMailServerEveryLetterSaysSo) {
    const SimClock clock;
    const auto mail = open_mail({}, clock);

    try {
        mail->send(a_letter());
        ADD_FAILURE() << "was sent";
    } catch (const MailError& error) {
        EXPECT_FALSE(error.permanent);
        EXPECT_STREQ(error.what(),
                     "mail.host is not set, so no letter is sent; name a mail server in the "
                     "configuration");
    }
}

}  // namespace
}  // namespace slipway
