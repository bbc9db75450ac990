// The mailbox in a box: our own client hands it letters, and clients who do it wrong.

#include "ops/sandbox/mail_box.h"

#include <Poco/Net/StreamSocket.h>
#include <gtest/gtest.h>

#include <array>

#include "consumers/mail/smtp_mail.h"

namespace slipway::sandbox {
namespace {

struct House {
    std::vector<BoxedLetter> letters = {};
    std::string full = {};  // why nothing can be kept
    MailBox box{{"127.0.0.1", 0}, [this](const BoxedLetter& letter) {
                    if (!full.empty()) throw Error(full);
                    letters.push_back(letter);
                }};

    // What the box says to this, all of it.
    std::string told(const std::string& text) const {
        Poco::Net::StreamSocket socket(
            Poco::Net::SocketAddress(box.place().host, box.place().port));
        socket.setReceiveTimeout(Poco::Timespan(30, 0));
        socket.sendBytes(text.data(), static_cast<int>(text.size()));
        std::string all;
        std::array<char, 4096> bytes{};
        for (int got; (got = socket.receiveBytes(bytes.data(), bytes.size())) > 0;)
            all.append(bytes.data(), static_cast<std::size_t>(got));
        return all;
    }

    // Why our client could not; empty if it could.
    std::string send(const Letter& letter) const {
        const SystemClock clock;
        SmtpMail mail({.host = box.place().host,
                       .port = box.place().port,
                       .security = MailSecurity::Off,
                       .from = "Lab <lab@example.com>"},
                      clock);
        try {
            mail.send(letter);
            return {};
        } catch (const MailError& error) {
            return error.what();
        }
    }
};

std::string after_headers(const std::string& text) {
    return text.substr(text.find("\n\n") + 2);
}

TEST(MailBox, KeepsTheLettersOfOurClient) {
    House house;

    EXPECT_EQ(house.send({.id = "slipway/1/1/ready",
                          .to = "jo@example.com",
                          .subject = "ready",
                          .body = "one\n.two\n..\n"}),
              "");

    ASSERT_EQ(house.letters.size(), 1U);
    EXPECT_EQ(house.letters[0].from, "lab@example.com");
    EXPECT_EQ(house.letters[0].to, std::vector<std::string>{"jo@example.com"});
    EXPECT_EQ(after_headers(house.letters[0].text), "one\n.two\n..\n");
}

TEST(MailBox, SaysWhyItCannotKeepALetter) {
    House house;
    house.full = "the disk is full";

    const std::string why = house.send({.to = "jo@example.com", .subject = "x", .body = "x\n"});

    EXPECT_TRUE(why.ends_with("the letter: 451 the disk is full")) << why;
}

TEST(MailBox, TakesNothingOutOfTurn) {
    House house;

    EXPECT_EQ(house.told("HELO me\r\nRCPT TO:<a@b.c>\r\nDATA\r\nMAIL FROM: a\r\nVRFY x\r\n"
                         "MAIL FROM:<a@b.c>\r\nDATA\r\nRSET\r\nRCPT TO:<a@b.c>\r\nquit\r\n"),
              "220 a mailbox in a box\r\n"
              "250 yes\r\n"
              "503 MAIL FROM first, then RCPT TO, then DATA\r\n"
              "503 MAIL FROM first, then RCPT TO, then DATA\r\n"
              "501 an address stands in < and >\r\n"
              "502 this box does not know that\r\n"
              "250 yes\r\n"
              "503 MAIL FROM first, then RCPT TO, then DATA\r\n"
              "250 forgotten\r\n"
              "503 MAIL FROM first, then RCPT TO, then DATA\r\n"
              "221 good bye\r\n");
    EXPECT_TRUE(house.letters.empty());
}

TEST(MailBox, TakesNoLetterWithoutBounds) {
    House house;
    std::string text = "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n";
    for (int i = 0; i < 3'000; ++i) text += std::string(998, 'x') + "\r\n";

    const std::string said = house.told(text + ".\r\nQUIT\r\n");

    EXPECT_NE(said.find("552 the letter is too large\r\n"), std::string::npos) << said;
    EXPECT_TRUE(house.letters.empty());
}

TEST(MailBox, WritesAFileOfLettersThatMailProgramsOpen) {
    const BoxedLetter letter{
        .from = "lab@example.com", .to = {}, .text = "Subject: x\n\nFrom me\n>From you\nfrom us\n"};
    const std::chrono::system_clock::time_point then{std::chrono::seconds(1'776'530'154)};

    EXPECT_EQ(mbox_text(letter, then),
              "From lab@example.com Sat Apr 18 16:35:54 2026\n"
              "Subject: x\n\n>From me\n>>From you\nfrom us\n\n");
}

}  // namespace
}  // namespace slipway::sandbox
