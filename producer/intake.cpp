#include "producer/intake.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/log.h"
#include "producer/admission.h"

namespace slipway {
namespace {

constexpr std::size_t poll_most = 512;

}  // namespace

Intake::Intake(Parts parts, IntakeSettings settings)
    : parts_(parts), settings_(std::move(settings)) {
    polled_at_ = parts_.clock.since_boot().count();
    consumer_ = parts_.bus.subscribe({
        .group = settings_.group,
        .topics = {settings_.topic},
        .on_revoked = [this](const auto& partitions) { offsets_.revoke(partitions); },
    });
}

// While a commit has to be tried again the partitions are paused, and polling goes on.
bool Intake::run_one(std::chrono::milliseconds longest) {
    if (retrying_ != paused_) {
        retrying_ ? consumer_->pause() : consumer_->resume();
        paused_ = retrying_;
    }
    const bool first = pending_.empty() && unread_.empty();
    const auto messages = consumer_->poll(longest, poll_most);
    const auto now = parts_.clock.since_boot();
    polled_at_ = now.count();
    for (const Received& received : messages) read(received);
    if (first && !messages.empty()) not_before_ = now + settings_.gather;
    const bool committed = commit_pending();
    finish_advanced();
    return committed || !messages.empty();
}

void Intake::run_until_stopped() {
    while (!stopped_) {
        const bool waiting = !pending_.empty() || !unread_.empty();
        run_one(std::chrono::milliseconds(waiting ? 2 : 50));
    }
}

void Intake::close() {
    finish_advanced();
    consumer_->close();
}

void Intake::finish_advanced() {
    for (const Position& next : offsets_.advanced()) consumer_->finished_below(next);
}

void Intake::read(const Received& received) {
    const Ticket ticket = offsets_.take(received);
    try {
        RequestEvent event = read_request(received.message);
        pending_.push_back({{.id = std::move(event.id),
                             .service_id = std::move(event.service_id),
                             .type = std::move(event.type),
                             .payload = std::move(event.payload),
                             .traceparent = std::move(event.traceparent),
                             .at = parts_.clock.now()},
                            ticket});
    } catch (const Unreadable& why) {
        unread_.add(unreadable_letter(received, why.what(), parts_.clock.now()), ticket);
    }
}

bool Intake::commit_pending() {
    if (pending_.empty() && unread_.empty()) return false;
    if (parts_.clock.since_boot() < not_before_) return false;
    try {
        unread_.keep(parts_.store, parts_.teller);
        admit_pending();
        retrying_ = false;
        return true;
    } catch (const std::exception& error) {
        log(Level::Warning,
            "requests could not be recorded, trying again",
            {{"requests", pending_.size()}, {"error", error.what()}});
        not_before_ = parts_.clock.since_boot() + settings_.retry_after;
        retrying_ = true;
        return false;
    }
}

// Several requests for one VM go one after the other: each is decided on the row as the one before
// it left it. So does one whose row moved meanwhile.
void Intake::admit_pending() {
    while (!pending_.empty()) {
        std::vector<Pending> now;
        std::vector<Pending> later;
        std::unordered_set<std::string> services;
        for (Pending& pending : pending_) {
            const bool first = services.insert(pending.request.service_id).second;
            (first ? now : later).push_back(std::move(pending));
        }
        pending_.clear();
        pending_.insert(pending_.end(), now.begin(), now.end());
        pending_.insert(pending_.end(), later.begin(), later.end());
        const std::vector<Admitted> decided = decide(now, parts_.clock.now());
        const std::vector<AdmitResult> results = admit(decided);
        std::vector<Pending> lost;
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (results[i] == AdmitResult::Lost) {
                lost.push_back(std::move(now[i]));
                continue;
            }
            if (results[i] == AdmitResult::Done) publish(decided[i]);
            now[i].ticket.finish();
        }
        pending_ = std::move(lost);
        pending_.insert(pending_.end(), later.begin(), later.end());
    }
}

std::vector<AdmitResult> Intake::admit(const std::vector<Admitted>& decided) {
    try {
        return parts_.store.admit(decided);
    } catch (const std::exception& error) {
        log(Level::Warning,
            "a batch of requests failed, trying one by one",
            {{"requests", decided.size()}, {"error", error.what()}});
    }
    std::vector<AdmitResult> results;
    for (const Admitted& one : decided) results.push_back(parts_.store.admit({&one, 1}).at(0));
    return results;
}

std::vector<Admitted> Intake::decide(const std::vector<Pending>& requests, Time now) {
    std::vector<std::string> ids;
    for (const Pending& pending : requests) ids.push_back(pending.request.service_id);
    std::unordered_map<std::string, Vm> rows;
    for (Vm& vm : parts_.store.load(ids)) rows.emplace(vm.service_id, vm);
    // Read once for all of them, and not at all while only rehearsals come.
    std::shared_ptr<const Inventory> inventory;
    if (parts_.inventory && std::any_of(requests.begin(), requests.end(), [](auto& pending) {
            return needs_inventory(pending.request);
        }))
        inventory = parts_.inventory->newest();
    std::vector<Admitted> decided;
    decided.reserve(requests.size());
    for (const Pending& pending : requests) {
        const auto row = rows.find(pending.request.service_id);
        decided.push_back(slipway::decide(pending.request,
                                          row == rows.end() ? nullptr : &row->second,
                                          {inventory.get(), now, now + settings_.grace}));
    }
    return decided;
}

void Intake::publish(const Admitted& admitted) {
    if (admitted.dead_letter) parts_.teller.publish_dead_letter(*admitted.dead_letter);
    if (admitted.next.version == 0) return;
    if (parts_.lanes && admitted.admission == Admission::Begin)
        parts_.lanes->keep_row(admitted.next);
    parts_.teller.nudge(admitted.next, find_pipeline(admitted.next.pipeline)->topic);
}

}  // namespace slipway
