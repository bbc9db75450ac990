#pragma once
// The mailer: sends the letters that the database says are to be sent.
//
// Reads slipway.letters as group slipway-mailer; a message is only a nudge. Once a second it asks
// the database as well, so that a lost message, a failed attempt and a dead mailer are one thing:
// an unsent row whose time has come. What a letter says is written at the moment it is sent, from
// the VM's row, what it holds, and the newest inventory.
//
// Once per run, as far as SMTP allows. A row is one (service, run, kind), and only who begins it
// sends it: two mailers never do at a time. Between the server's yes and our note of it lie two
// moments in which nobody knows: if this process dies there, or the connection breaks after the
// letter went out whole, it is sent once more, with the same Message-ID. A row with more than one
// attempt is one that may have arrived twice; no other can have.
//
// A letter that fails is tried again, a minute later, then two, four and so on up to an hour, for
// ever. One that the server refuses for good ends with its error and a dead letter. One that cannot
// be wanted any more, or has no address to go to, ends with the reason alone.
//
// One letter at a time, and a poll between any two: a slow mail server holds the polling up for one
// letter's time limit (mail.timeout, 2 minutes at most) and no more.

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumers/inventory/inventory_book.h"
#include "consumers/mail/mail.h"
#include "consumers/runtime/clock.h"
#include "consumers/runtime/offsets.h"
#include "consumers/runtime/teller.h"
#include "consumers/runtime/unread_messages.h"
#include "schema/secret_box.h"
#include "schema/store.h"
#include "topics/bus.h"

namespace slipway {

struct MailerSettings {
    std::string group = "slipway-mailer";
    std::string topic = "slipway.letters";
    std::string installation = "slipway";  // begins every Message-ID
    // How long an attempt begun is its beginner's alone: longer than a letter's time limit, and as
    // long as a letter rests whose mailer died.
    std::chrono::milliseconds taken{300'000};
    std::chrono::milliseconds retry_first{60'000};
    std::chrono::milliseconds retry_longest{3'600'000};
    std::chrono::milliseconds look_every{1'000};  // for rows whose time has come
    std::chrono::milliseconds retry_after{500};   // while the database does not answer
    int batch = 200;                              // letters held at most before reading more
};

class Mailer {
  public:
    struct Parts {
        Bus& bus;
        Clock& clock;
        Store& store;
        Teller& teller;
        Mail& mail;
        InventoryBook& inventory;
        const SecretBox& secrets;
    };

    Mailer(Parts parts, MailerSettings settings);

    // One poll, and one letter at most; false if there was nothing to do.
    bool run_one(std::chrono::milliseconds longest);
    void run_until_stopped();
    void stop() { stopped_ = true; }
    // Commits what is finished and leaves the group.
    void close();

    // When the last poll ended, on the since_boot clock: what the watchdog looks at.
    std::chrono::nanoseconds polled_at() const { return std::chrono::nanoseconds(polled_at_); }
    const std::string& topic() const { return settings_.topic; }

  private:
    struct Waiting {
        LetterRow key;
        Ticket ticket;
    };
    // A letter on paper, or why there is none.
    struct Written {
        Letter letter = {};
        std::string why_not = {};
        std::string password = {};  // what no error may repeat
    };
    // What became of an attempt, until the database has it.
    struct Ended {
        LetterRow letter;
        Ticket ticket;
        std::string error = {};
        std::optional<Time> again_at = {};
        std::optional<DeadLetterRow> dead_letter = {};
    };

    void read(const Received& received);
    void wait_for(const LetterRow& key, Ticket ticket);
    bool work();
    void look_for_due();
    void begin_next();
    Ended attempt(const LetterRow& letter);
    Ended failed(const LetterRow& letter, const std::string& error);
    Ended refused(const LetterRow& letter, const std::string& error);
    Ended unwanted(const LetterRow& letter, const std::string& why);
    void write(const LetterRow& letter, Written& written);
    void record();
    void pause_or_resume();
    void finish_advanced();

    Parts parts_;
    const MailerSettings settings_;
    Offsets offsets_;
    std::deque<Waiting> waiting_;
    UnreadMessages unread_;
    std::optional<Ended> ended_;
    std::chrono::nanoseconds next_look_{0};
    std::chrono::nanoseconds not_before_{0};
    std::string last_error_;  // said once, until it is another
    bool paused_ = false;
    std::atomic<bool> stopped_{false};
    std::atomic<std::int64_t> polled_at_{0};
    std::unique_ptr<Consumer> consumer_;  // last: its callbacks use everything above
};

}  // namespace slipway
