#pragma once
// Intake: lifecycle requests become rows.
//
// Reads slipway.requests as group slipway-intake, decides by the table of rules what each request
// means to its VM, and commits request, VM and run together. Only then is the first state event
// published and the request's offset finished. A request read twice is known by its id.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "consumers/inventory/inventory_book.h"
#include "consumers/runtime/lanes.h"
#include "consumers/runtime/offsets.h"
#include "consumers/runtime/run_step.h"
#include "consumers/runtime/teller.h"
#include "consumers/runtime/unread_messages.h"
#include "topics/bus.h"

namespace slipway {

struct IntakeSettings {
    std::string group = "slipway-intake";
    std::string topic = "slipway.requests";
    std::chrono::milliseconds grace{60'000};
    std::chrono::milliseconds retry_after{500};  // while the database does not answer
    std::chrono::milliseconds gather{0};         // what arrives within so long becomes one commit
};

class Intake {
  public:
    struct Parts {
        Bus& bus;
        Clock& clock;
        Store& store;
        Teller& teller;
        InventoryBook* inventory = nullptr;  // none where only rehearsals are ordered
        Lanes* lanes = nullptr;  // of this process, if it has any: they need not load new rows
    };

    Intake(Parts parts, IntakeSettings settings);

    // One poll and one commit; false if there was nothing to do.
    bool run_one(std::chrono::milliseconds longest);
    void run_until_stopped();
    void stop() { stopped_ = true; }
    void close();

    std::chrono::nanoseconds polled_at() const { return std::chrono::nanoseconds(polled_at_); }
    const std::string& topic() const { return settings_.topic; }

  private:
    struct Pending {
        RequestRow request;
        Ticket ticket;
    };

    void read(const Received& received);
    bool commit_pending();
    void admit_pending();
    std::vector<AdmitResult> admit(const std::vector<Admitted>& decided);
    std::vector<Admitted> decide(const std::vector<Pending>& requests, Time now);
    void publish(const Admitted& admitted);
    void finish_advanced();

    Parts parts_;
    const IntakeSettings settings_;
    Offsets offsets_;
    std::vector<Pending> pending_;
    UnreadMessages unread_;
    std::chrono::nanoseconds not_before_{0};
    bool retrying_ = false;
    bool paused_ = false;
    std::atomic<bool> stopped_{false};
    std::atomic<std::int64_t> polled_at_{0};
    std::unique_ptr<Consumer> consumer_;  // last: its callbacks use everything above
};

}  // namespace slipway
