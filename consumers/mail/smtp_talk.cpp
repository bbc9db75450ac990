#include "consumers/mail/smtp_talk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "consumers/runtime/check.h"
#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t most_line_bytes = 4'096;  // RFC 5321 says 512, and servers say more
constexpr std::size_t most_lines = 200;
constexpr std::size_t most_text_bytes = 400;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

std::string SmtpReply::text() const {
    std::string all = clean_text(fmt::format("{} {}", code, fmt::join(lines, " ")));
    std::replace_if(
        all.begin(), all.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return all.size() > most_text_bytes ? clean_text(all.substr(0, most_text_bytes)) + "…" : all;
}

SmtpTalk::SmtpTalk(std::unique_ptr<NetConnection> connection, const TimeLimit& limit)
    : connection_(std::move(connection)), limit_(limit) {}

SmtpReply SmtpTalk::read_reply() {
    SmtpReply reply;
    while (true) {
        const std::string line = read_line();
        const bool has_code =
            line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3, is_digit);
        const bool goes_on = line.size() > 3 && line[3] == '-';
        if (!has_code || (line.size() > 3 && line[3] != ' ' && !goes_on) || line[0] == '0')
            throw Error("what came is no reply of a mail server; is this its port?");
        const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        if (!reply.lines.empty() && code != reply.code)
            throw Error("a reply of the mail server has two codes");
        reply.code = code;
        reply.lines.push_back(line.size() > 4 ? line.substr(4) : "");
        if (!goes_on) return reply;
        if (reply.lines.size() >= most_lines) throw Error("a reply of the mail server has no end");
    }
}

SmtpReply SmtpTalk::ask(std::string_view command) {
    check(command.find_first_of("\r\n") == std::string_view::npos, "a command is one line");
    write(fmt::format("{}\r\n", command));
    return read_reply();
}

void SmtpTalk::write(std::string_view bytes) {
    connection_->write(bytes, limit_);
}

void SmtpTalk::begin_tls(const std::string& host, const std::shared_ptr<TlsContext>& context) {
    if (!unread_.empty())
        throw Error("the mail server said more than its yes to STARTTLS, in the clear");
    connection_ = slipway::begin_tls(std::move(connection_), host, context, limit_);
}

void SmtpTalk::quit(std::chrono::nanoseconds longest) {
    limit_.ends_at = std::min(limit_.ends_at, limit_.clock.since_boot() + longest);
    try {
        ask("QUIT");
    } catch (const std::exception&) {
        return;
    }
}

std::string SmtpTalk::read_line() {
    while (true) {
        const std::size_t end = unread_.find('\n');
        if (end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            if (line.ends_with('\r')) line.pop_back();
            return line;
        }
        if (unread_.size() > most_line_bytes)
            throw Error("a line of the mail server's reply has no end");
        const std::string bytes = connection_->read(limit_);
        if (bytes.empty()) throw Error("the mail server closed the connection");
        unread_ += bytes;
    }
}

std::string dot_stuffed(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    bool begins_line = true;
    for (const char c : text) {
        if (begins_line && c == '.') out += '.';
        out += c;
        begins_line = c == '\n';
    }
    return out;
}

}  // namespace slipway
