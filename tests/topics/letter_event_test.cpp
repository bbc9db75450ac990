// The event that a letter is to be sent: what is written, and what is said of one nobody can read.

#include <gtest/gtest.h>

#include "topics/event.h"

namespace slipway {
namespace {

LetterEvent a_letter() {
    return {.service_id = "5546",
            .run = 3,
            .kind = "ready",
            .time = EventTime(std::chrono::seconds(1))};
}

std::string as_text(const Message& message) {
    std::string text = message.topic + " " + message.key + "\n";
    for (const auto& [name, value] : message.headers)
        text.append(name).append(": ").append(value).append("\n");
    return text + message.body + "\n";
}

// Of the letter above, with another type or other data.
std::string why_unreadable(std::string type, std::string body) {
    Message message = to_message(a_letter(), "t");
    message.body = std::move(body);
    message.headers.at(1).value = std::move(type);
    try {
        read_letter_event(message);
    } catch (const Unreadable& unreadable) {
        return unreadable.what();
    }
    return "was read";
}

TEST(LetterEvent, SaysWhichLetterAndIsReadBackAsItWasWritten) {
    const Message message = to_message(a_letter(), "slipway.letters");

    EXPECT_EQ(as_text(message),
              "slipway.letters 5546\n"
              "ce_specversion: 1.0\n"
              "ce_type: slipway.letter\n"
              "ce_source: slipway\n"
              "ce_id: 5546/3/ready\n"
              "ce_time: 1970-01-01T00:00:01.000000Z\n"
              "content-type: application/json\n"
              R"({"service_id":"5546","run":3,"kind":"ready"})"
              "\n");
    EXPECT_EQ(as_text(to_message(read_letter_event(message), "slipway.letters")), as_text(message));
}

TEST(LetterEvent, OneThatCannotBeReadSaysWhy) {
    const std::string good = R"({"service_id":"5546","run":3,"kind":"ready"})";

    EXPECT_EQ(why_unreadable("slipway.letter", good), "was read");
    EXPECT_EQ(why_unreadable("slipway.state", good),
              "ce_type: is not known on this topic, must be slipway.letter");
    EXPECT_EQ(why_unreadable("slipway.letter", R"({"service_id":"5546","run":3})"),
              "data.kind: is missing, must be a name of 1 to 64 letters, digits, '_' or '-'");
    EXPECT_EQ(why_unreadable("slipway.letter", R"({"service_id":"5546","run":-3,"kind":"ready"})"),
              "data.run: is too small, must be a whole number, 0 or above");
}

}  // namespace
}  // namespace slipway
