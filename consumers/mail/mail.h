#pragma once
// The Mail seam: one letter handed over to a mail server.
//
// Implemented by SmtpMail (smtp_mail.h) and by the stories. Sends or throws; a letter that was
// handed over twice carries the same Message-ID, which is all that mail offers against repeats.

#include <string>

#include "consumers/runtime/error.h"

namespace slipway {

struct Letter {
    std::string id;  // what its Message-ID is made of: the same for every attempt
    std::string to;
    std::string subject;
    std::string body;  // plain text, UTF-8, lines end with \n
};

// `permanent`: the server will never take this very letter (a 5xx answer to it).
struct MailError : Error {
    MailError(const std::string& text, bool is_permanent) : Error(text), permanent(is_permanent) {}
    bool permanent;
};

class Mail {
  public:
    virtual ~Mail() = default;

    // Throws MailError. Any thread.
    virtual void send(const Letter& letter) = 0;
};

}  // namespace slipway
