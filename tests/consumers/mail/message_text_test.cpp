// What travels: the whole message, and the parts of it that have rules of their own.

#include "consumers/mail/message_text.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

constexpr Time noon{std::chrono::sys_days{std::chrono::year{2026} / 4 / 8} + std::chrono::hours(9) +
                    std::chrono::microseconds(42)};

std::string why_not(const Letter& letter) {
    try {
        message_text(letter, {.address = "noreply@example.com"}, noon);
    } catch (const MailError& error) {
        return std::string(error.permanent ? "for ever: " : "for now: ") + error.what();
    }
    return "was written";
}

TEST(MessageText, IsAWholeMessage) {
    const Letter letter{.id = "slipway/a.b_5546/3/ready",
                        .to = "jane@example.org",
                        .subject = "Dein Server web.example.com läuft",
                        .body = "Grüße.\n.\nPasswort: a=b \n"};

    EXPECT_EQ(
        message_text(letter, {.name = "Hosting, \"Ltd\"", .address = "noreply@example.com"}, noon),
        "Date: Wed, 08 Apr 2026 09:00:00 +0000\r\n"
        "From: \"Hosting, \\\"Ltd\\\"\"\r\n <noreply@example.com>\r\n"
        "To: <jane@example.org>\r\n"
        "Message-ID: <slipway/a=2Eb=5F5546/3/ready@example.com>\r\n"
        "Subject: =?UTF-8?B?RGVpbiBTZXJ2ZXIgd2ViLmV4YW1wbGUuY29tIGzDpHVmdA==?=\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "\r\n"
        "Gr=C3=BC=C3=9Fe.\r\n"
        ".\r\n"
        "Passwort: a=3Db=20\r\n");
}

TEST(MessageText, NothingInALetterCanAddAHeaderOrARecipient) {
    const Letter good{.id = "1", .to = "jane@example.org", .subject = "s", .body = "b"};
    const auto to = [&](std::string address) {
        Letter letter = good;
        letter.to = std::move(address);
        return why_not(letter);
    };
    const auto about = [&](std::string subject) {
        Letter letter = good;
        letter.subject = std::move(subject);
        return why_not(letter);
    };
    const std::string bad_subject =
        "for ever: the subject of the letter has a line end or another control character, which "
        "would end the header that it is";

    EXPECT_EQ(why_not(good), "was written");
    EXPECT_EQ(to("jane@example.org\r\nBcc: x@example.com"),
              "for ever: the address of the customer has a line end or another control character");
    EXPECT_EQ(to("jane@example.org>,<x@example.com"),
              "for ever: the address of the customer has one of ()<>[]:;,\\\"");
    EXPECT_EQ(about("a\nBcc: x@example.com"), bad_subject);
    EXPECT_EQ(about("a\rb"), bad_subject);
    EXPECT_EQ(about(std::string("a\0b", 3)), bad_subject);
}

struct Address {
    std::string text;
    std::string problem;  // empty: none
};

TEST(MessageText, KnowsWhereALetterCannotGo) {
    const Address table[] = {
        {"jane@example.org", ""},
        {"j.a+ne_1'o@mail-1.example.org", ""},
        {"root@localhost", ""},
        {"", "is empty"},
        {"jane", "has no @"},
        {"jane@", "has no host name after its @"},
        {"@example.org", "has nothing before its @"},
        {"a@b@example.org", "has more than one @"},
        {"jane doe@example.org", "has a space"},
        {"jane@exa_mple.org", "has no host name after its @"},
        {"jane@.example.org", "has no host name after its @"},
        {"jane@example..org", "has no host name after its @"},
        {"jäne@example.org", "has a letter beyond ASCII, which not every mail server takes"},
        {std::string(65, 'a') + "@example.org", "has more than 64 bytes before its @"},
        {"a@" + std::string(260, 'a'), "is longer than 254 bytes"},
    };

    for (const Address& row : table) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(wrong_mail_address(row.text).value_or(""), row.problem);
    }
}

TEST(MessageText, ReadsAMailboxWithAndWithoutAName) {
    const auto read = [](std::string_view text) {
        try {
            const Mailbox mailbox = parse_mailbox(text);
            return mailbox.name + "|" + mailbox.address;
        } catch (const Error& error) {
            return std::string(error.what());
        }
    };

    EXPECT_EQ(read("noreply@example.com"), "|noreply@example.com");
    EXPECT_EQ(read(" Example Hosting <noreply@example.com> "),
              "Example Hosting|noreply@example.com");
    EXPECT_EQ(read(R"("A \"B\" <C>" <a@example.com>)"), "A \"B\" <C>|a@example.com");
    EXPECT_EQ(read("Grüße <a@example.com>"), "Grüße|a@example.com");
    EXPECT_EQ(read("A <a@example.com"),
              "has a < without a > at its end; write Name <name@example.com>");
    EXPECT_EQ(read("A\r\nBcc: x <a@example.com>"),
              "has a line end or another control character in its name");
    EXPECT_EQ(read("A B"), "has a space; write Name <name@example.com>, or the address alone");
}

TEST(MessageText, ALongSubjectBecomesWordsOfWholeLetters) {
    const std::string twenty = "ääääääääääääääääääää";

    EXPECT_EQ(encoded_words(twenty + twenty),
              "=?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
              " =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
              " =?UTF-8?B?w6TDpA==?=");
}

struct Body {
    std::string text;
    std::string encoded;
};

TEST(MessageText, ABodyMayHoldAnything) {
    const std::string long_line(80, 'x');
    const Body table[] = {
        {"", ""},
        {"a", "a\r\n"},
        {"a\n\nb\n", "a\r\n\r\nb\r\n"},
        {"a\r\nb", "a\r\nb\r\n"},
        {"a\rb", "a=0Db\r\n"},
        {"end \nend\t", "end=20\r\nend=09\r\n"},
        {"1 + 1 = 2", "1 + 1 =3D 2\r\n"},
        {"€", "=E2=82=AC\r\n"},
        {long_line, std::string(75, 'x') + "=\r\nxxxxx\r\n"},
        {std::string(74, 'x') + "€", std::string(74, 'x') + "=\r\n=E2=82=AC\r\n"},
        {std::string(75, 'x'), std::string(75, 'x') + "\r\n"},
    };

    for (const Body& row : table) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(quoted_printable(row.text), row.encoded);
    }
}

}  // namespace
}  // namespace slipway
