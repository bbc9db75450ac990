#include "ops/sandbox/mail_box.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "consumers/runtime/error.h"

namespace slipway::sandbox {
namespace {

constexpr std::chrono::minutes longest_line{1};  // until it has come
constexpr std::size_t largest_letter = 2 * 1024 * 1024;
constexpr std::size_t most_line_bytes = 4096;

// What the client says, line by line.
class Lines {
  public:
    explicit Lines(Peer& peer) : peer_(peer) {}

    // Without its end; nothing if the client has gone or the line has no end.
    std::optional<std::string> next() {
        peer_.limit(longest_line);
        std::size_t end = 0;
        while ((end = unread_.find('\n')) == std::string::npos) {
            const std::string more = peer_.receive();
            if (more.empty() || unread_.size() > most_line_bytes) return std::nullopt;
            unread_ += more;
        }
        std::string line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        if (line.ends_with('\r')) line.pop_back();
        return line;
    }

  private:
    Peer& peer_;
    std::string unread_;
};

std::string verb_of(const std::string& line) {
    std::string verb = line.substr(0, line.find_first_of(" :"));
    std::transform(verb.begin(), verb.end(), verb.begin(), ::toupper);
    return verb;
}

// "MAIL FROM:<jo@example.com> SIZE=100" -> jo@example.com; nothing if there are no brackets.
std::optional<std::string> address_in(const std::string& line) {
    const std::size_t open = line.find('<');
    const std::size_t close = line.find('>', std::min(open, line.size()));
    if (open == std::string::npos || close == std::string::npos) return std::nullopt;
    return line.substr(open + 1, close - open - 1);
}

// Up to the line with a single dot; a dot that was put before a line's own is taken off again.
std::optional<std::string> text_in(Lines& lines) {
    std::string text;
    while (auto line = lines.next()) {
        if (*line == ".") return text;
        if (text.size() < largest_letter)
            text += line->substr(line->starts_with('.') ? 1 : 0) + "\n";
    }
    return std::nullopt;
}

}  // namespace

MailBox::MailBox(const Place& place, Keep keep)
    : keep_(std::move(keep)), listener_({.place = place}, [this](Peer& peer) { talk(peer); }) {}

std::string MailBox::kept(const BoxedLetter& letter) {
    if (letter.text.size() >= largest_letter) return "552 the letter is too large";
    try {
        const std::lock_guard lock(mutex_);
        keep_(letter);
        return "250 kept";
    } catch (const Error& error) {
        return fmt::format("451 {}", error.what());
    }
}

void MailBox::talk(Peer& peer) {
    Lines lines(peer);
    BoxedLetter letter;
    bool has_sender = false;
    const auto say = [&](const std::string& reply) { peer.send(reply + "\r\n"); };
    say("220 a mailbox in a box");
    while (const auto line = lines.next()) {
        const std::string verb = verb_of(*line);
        const auto address = address_in(*line);
        if (verb == "QUIT") return say("221 good bye");
        if (verb == "EHLO") {
            say("250-a mailbox in a box\r\n250 8BITMIME");
        } else if (verb == "HELO" || verb == "NOOP") {
            say("250 yes");
        } else if (verb == "RSET") {
            letter = {};
            has_sender = false;
            say("250 forgotten");
        } else if ((verb == "MAIL" || verb == "RCPT") && !address) {
            say("501 an address stands in < and >");
        } else if (verb == "MAIL") {
            letter = {.from = *address, .to = {}, .text = {}};
            has_sender = true;
            say("250 yes");
        } else if (verb == "RCPT" && has_sender) {
            letter.to.push_back(*address);
            say("250 yes");
        } else if (verb == "DATA" && !letter.to.empty()) {
            say("354 go on; a single dot ends it");
            auto text = text_in(lines);
            if (!text) return;
            letter.text = std::move(*text);
            say(kept(letter));
            letter = {};
            has_sender = false;
        } else {
            say(verb == "RCPT" || verb == "DATA" ? "503 MAIL FROM first, then RCPT TO, then DATA"
                                                 : "502 this box does not know that");
        }
    }
}

std::string mbox_text(const BoxedLetter& letter, std::chrono::system_clock::time_point at) {
    std::string text = fmt::format("From {} {:%a %b %e %H:%M:%S %Y}\n",
                                   letter.from.empty() ? "MAILER-DAEMON" : letter.from,
                                   fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
    std::size_t begin = 0;
    while (begin < letter.text.size()) {
        const std::size_t end = letter.text.find('\n', begin) + 1;
        const std::string line = letter.text.substr(begin, end - begin);
        // Else it would begin another letter.
        const std::size_t marks = std::min(line.find_first_not_of('>'), line.size());
        if (line.compare(marks, 5, "From ") == 0) text += ">";
        text += line;
        begin = end;
    }
    return text + "\n";
}

}  // namespace slipway::sandbox
