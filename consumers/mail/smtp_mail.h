#pragma once
// Mail over SMTP: one connection per letter, TLS and log-in as configured, one time limit for all.
//
// An answer of 5xx to this very letter (its recipient or its content) is permanent. Everything else
// is not: a refused log-in or sender is for operators to mend, a broken connection mends itself. If
// it breaks after the letter was sent whole and before the server said yes, nobody knows whether it
// will arrive: that is told apart in the text, and the letter counts as not sent.

#include <memory>
#include <string>

#include "consumers/http/connection.h"
#include "consumers/mail/mail.h"
#include "consumers/mail/message_text.h"
#include "consumers/runtime/clock.h"
#include "consumers/runtime/config.h"

namespace slipway {

class SmtpMail final : public Mail {
  public:
    // Throws Error if certificates or addresses that it is given are none.
    SmtpMail(const MailConfig& config, const Clock& clock);

    void send(const Letter& letter) override;

  private:
    const MailConfig config_;
    const Clock& clock_;
    const Mailbox from_;
    std::shared_ptr<TlsContext> tls_;  // null without TLS
};

// Where no mail server is configured: nothing is sent, and every letter says why.
class NoMail final : public Mail {
  public:
    void send(const Letter& letter) override;
};

// SmtpMail, or NoMail and a warning in the log if there is no mail.host.
std::unique_ptr<Mail> open_mail(const MailConfig& config, const Clock& clock);

}  // namespace slipway
