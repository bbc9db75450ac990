#pragma once
// A letter as mail servers take it: headers and a plain text body (RFC 5322, MIME). Pure.
//
// Nothing that stands in a letter can add a header or another recipient: a subject or an address
// with a line end is refused. The body goes as quoted-printable, so that it may hold anything.

#include <optional>
#include <string>
#include <string_view>

#include "consumers/mail/mail.h"
#include "schema/vm.h"

namespace slipway {

// "Example Hosting <noreply@example.com>", or the address alone.
struct Mailbox {
    std::string name;
    std::string address;

    std::string domain() const;
};

// Throws Error that says what is wrong.
Mailbox parse_mailbox(std::string_view text);

// Why no letter can go to this address, as the end of a sentence; nullopt if one can.
std::optional<std::string> wrong_mail_address(std::string_view address);

// The whole message, every line ended by CRLF. Throws MailError, permanent, for a subject or an
// address that would not stay what it is.
std::string message_text(const Letter& letter, const Mailbox& from, Time now);

// The parts of it.
std::string encoded_words(std::string_view text);  // RFC 2047, folded
std::string quoted_printable(std::string_view text);
std::string message_id(std::string_view letter_id, std::string_view domain);
std::string mail_date(Time at);

}  // namespace slipway
