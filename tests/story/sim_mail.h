#pragma once
// A mail server in memory: keeps what it takes, and refuses when it is told to.

#include <functional>
#include <string>
#include <vector>

#include "consumers/mail/mail.h"

namespace slipway {

class SimMail final : public Mail {
  public:
    void send(const Letter& letter) override {
        ++asked;
        if (on_letter) on_letter(letter);
        inbox.push_back(letter);
    }

    std::vector<Letter> inbox;                     // everything it ever took
    std::function<void(const Letter&)> on_letter;  // may throw MailError
    int asked = 0;
};

}  // namespace slipway
