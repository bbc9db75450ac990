#pragma once
// The conversation with a mail server (RFC 5321): a command, a reply, and all of it within one time
// limit. Knows nothing of letters; smtp_mail.cpp says what is said.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/http/connection.h"

namespace slipway {

struct SmtpReply {
    int code = 0;                    // 250, 421, 550, …
    std::vector<std::string> lines;  // without the code

    // "550 5.1.1 no such user": on one line, and not longer than a person reads.
    std::string text() const;
};

class SmtpTalk {
  public:
    SmtpTalk(std::unique_ptr<NetConnection> connection, const TimeLimit& limit);

    // All of these throw Error when the connection breaks, the time is over, or what comes is no
    // reply of a mail server.
    SmtpReply read_reply();
    SmtpReply ask(std::string_view command);  // one line, without its end
    void write(std::string_view bytes);

    // After the server's yes to STARTTLS. Throws Error if more came with that yes: it was said in
    // the clear, perhaps by somebody else, and would count as said under TLS.
    void begin_tls(const std::string& host, const std::shared_ptr<TlsContext>& context);

    // Takes no longer than `longest`, and never throws for what the other side does.
    void quit(std::chrono::nanoseconds longest);

  private:
    std::string read_line();

    std::unique_ptr<NetConnection> connection_;
    TimeLimit limit_;
    std::string unread_;
};

// A letter's text as it goes after DATA: no line of it is the lone dot that ends it.
std::string dot_stuffed(std::string_view text);

}  // namespace slipway
