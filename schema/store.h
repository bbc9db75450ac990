#pragma once
// The Store seam: the questions we ask the record of truth, one method each.
//
// Implemented by SqlStore (schema/sql_store.h) on SQLite and PostgreSQL alike. Every method is one
// transaction, may be called from any thread, and throws std::runtime_error when the database could
// not: then nothing or everything of it happened, and the caller finds out by looking.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ip_address.h"
#include "schema/vm.h"

namespace slipway {

// One row of a run's log. A step that gives the same answer again and again is one row.
struct StepRow {
    std::string service_id;
    std::int64_t run = 0;
    int row = 0;  // its place in the run's log, from 1
    std::string pipeline;
    int number = 0;  // its step's place in the table, from 1
    std::string label;
    std::string result;  // success, skip, waiting, error
    std::string text = {};
    std::string lines = {};  // live lines said inside the step, one per line
    std::string from;
    std::string to;
    Time began = {};
    Time ended = {};
    std::int64_t attempts = 1;  // counted by the database: 1 whenever it is written

    // Who wrote it, and that writer's rising number: proof that a save happened, and the mark from
    // which the step-events of a dead process are published again.
    std::string writer;
    std::int64_t told_as = 0;

    std::int64_t vmid = 0;  // the VM's number; not written, known from its row
};

struct ActivityRow {  // at most one per (service, run, kind)
    std::string service_id;
    std::int64_t run = 0;
    std::string kind;
    std::string text;
    Time at = {};
};

struct DeadLetterRow {
    std::string key;   // service/run of a parked VM, else a hash of where and what it was
    std::string kind;  // parked, unreadable, rejected, letter
    std::string service_id = {};
    std::string reason;
    Time at = {};
    std::string origin_topic = {};
    std::int32_t origin_partition = -1;
    std::int64_t origin_offset = -1;
    std::string raw = {};  // bytes of the original, at most 64 KiB; stored in base64
    std::int64_t raw_length = 0;
    std::string raw_sha256 = {};
};

// A number of something of which there are only so many at a time: "clone pve1/local-lvm", 1.
struct SlotClaim {
    std::string resource;
    int limit = 1;
};

struct SlotRow {
    std::string resource;
    int n = 0;
    std::string service_id;
    std::int64_t run = 0;
    std::string state = {};  // with phase: the step at which the VM stood when it got it
    std::string phase = {};
    Time taken_at = {};
};

// Addresses that a VM shall hold from now on, the lowest that are free, from these pools in their
// order. What a pool may give is said here: exclusions are taken out of its ranges.
struct PoolRanges {
    std::string pool;
    std::vector<IpRange> ranges;         // in order
    std::chrono::seconds quarantine{0};  // kept with the address, for the day it is released
};
struct AddressClaim {
    int count = 0;
    std::vector<PoolRanges> pools;
};

// A number for a VM: the one after the highest ever given out, or, once the range is used up, the
// lowest whose rest is over.
struct NumberClaim {
    std::string cluster;
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::vector<std::int64_t> taken = {};  // by others, as Proxmox says; sorted
    std::int64_t burns = 0;  // the VM's own, which somebody else uses: never given out again
    std::chrono::seconds rest{0};
};

struct HeldAddress {
    IpAddress address;
    std::string pool;
};
// What a VM holds at this moment.
struct Holdings {
    std::int64_t vmid = 0;               // 0: none
    std::vector<HeldAddress> addresses;  // in the order in which they were given
    std::vector<std::string> slots;      // resources, for the step at which it stands

    // The one that names and letters mean; nullptr if there is none of that kind.
    const HeldAddress* first(IpVersion version) const {
        for (const HeldAddress& held : addresses)
            if (held.address.version() == version) return &held;
        return nullptr;
    }
};

struct PoolUse {
    std::string pool;
    std::int64_t held = 0;
    std::int64_t resting = 0;  // released, in quarantine
};

// What operators declare, as text that the Store does not read.
struct InventoryRow {
    std::string kind;         // cluster, template, package, pool, dns_provider, zone, letter
    std::string name;         // template: name@cluster; zone: name@provider
    std::string body;         // JSON
    std::string secret = {};  // sealed
};
struct InventoryRows {
    std::int64_t revision = 0;  // raised by every change
    std::vector<InventoryRow> rows;
};
struct InventoryKey {
    std::string kind;
    std::string name;
};

// A record that we made at a DNS provider for a VM.
struct DnsRecordRow {
    std::string provider;
    std::string zone;
    std::string name;
    std::string type;  // A, AAAA, PTR
    std::string value;
    int ttl = 0;

    bool operator==(const DnsRecordRow&) const = default;
};

// A letter to a customer: at most one per (service, run, kind), ever.
struct LetterRow {
    std::string service_id;
    std::int64_t run = 0;
    std::string kind;  // ready, password, restored
    Time at = {};
    int attempts = 0;  // begun; more than one: it may have been sent twice
    std::optional<Time> sent_at = {};
    std::string error = {};  // of the last attempt
};

// A task in Proxmox that we started for a VM.
struct TaskRow {
    std::string upid;
    std::string cluster = {};
    std::string service_id;
    std::int64_t run = 0;
    std::string step = {};
    Time started_at = {};
    Time deadline = {};  // the step's: when nothing could be started any more
    std::optional<Time> ended_at = {};
    std::string exit_status = {};
};

// What one answer does to one VM. Applied only if the row still has `version`.
struct Change {
    std::int64_t version = 0;  // the version the answer was decided on
    Vm next;                   // the row as it shall be; next.version is one more
    StepRow log;               // log.to is next's phase, or its state outside of phases
    bool repeats = false;      // log.row exists: count it up instead of adding a row
    // Something of what is written rarely (vm.h) differs from the row decided on; otherwise nothing
    // of it is written.
    bool changes_detail = false;

    // The run: touched when its error changes and when it ends.
    bool touches_run = false;
    std::string run_result = {};  // waiting, success, error; never empty if it touches the run
    std::string run_error = {};
    bool ends_run = false;
    bool rejects_queued = false;  // the VM is gone: what waits behind it is rejected

    // Set only by a VM at rest that takes the next queued request: begins run next.run.
    std::string starts_request = {};

    std::optional<ActivityRow> activity = {};
    std::optional<DeadLetterRow> dead_letter = {};

    // Slots, addresses and a number. A step that wants some leaves its VM where it is and asks for
    // all it needs at once: all of them are granted or none. If they are, the VM is to be woken at
    // `wake_if_granted` instead of next.wake_at, and then acts. If not, it asks again at
    // next.wake_at: for who is late by more than two polls no slot is kept. Such a change is saved
    // alone. Addresses and numbers are granted only while the inventory is what the step read.
    std::vector<SlotClaim> claims = {};
    std::vector<AddressClaim> addresses = {};
    std::optional<NumberClaim> number = {};
    std::int64_t inventory_revision = 0;
    Time wake_if_granted = {};
    bool frees_slots = false;  // this commit leaves the step: all that the VM holds, to the oldest
                               // who waits

    // Tasks that were started, or have ended. Kept even if this change loses its race: what runs in
    // Proxmox runs.
    std::vector<TaskRow> tasks = {};

    // The records we have at DNS providers for this VM, all of them; nothing: as before.
    std::optional<std::vector<DnsRecordRow>> dns_records = {};
    // A letter to be sent, unless one of its kind was written for this run before.
    std::optional<LetterRow> letter = {};
};

inline bool claims_anything(const Change& change) {
    return !change.claims.empty() || !change.addresses.empty() || change.number;
}

struct Saved {
    bool won = false;  // false: somebody else was faster, nothing of this change happened
    std::optional<Time> wake_at = {};
    int queued = 0;
    bool granted = false;  // the claims of this change, all of them
};

// A lifecycle request and what intake decided about it, on the row as it was then.
enum class Admission {
    Begin,      // no row yet, or a new life: make the row, begin a run
    Start,      // at rest: begin a run
    Interrupt,  // in another pipeline: that one ends here, begin a run
    Queue,      // wait until the VM is at rest
    Reject,
};
// "accepted", "queued" or "rejected".
std::string_view status_of(Admission admission);

struct RequestRow {
    std::string id;  // the idempotency key
    std::string service_id;
    std::string type;
    std::string payload = {};
    std::string status = {};  // accepted, queued, done, rejected
    std::string why = {};
    std::string traceparent = {};
    Time at = {};
};

struct Admitted {
    RequestRow request;
    Admission admission = Admission::Reject;
    std::int64_t version = 0;  // of the row decided on; 0 for none
    // Begin, Start, Interrupt: the row as it shall be. For a VM that has no row yet nothing of what
    // it is (vm.h) is kept.
    Vm next = {};
    std::optional<DeadLetterRow> dead_letter = {};  // Reject: what billing and operators hear
};

enum class AdmitResult {
    Done,
    Known,  // this request id was here before: nothing happened now
    Lost,   // the row moved meanwhile: decide again
};

struct Nudge {
    std::string service_id;
    std::string pipeline;
    std::string state;
    std::int64_t run = 0;
    std::int64_t version = 0;
    std::string traceparent = {};
};

struct SilentWriter {
    std::string writer;
    std::int64_t published_below = 0;
};

struct RunRow {
    std::string service_id;
    std::int64_t run = 0;
    std::string pipeline;
    std::string result;
    std::string error = {};
    std::string request_id = {};
    Time began = {};
    std::optional<Time> ended = {};
};

// How many VMs stand where; for people and for statistics, not for the hot path.
struct StateCount {
    std::string pipeline;
    std::string state;
    std::int64_t vms = 0;
};

struct VmFilter {
    std::string after = {};  // service ids that come after this one
    std::string state = {};  // empty: any
    int most = 100;
};

class Store {
  public:
    virtual ~Store() = default;

    // --- the hot path: called by the saver with whatever waits, at most one entry per VM
    virtual std::vector<Vm> load(std::span<const std::string> service_ids) = 0;
    // One answer per change, in the order given. Throws std::logic_error for a change with claims
    // that is not the only one.
    virtual std::vector<Saved> save(std::span<const Change> changes) = 0;
    // Did this very save happen? Asked after a save that threw.
    virtual bool was_saved(std::string_view writer, std::int64_t told_as) = 0;

    // --- requests
    virtual std::vector<RequestRow> requests(std::span<const std::string> ids) = 0;
    virtual std::vector<AdmitResult> admit(std::span<const Admitted> admitted) = 0;
    virtual std::optional<RequestRow> next_queued(std::string_view service_id) = 0;

    // --- due: rows whose wake_at has passed, moved to `until` so that nobody else takes them
    virtual std::vector<Nudge> take_due(Time now, Time until, int most) = 0;
    // Everything in flight, whatever its wake_at (an embedded broker has forgotten all of it).
    virtual void wake_all(Time now) = 0;
    virtual std::optional<Time> next_wake() = 0;

    // --- at least once: step-events
    virtual void heartbeat(std::string_view writer, std::int64_t published_below, Time now) = 0;
    virtual std::vector<SilentWriter> silent_writers(Time since) = 0;
    virtual std::vector<StepRow> told_from(std::string_view writer,
                                           std::int64_t from,
                                           int most) = 0;
    virtual void forget_writer(std::string_view writer) = 0;

    // --- at least once: activity and dead letters
    virtual void add_dead_letters(std::span<const DeadLetterRow> rows) = 0;
    virtual std::vector<DeadLetterRow> unpublished_dead_letters(Time older_than, int most) = 0;
    virtual std::vector<ActivityRow> unpublished_activity(Time older_than, int most) = 0;
    virtual void mark_dead_letters_published(std::span<const std::string> keys, Time now) = 0;
    virtual void mark_activity_published(std::span<const ActivityRow> rows, Time now) = 0;
    // A broker without a disk was started again: unresolved dead letters are news once more.
    virtual void unpublish_dead_letters() = 0;

    // --- slots and tasks
    // Frees the slots of VMs that stand elsewhere by now, and wakes who waits for them. How many.
    virtual int sweep_slots(Time now) = 0;
    virtual std::vector<SlotRow> slots() = 0;
    // Of a VM, since that run, oldest first.
    virtual std::vector<TaskRow> tasks(std::string_view service_id, std::int64_t since_run) = 0;

    // --- what VMs hold
    virtual Holdings holdings(std::string_view service_id) = 0;
    virtual std::vector<PoolUse> pool_use(Time now) = 0;
    // What is used of these ranges alone, whatever pool it was given from.
    virtual PoolUse pool_use(const PoolRanges& pool, Time now) = 0;
    // Whether any number is left that such a claim could be granted.
    virtual bool has_number(const NumberClaim& claim, Time now) = 0;
    virtual std::vector<DnsRecordRow> dns_records(std::string_view service_id) = 0;

    // --- the inventory
    virtual std::int64_t inventory_revision() = 0;
    virtual InventoryRows inventory() = 0;
    // Puts and removes; false if somebody else was faster than who read `revision`. VMs whose step
    // fails are woken: what they failed at may be mended.
    virtual bool change_inventory(std::int64_t revision,
                                  std::span<const InventoryRow> put,
                                  std::span<const InventoryKey> remove,
                                  Time now) = 0;
    // How many VMs are of that package, on that cluster, or name that template (name@cluster) in
    // their order. Throws std::logic_error for any other kind.
    virtual std::int64_t vms_with(const InventoryKey& key) = 0;

    // --- letters: published as activity is, sent by the mailers
    virtual std::vector<LetterRow> unpublished_letters(Time older_than, int most) = 0;
    virtual void mark_letters_published(std::span<const LetterRow> rows, Time now) = 0;
    // Begins an attempt: nullopt if there is no such letter, it was sent or given up, or somebody
    // began one at or after `not_since`.
    virtual std::optional<LetterRow> begin_letter(const LetterRow& key,
                                                  Time now,
                                                  Time not_since) = 0;
    // What became of an attempt, `key` being the row that began it: sent if `error` is empty;
    // `again_at` is nullopt if it is not to be tried any more. An attempt after which another began
    // changes nothing unless it sent the letter.
    virtual void end_letter(const LetterRow& key,
                            Time now,
                            std::string_view error,
                            std::optional<Time> again_at) = 0;
    // Unsent, whose next attempt is due.
    virtual std::vector<LetterRow> due_letters(Time now, int most) = 0;

    // --- for people
    virtual std::vector<RunRow> runs(std::string_view service_id, int most) = 0;
    virtual std::vector<StepRow> steps(std::string_view service_id, std::int64_t run) = 0;
    // In the order of their service ids.
    virtual std::vector<Vm> list_vms(const VmFilter& filter) = 0;
    // Of the services whose id begins with `prefix`.
    virtual std::vector<StateCount> count_states(std::string_view prefix) = 0;
    virtual std::int64_t count_dead_letters(std::string_view kind) = 0;
};

}  // namespace slipway
