#pragma once
// Mailers on a simulated broker, clock and mail server, with SQLite in memory: what the tests of
// the mailer have in common.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "consumers/inventory/inventory_book.h"
#include "consumers/mail/mailer.h"
#include "schema/sql_store.h"
#include "tests/story/fault_seams.h"
#include "tests/story/sim_bus.h"
#include "tests/story/sim_clock.h"
#include "tests/story/sim_mail.h"

namespace slipway {

// One process with a mailer in it.
struct MailerProcess {
    MailerProcess(class PostOffice& office, int process);

    FaultClock clock;
    FaultStore store;
    FaultBus bus;
    FaultMail mail;
    Teller teller;
    InventoryBook book;
    Mailer mailer;
};

class PostOffice {
  public:
    explicit PostOffice(int processes = 1);

    // A VM with everything a letter can say; what differs is said by `change`.
    void add_vm(const std::string& service_id, const std::function<void(Vm&)>& change = {});
    // A step of that VM was done, and its commit holds a letter. Nobody has told the topic.
    LetterRow write_letter(const std::string& service_id, const std::string& kind = "ready");
    // The same, and the topic was told.
    LetterRow post(const std::string& service_id, const std::string& kind = "ready");
    void tell(const LetterRow& letter);
    void declare(const Inventory& inventory);

    // Rounds of every process until nothing happens at this moment.
    void run();
    // The same, moved on second by second.
    void run_for(std::chrono::seconds time);
    void run_process(int number);
    // A new process instead of one that died or is to die.
    void restart(int number);

    // "5546/1/ready: 2 attempts, sent" or "…, again in 60 s: why" or "…, ended: why".
    std::string row(const LetterRow& letter);
    // Everything that was sent, as a person would read it.
    std::string inbox() const;

    SimClock clock;
    Faults faults;
    Poison poison;
    std::unique_ptr<Store> store;
    SimBus bus;
    SimMail mail;
    SecretBox secrets{std::string(32, 'k')};
    std::vector<std::unique_ptr<MailerProcess>> processes;

  private:
    std::unique_ptr<Bus> sender_;
    int started_ = 0;
};

// One package with letters for two occasions.
Inventory an_inventory();

}  // namespace slipway
