#pragma once
// The seams as one simulated process sees them: the real thing with faults around it.

#include <functional>
#include <stdexcept>
#include <utility>

#include "consumers/mail/mail.h"
#include "consumers/runtime/clock.h"
#include "consumers/runtime/ledger.h"
#include "schema/store.h"
#include "tests/story/faults.h"
#include "topics/bus.h"

namespace slipway {

class FaultClock final : public Clock {
  public:
    FaultClock(Clock& clock, Faults& faults, int process)
        : clock_(clock), faults_(faults), process_(process) {}

    // A process that is stopped here reads the time after it was continued.
    Time now() const override {
        faults_.reach({"clock.now", Moment::Before, process_});
        return clock_.now();
    }
    std::chrono::nanoseconds since_boot() const override {
        faults_.reach({"clock.since_boot", Moment::Before, process_});
        return clock_.since_boot();
    }

  private:
    Clock& clock_;
    Faults& faults_;
    const int process_;
};

class FaultLedger final : public Ledger {
  public:
    FaultLedger(Ledger& ledger, Faults& faults, int process)
        : ledger_(ledger), faults_(faults), process_(process) {}

    void write(const Vm& vm, std::string_view state) override {
        faults_.around("ledger.write", process_, [&] { ledger_.write(vm, state); });
    }

  private:
    Ledger& ledger_;
    Faults& faults_;
    const int process_;
};

// Which changes the database refuses, although it takes others.
using Poison = std::function<bool(const Change&)>;

class FaultStore final : public Store {
  public:
    FaultStore(Store& store, Faults& faults, const Poison& poison, int process)
        : store_(store), faults_(faults), poison_(poison), process_(process) {}

    std::vector<Vm> load(std::span<const std::string> service_ids) override {
        return faults_.around("store.load", process_, [&] { return store_.load(service_ids); });
    }
    std::vector<Saved> save(std::span<const Change> changes) override {
        return faults_.around("store.save", process_, [&] {
            for (const Change& change : changes)
                if (poison_ && poison_(change)) throw std::runtime_error("value out of range");
            return store_.save(changes);
        });
    }
    bool was_saved(std::string_view writer, std::int64_t told_as) override {
        return faults_.around(
            "store.was_saved", process_, [&] { return store_.was_saved(writer, told_as); });
    }
    std::vector<RequestRow> requests(std::span<const std::string> ids) override {
        return faults_.around("store.requests", process_, [&] { return store_.requests(ids); });
    }
    std::vector<AdmitResult> admit(std::span<const Admitted> admitted) override {
        return faults_.around("store.admit", process_, [&] { return store_.admit(admitted); });
    }
    std::optional<RequestRow> next_queued(std::string_view service_id) override {
        return faults_.around(
            "store.next_queued", process_, [&] { return store_.next_queued(service_id); });
    }
    std::vector<Nudge> take_due(Time now, Time until, int most) override {
        return faults_.around(
            "store.take_due", process_, [&] { return store_.take_due(now, until, most); });
    }
    void wake_all(Time now) override {
        faults_.around("store.wake_all", process_, [&] { store_.wake_all(now); });
    }
    std::optional<Time> next_wake() override {
        return faults_.around("store.next_wake", process_, [&] { return store_.next_wake(); });
    }
    void heartbeat(std::string_view writer, std::int64_t below, Time now) override {
        faults_.around("store.heartbeat", process_, [&] { store_.heartbeat(writer, below, now); });
    }
    std::vector<SilentWriter> silent_writers(Time since) override {
        return faults_.around(
            "store.silent_writers", process_, [&] { return store_.silent_writers(since); });
    }
    std::vector<StepRow> told_from(std::string_view writer, std::int64_t from, int most) override {
        return faults_.around(
            "store.told_from", process_, [&] { return store_.told_from(writer, from, most); });
    }
    void forget_writer(std::string_view writer) override {
        faults_.around("store.forget_writer", process_, [&] { store_.forget_writer(writer); });
    }
    void add_dead_letters(std::span<const DeadLetterRow> rows) override {
        faults_.around("store.add_dead_letters", process_, [&] { store_.add_dead_letters(rows); });
    }
    std::vector<DeadLetterRow> unpublished_dead_letters(Time older_than, int most) override {
        return faults_.around("store.unpublished_dead_letters", process_, [&] {
            return store_.unpublished_dead_letters(older_than, most);
        });
    }
    std::vector<ActivityRow> unpublished_activity(Time older_than, int most) override {
        return faults_.around("store.unpublished_activity", process_, [&] {
            return store_.unpublished_activity(older_than, most);
        });
    }
    void mark_dead_letters_published(std::span<const std::string> keys, Time now) override {
        faults_.around("store.mark_dead_letters_published", process_, [&] {
            store_.mark_dead_letters_published(keys, now);
        });
    }
    void mark_activity_published(std::span<const ActivityRow> rows, Time now) override {
        faults_.around("store.mark_activity_published", process_, [&] {
            store_.mark_activity_published(rows, now);
        });
    }
    void unpublish_dead_letters() override {
        faults_.around(
            "store.unpublish_dead_letters", process_, [&] { store_.unpublish_dead_letters(); });
    }
    int sweep_slots(Time now) override {
        return faults_.around(
            "store.sweep_slots", process_, [&] { return store_.sweep_slots(now); });
    }
    std::vector<SlotRow> slots() override {
        return faults_.around("store.slots", process_, [&] { return store_.slots(); });
    }
    std::vector<TaskRow> tasks(std::string_view service_id, std::int64_t since_run) override {
        return faults_.around(
            "store.tasks", process_, [&] { return store_.tasks(service_id, since_run); });
    }
    Holdings holdings(std::string_view service_id) override {
        return faults_.around(
            "store.holdings", process_, [&] { return store_.holdings(service_id); });
    }
    std::vector<PoolUse> pool_use(Time now) override {
        return faults_.around("store.pool_use", process_, [&] { return store_.pool_use(now); });
    }
    PoolUse pool_use(const PoolRanges& pool, Time now) override {
        return faults_.around(
            "store.pool_use", process_, [&] { return store_.pool_use(pool, now); });
    }
    bool has_number(const NumberClaim& claim, Time now) override {
        return faults_.around(
            "store.has_number", process_, [&] { return store_.has_number(claim, now); });
    }
    std::vector<DnsRecordRow> dns_records(std::string_view service_id) override {
        return faults_.around(
            "store.dns_records", process_, [&] { return store_.dns_records(service_id); });
    }
    std::int64_t inventory_revision() override {
        return faults_.around(
            "store.inventory_revision", process_, [&] { return store_.inventory_revision(); });
    }
    InventoryRows inventory() override {
        return faults_.around("store.inventory", process_, [&] { return store_.inventory(); });
    }
    bool change_inventory(std::int64_t revision,
                          std::span<const InventoryRow> put,
                          std::span<const InventoryKey> remove,
                          Time now) override {
        return faults_.around("store.change_inventory", process_, [&] {
            return store_.change_inventory(revision, put, remove, now);
        });
    }
    std::int64_t vms_with(const InventoryKey& key) override {
        return faults_.around("store.vms_with", process_, [&] { return store_.vms_with(key); });
    }
    std::vector<LetterRow> unpublished_letters(Time older_than, int most) override {
        return faults_.around("store.unpublished_letters", process_, [&] {
            return store_.unpublished_letters(older_than, most);
        });
    }
    void mark_letters_published(std::span<const LetterRow> rows, Time now) override {
        faults_.around("store.mark_letters_published", process_, [&] {
            store_.mark_letters_published(rows, now);
        });
    }
    std::optional<LetterRow> begin_letter(const LetterRow& key, Time now, Time not_since) override {
        return faults_.around("store.begin_letter", process_, [&] {
            return store_.begin_letter(key, now, not_since);
        });
    }
    void end_letter(const LetterRow& key,
                    Time now,
                    std::string_view error,
                    std::optional<Time> again_at) override {
        faults_.around(
            "store.end_letter", process_, [&] { store_.end_letter(key, now, error, again_at); });
    }
    std::vector<LetterRow> due_letters(Time now, int most) override {
        return faults_.around(
            "store.due_letters", process_, [&] { return store_.due_letters(now, most); });
    }
    std::vector<RunRow> runs(std::string_view service_id, int most) override {
        return faults_.around(
            "store.runs", process_, [&] { return store_.runs(service_id, most); });
    }
    std::vector<StepRow> steps(std::string_view service_id, std::int64_t run) override {
        return faults_.around(
            "store.steps", process_, [&] { return store_.steps(service_id, run); });
    }
    std::vector<Vm> list_vms(const VmFilter& filter) override {
        return faults_.around("store.list_vms", process_, [&] { return store_.list_vms(filter); });
    }
    std::vector<StateCount> count_states(std::string_view prefix) override {
        return faults_.around(
            "store.count_states", process_, [&] { return store_.count_states(prefix); });
    }
    std::int64_t count_dead_letters(std::string_view kind) override {
        return faults_.around(
            "store.count_dead_letters", process_, [&] { return store_.count_dead_letters(kind); });
    }

  private:
    Store& store_;
    Faults& faults_;
    const Poison& poison_;
    const int process_;
};

class FaultBus final : public Bus {
  public:
    FaultBus(std::unique_ptr<Bus> bus, Faults& faults, int process)
        : bus_(std::move(bus)), faults_(faults), process_(process) {}

    void publish(Message message, Delivered delivered = {}) override {
        faults_.around("bus.publish", process_, [&] {
            bus_->publish(std::move(message), std::move(delivered));
        });
    }
    bool has_room() const override { return bus_->has_room(); }
    bool flush(std::chrono::milliseconds longest) override { return bus_->flush(longest); }
    std::unique_ptr<Consumer> subscribe(Subscription subscription) override {
        return bus_->subscribe(std::move(subscription));
    }
    std::optional<GroupProgress> progress(std::string_view group, std::string_view topic) override {
        return bus_->progress(group, topic);
    }

  private:
    const std::unique_ptr<Bus> bus_;
    Faults& faults_;
    const int process_;
};

class FaultMail final : public Mail {
  public:
    FaultMail(Mail& mail, Faults& faults, int process)
        : mail_(mail), faults_(faults), process_(process) {}

    void send(const Letter& letter) override {
        faults_.around("mail.send", process_, [&] { mail_.send(letter); });
    }
    int process() const { return process_; }

  private:
    Mail& mail_;
    Faults& faults_;
    const int process_;
};

}  // namespace slipway
