#include "tests/consumers/mail/post_office.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "consumers/inventory/inventory_json.h"
#include "tests/contract/store_contract.h"

namespace slipway {

using namespace std::chrono_literals;

MailerProcess::MailerProcess(PostOffice& office, int process)
    : clock(office.clock, office.faults, process),
      store(*office.store, office.faults, office.poison, process),
      bus(office.bus.connect(), office.faults, process),
      mail(office.mail, office.faults, process),
      teller(bus, TopicNames{}, fmt::format("mailer-{}", process)),
      book(store, office.secrets, clock),
      mailer({bus, clock, store, teller, mail, book, office.secrets}, {}) {}

Inventory an_inventory() {
    return {.packages = {{.name = "small",
                          .cluster = "waw",
                          .os_template = "debian-12",
                          .letters = {{"ready", "welcome"}, {"password", "new-password"}}}},
            .letters = {{.name = "welcome",
                         .subject = "{domain} is ready",
                         .body = "Log in to {ip} as {username}, password {password}.\n"},
                        {.name = "new-password",
                         .subject = "A new password",
                         .body = "For {name} ({vmid}).\n"}}};
}

PostOffice::PostOffice(int count)
    : store(open_store({.url = "sqlite::memory:"})),
      bus(clock, 1, {.partitions = 2}),
      sender_(bus.connect()) {
    declare(an_inventory());
    for (int i = 0; i < count; ++i) {
        processes.emplace_back();
        restart(i);
    }
}

void PostOffice::declare(const Inventory& inventory) {
    const InventoryRows before = store->inventory();
    std::vector<InventoryKey> gone;
    for (const InventoryRow& row : before.rows) gone.push_back({row.kind, row.name});
    ASSERT_TRUE(store->change_inventory(before.revision, {}, gone, clock.now()));
    const std::vector<InventoryRow> rows = rows_of(inventory, secrets);
    ASSERT_TRUE(store->change_inventory(store->inventory_revision(), rows, {}, clock.now()));
}

void PostOffice::add_vm(const std::string& service_id, const std::function<void(Vm&)>& change) {
    Change detail = step_to(begun(*store, service_id), "set_ip");
    detail.changes_detail = true;
    Vm& vm = detail.next;
    vm.cluster = "waw";
    vm.target = R"({"service_id":"5546","email":"jane@example.org"})";
    vm.product = "small";
    vm.vmid = 2005;
    vm.name = "77-5546";
    vm.domain = "web.example.com";
    vm.username = "debian";
    vm.password = secrets.seal("s3cret", "vm/" + service_id + "/password");
    if (change) change(vm);
    ASSERT_TRUE(save_one(*store, detail).won);
}

LetterRow PostOffice::write_letter(const std::string& service_id, const std::string& kind) {
    const Vm vm = load_one(*store, service_id).value();
    Change done = step_to(vm, vm.state);
    done.letter =
        LetterRow{.service_id = service_id, .run = vm.run, .kind = kind, .at = clock.now()};
    EXPECT_TRUE(save_one(*store, done).won);
    return *done.letter;
}

LetterRow PostOffice::post(const std::string& service_id, const std::string& kind) {
    LetterRow letter = write_letter(service_id, kind);
    tell(letter);
    return letter;
}

void PostOffice::tell(const LetterRow& letter) {
    sender_->publish(to_message(letter_event(letter), "slipway.letters"));
}

void PostOffice::run_process(int number) {
    MailerProcess& process = *processes.at(static_cast<std::size_t>(number));
    while (true) {
        const bool moved = bus.run();
        if (!process.mailer.run_one(0ms) && !moved) return;
    }
}

void PostOffice::run() {
    for (std::size_t i = 0; i < processes.size(); ++i) {
        try {
            run_process(static_cast<int>(i));
        } catch (const Crash&) {
            restart(static_cast<int>(i));
        }
    }
}

void PostOffice::run_for(std::chrono::seconds time) {
    for (auto passed = 0s; passed < time; passed += 1s) {
        run();
        clock.advance(1s);
    }
    run();
}

void PostOffice::restart(int number) {
    auto& process = processes.at(static_cast<std::size_t>(number));
    process.reset();
    process = std::make_unique<MailerProcess>(*this, ++started_);
}

// Nobody marks letters as published in here, so they can all be read this way.
std::string PostOffice::row(const LetterRow& letter) {
    std::optional<Time> due;
    constexpr Time for_ever{std::chrono::sys_days{std::chrono::year{2100} / 1 / 1}};
    for (Time at = clock.now(); at < clock.now() + 2h && !due; at += 1s)
        for (const LetterRow& row : store->due_letters(at, 100))
            if (row.service_id == letter.service_id && row.kind == letter.kind) due = at;
    for (const LetterRow& row : store->unpublished_letters(for_ever, 100)) {
        if (row.service_id != letter.service_id || row.kind != letter.kind) continue;
        const std::string fate =
            row.sent_at ? "sent"
            : due       ? fmt::format("again in {} s: {}", (*due - clock.now()) / 1s, row.error)
                        : fmt::format("ended: {}", row.error);
        return fmt::format(
            "{}/{}/{}: {} attempts, {}", row.service_id, row.run, row.kind, row.attempts, fate);
    }
    return "no such letter";
}

std::string PostOffice::inbox() const {
    std::string all;
    for (const Letter& letter : mail.inbox)
        all += fmt::format("{} to {}: {}\n{}", letter.id, letter.to, letter.subject, letter.body);
    return all;
}

}  // namespace slipway
