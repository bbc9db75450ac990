#include "consumers/mail/message_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "schema/base64.h"
#include "topics/event.h"
#include "topics/json.h"

namespace slipway {
namespace {

constexpr std::size_t most_address_bytes = 254;
constexpr std::size_t most_local_bytes = 64;
constexpr std::size_t most_plain_subject = 66;  // with "Subject: " it stays below 76 columns
constexpr std::size_t most_encoded_line = 76;   // RFC 2045; one column is for the = at the end
constexpr std::size_t most_word_bytes = 39;     // "Subject: =?UTF-8?B?" and "?=" fit beside them
constexpr std::string_view specials = "()<>[]:;,\\\"";

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool is_domain(std::string_view domain) {
    if (domain.empty() || domain.front() == '.' || domain.back() == '.') return false;
    if (domain.find("..") != std::string_view::npos) return false;
    return std::all_of(domain.begin(), domain.end(), [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '-';
    });
}

// The name in quotes stands for itself, with \" and \\ for what would end it.
std::string unquoted(std::string_view name) {
    if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
    name = name.substr(1, name.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size()) ++i;
        plain += name[i];
    }
    return plain;
}

std::string in_quotes(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + '"';
}

std::string from_line(const Mailbox& from) {
    if (from.name.empty()) return from.address;
    const bool short_and_plain = is_plain(from.name) && from.name.size() <= most_plain_subject;
    return fmt::format("{}\r\n <{}>",
                       short_and_plain ? in_quotes(from.name) : encoded_words(from.name),
                       from.address);
}

// "=?" begins an encoded word, wherever it came from.
std::string subject_line(std::string_view subject) {
    const bool as_it_is = is_plain(subject) && subject.size() <= most_plain_subject &&
                          subject.find("=?") == std::string_view::npos;
    return as_it_is ? std::string(subject) : encoded_words(subject);
}

// Of one line of a body, which a space or a tab may not end.
std::string encoded_line(std::string_view line) {
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        const bool blank = c == ' ' || c == '\t';
        const bool as_it_is = (c > ' ' && c <= '~' && c != '=') || (blank && i + 1 < line.size());
        const std::size_t width = as_it_is ? 1 : 3;
        if (column + width > most_encoded_line - 1) {
            out += "=\r\n";
            column = 0;
        }
        if (as_it_is)
            out += c;
        else
            fmt::format_to(std::back_inserter(out), "={:02X}", static_cast<unsigned char>(c));
        column += width;
    }
    return out + "\r\n";
}

}  // namespace

std::string Mailbox::domain() const {
    return address.substr(address.rfind('@') + 1);
}

Mailbox parse_mailbox(std::string_view text) {
    text = trimmed(text);
    Mailbox mailbox{.address = std::string(text)};
    if (const std::size_t open = text.rfind('<'); open != std::string_view::npos) {
        if (!text.ends_with('>'))
            throw Error("has a < without a > at its end; write Name <name@example.com>");
        mailbox.address = text.substr(open + 1, text.size() - open - 2);
        mailbox.name = unquoted(trimmed(text.substr(0, open)));
    }
    if (std::any_of(mailbox.name.begin(), mailbox.name.end(), is_control))
        throw Error("has a line end or another control character in its name");
    mailbox.name = clean_text(mailbox.name);
    if (const auto wrong = wrong_mail_address(mailbox.address))
        throw Error(fmt::format("{}; write Name <name@example.com>, or the address alone", *wrong));
    return mailbox;
}

std::optional<std::string> wrong_mail_address(std::string_view address) {
    if (address.empty()) return "is empty";
    if (std::any_of(address.begin(), address.end(), is_control))
        return "has a line end or another control character";
    if (address.size() > most_address_bytes) return "is longer than 254 bytes";
    if (address.find(' ') != std::string_view::npos) return "has a space";
    if (!is_plain(address)) return "has a letter beyond ASCII, which not every mail server takes";
    if (address.find_first_of(specials) != std::string_view::npos)
        return fmt::format("has one of {}", specials);
    const std::size_t at = address.find('@');
    if (at == std::string_view::npos) return "has no @";
    if (at != address.rfind('@')) return "has more than one @";
    if (at == 0) return "has nothing before its @";
    if (at > most_local_bytes) return "has more than 64 bytes before its @";
    if (!is_domain(address.substr(at + 1))) return "has no host name after its @";
    return std::nullopt;
}

std::string message_text(const Letter& letter, const Mailbox& from, Time now) {
    if (const auto wrong = wrong_mail_address(letter.to))
        throw MailError(fmt::format("the address of the customer {}", *wrong), true);
    if (std::any_of(letter.subject.begin(), letter.subject.end(), is_control))
        throw MailError(
            "the subject of the letter has a line end or another control character, which would "
            "end the header that it is",
            true);
    return fmt::format(
        "Date: {}\r\nFrom: {}\r\nTo: <{}>\r\nMessage-ID: {}\r\nSubject: {}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n{}",
        mail_date(now),
        from_line(from),
        letter.to,
        message_id(letter.id, from.domain()),
        subject_line(clean_text(letter.subject)),
        quoted_printable(clean_text(letter.body)));
}

std::string encoded_words(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t size = 0;
        while (size < text.size()) {
            const std::size_t length =
                std::max<std::size_t>(1, utf8_length(text.substr(size)));  // whole letters only
            if (size + length > most_word_bytes) break;
            size += length;
        }
        out += fmt::format(
            "{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ", base64(text.substr(0, size)));
        text.remove_prefix(size);
    }
    return out;
}

std::string quoted_printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        out += encoded_line(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

// What is no letter, digit, - or / there is written =2E and so on: two ids never become one.
std::string message_id(std::string_view letter_id, std::string_view domain) {
    std::string local;
    for (const char c : letter_id) {
        if (is_letter_or_digit(c) || c == '-' || c == '/')
            local += c;
        else
            fmt::format_to(std::back_inserter(local), "={:02X}", static_cast<unsigned char>(c));
    }
    return fmt::format("<{}@{}>", local, domain);
}

std::string mail_date(Time at) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} +0000",
                       std::chrono::floor<std::chrono::seconds>(at));
}

}  // namespace slipway
