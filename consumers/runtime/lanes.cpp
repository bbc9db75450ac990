#include "consumers/runtime/lanes.h"

#include <algorithm>
#include <utility>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/log.h"

namespace slipway {

using std::chrono::milliseconds;

// What is under the lock and what belongs to the thread that has the lane in hand is kept apart:
// offer() may come at any time and reads only the first part.
struct Lanes::Lane {
    explicit Lane(std::string id) : service_id(std::move(id)) {}
    const std::string service_id;

    enum class At { Resting, Ready, Running, Asleep } at = At::Resting;
    std::deque<Held> inbox;
    std::vector<Ticket> tickets;        // of the version being stepped
    std::int64_t known_version = 0;     // of the row; 0 while it is not known
    std::int64_t stepping_version = 0;  // 0 between steps
    std::string cluster;
    std::list<Lane*>::iterator resting;

    std::optional<Vm> row;
    std::chrono::nanoseconds row_at{0};  // the row cannot be older than this
    bool loaded = false;                 // a load was answered, and not looked at yet
    std::optional<SaveAnswer> refused;   // by the database, this very row
    bool goes_on = false;
    bool tell = true;
    bool recording_refusal = false;
    std::int64_t told_version = 0;  // up to which this process has told what it recorded
};

// What a lane wants next. Handed to the saver only after the lane was let go of, since the answer
// may come before the call returns.
struct Lanes::Next {
    enum class Kind { Rest, Load, Save } kind = Kind::Rest;
    Change change = {};
};

Lanes::Lanes(Parts parts, LaneSettings settings)
    : parts_(parts),
      settings_(settings),
      cluster_most_(static_cast<std::size_t>(std::max(1, settings.threads / 2))) {
    parts_.saver.after_round([this] { finish_round(); });
}

Lanes::~Lanes() = default;

void Lanes::offer(const StateEvent& event, Ticket ticket) {
    {
        const std::lock_guard lock(mutex_);
        if (!taking_) return;
        Lane& lane = lane_of(event.service_id);
        if (lane.stepping_version != 0 && event.version == lane.stepping_version) {
            lane.tickets.push_back(ticket);
            return;
        }
        if (event.version >= lane.known_version) {
            lane.inbox.push_back({event.version, ticket});
            if (lane.at == Lane::At::Resting) {
                resting_.erase(lane.resting);
                ++in_hand_;
                make_ready(lane);
            }
            return;
        }
    }
    ticket.finish();  // old news
}

void Lanes::keep_row(const Vm& row) {
    const auto now = parts_.clock.since_boot();
    const std::lock_guard lock(mutex_);
    if (settings_.rows_kept == 0 || resting_.size() >= settings_.rows_kept) return;
    Lane& lane = lane_of(row.service_id);
    if (lane.at != Lane::At::Resting || lane.known_version >= row.version) return;
    lane.row = row;
    lane.row_at = now;
    lane.known_version = row.version;
    lane.cluster = row.cluster;
}

Lanes::Lane& Lanes::lane_of(const std::string& service_id) {
    std::unique_ptr<Lane>& lane = lanes_[service_id];
    if (!lane) {
        lane = std::make_unique<Lane>(service_id);
        lane->resting = resting_.insert(resting_.end(), lane.get());
    }
    return *lane;
}

void Lanes::make_ready(Lane& lane, Turn turn) {
    lane.at = Lane::At::Ready;
    ready_.insert(turn == Turn::Next ? ready_.begin() : ready_.end(),
                  {&lane, parts_.clock.since_boot()});
    call_one();
}

// Wakes a thread if there is one to wake and a use for it: to compute, or to stand sentinel.
void Lanes::call_one() {
    const int wanted = settings_.awake_most + (sentinel_ ? 0 : 1);
    if (idle_ <= called_ || awake_ + called_ >= wanted) return;
    ++called_;
    work_.notify_one();
}

bool Lanes::may_take() const {
    if (ready_.empty() || !parts_.teller.has_room()) return false;
    return awake_ < settings_.awake_most ||
           parts_.clock.since_boot() - ready_.front().since > milliseconds(1);
}

// No cluster may hold more than half of the threads: a sick one costs its own work only.
Lanes::Lane* Lanes::take_ready() {
    while (!ready_.empty()) {
        Lane& lane = *ready_.front().lane;
        ready_.pop_front();
        if (!lane.cluster.empty() && running_[lane.cluster] >= cluster_most_) {
            held_back_[lane.cluster].push_back(&lane);
            continue;
        }
        if (!lane.cluster.empty()) ++running_[lane.cluster];
        lane.at = Lane::At::Running;
        return &lane;
    }
    return nullptr;
}

void Lanes::let_go(Lane& lane) {
    if (lane.cluster.empty()) return;
    --running_[lane.cluster];
    std::deque<Lane*>& waiting = held_back_[lane.cluster];
    if (waiting.empty()) return;
    make_ready(*waiting.front());
    waiting.pop_front();
}

void Lanes::rest(Lane& lane) {
    if (--in_hand_ == 0) empty_.notify_all();
    lane.at = Lane::At::Resting;
    lane.resting = resting_.insert(resting_.end(), &lane);
    if (resting_.size() <= settings_.rows_kept) return;
    const std::string oldest = resting_.front()->service_id;
    resting_.pop_front();
    lanes_.erase(oldest);
}

bool Lanes::run_one() {
    Lane* lane = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (!parts_.teller.has_room()) return false;
        lane = take_ready();
    }
    if (!lane) return false;
    run_taken(*lane);
    return true;
}

// Few threads compute at once, so that a burst of short steps does not wake all of them; when the
// ones awake take longer than a millisecond (they talk to the outside), one more is woken. One idle
// thread, the sentinel, looks for that.
void Lanes::run_until_stopped() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        if (may_take()) {
            Lane* lane = take_ready();
            if (!lane) continue;
            ++awake_;
            if (!ready_.empty()) call_one();
            lock.unlock();
            run_taken(*lane);
            lock.lock();
            --awake_;
            continue;
        }
        ++idle_;
        if (!ready_.empty() && !sentinel_) {
            sentinel_ = true;
            work_.wait_for(lock, parts_.teller.has_room() ? milliseconds(1) : milliseconds(20));
            sentinel_ = false;
        } else {
            work_.wait(lock);
        }
        --idle_;
        called_ = std::max(0, called_ - 1);
    }
}

void Lanes::stop_taking() {
    const std::lock_guard lock(mutex_);
    taking_ = false;
}

bool Lanes::wait_until_empty(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, longest, [this] { return in_hand_ == 0; });
}

void Lanes::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    work_.notify_all();
}

std::size_t Lanes::in_hand() const {
    const std::lock_guard lock(mutex_);
    return in_hand_;
}

void Lanes::run_taken(Lane& lane) {
    Next next = work(lane);
    {
        const std::lock_guard lock(mutex_);
        let_go(lane);
        if (lane.row) lane.cluster = lane.row->cluster;
        if (next.kind != Next::Kind::Rest) {
            lane.at = Lane::At::Asleep;
        } else if (!lane.inbox.empty() && taking_) {
            make_ready(lane);
        } else {
            lane.inbox.clear();
            rest(lane);
        }
    }
    if (next.kind != Next::Kind::Rest) submit(lane, std::move(next));
}

void Lanes::submit(Lane& lane, Next next) {
    const auto asked_at = parts_.clock.since_boot();
    if (next.kind == Next::Kind::Load) {
        parts_.saver.load(lane.service_id, [this, &lane, asked_at](std::optional<Vm> row) {
            // It goes on if nobody has done anything to the VM meanwhile, or was nudged to.
            lane.goes_on = lane.goes_on && row && row->version == lane.row->version &&
                           row->wake_at == lane.row->wake_at;
            lane.row = std::move(row);
            lane.row_at = asked_at;
            lane.loaded = true;
            loaded_.push_back(&lane);
        });
        return;
    }
    parts_.saver.save(std::move(next.change), [this, &lane, asked_at](SaveAnswer answer) {
        lane.row_at = asked_at;
        saved_.emplace_back(&lane, std::move(answer));
    });
}

// What others wait for goes first: state events, then what is only to be known.
void Lanes::finish_round() {
    for (auto& [lane, answer] : saved_) take_answer(*lane, answer);
    for (const auto& [lane, answer] : saved_) tell(*lane, answer);
    std::vector<Ticket> finished;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [lane, answer] : saved_) {
            if (!lane->refused) {
                lane->known_version = lane->row ? lane->row->version : 0;
                lane->stepping_version = 0;
                finished.insert(finished.end(), lane->tickets.begin(), lane->tickets.end());
                lane->tickets.clear();
            }
            make_ready(*lane);
        }
        // They had their turn when they asked for their rows, which should not grow old again.
        for (auto lane = loaded_.rbegin(); lane != loaded_.rend(); ++lane) {
            (*lane)->known_version = (*lane)->row ? (*lane)->row->version : 0;
            make_ready(**lane, Turn::Next);
        }
    }
    for (const Ticket& ticket : finished) ticket.finish();
    saved_.clear();
    loaded_.clear();
}

Lanes::Next Lanes::work(Lane& lane) {
    if (lane.refused) return record_refusal(lane);
    if (!taking_) lane.goes_on = false;
    // A row grown old while its lane waited is read anew: a step would have little time left.
    const bool has_row = lane.row && (lane.goes_on || lane.loaded);
    if (has_row && taking_ && is_old(lane)) return {.kind = Next::Kind::Load};
    if (!std::exchange(lane.goes_on, false)) return next_event(lane);
    lane.loaded = false;
    return go_on(lane);
}

// The database takes other rows, but not this one: that is what gets recorded, once.
Lanes::Next Lanes::record_refusal(Lane& lane) {
    const Pipeline& pipeline = *find_pipeline(lane.row->pipeline);
    const std::string why = "the database refused the record: " + lane.refused->refused;
    lane.refused.reset();
    lane.recording_refusal = true;
    return save(lane, fail_step(pipeline, settings_.times, *lane.row, why, parts_.clock.now()));
}

void Lanes::take_answer(Lane& lane, SaveAnswer& answer) {
    if (!answer.saved.won) parts_.teller.strike_off(answer.change.log);
    const bool retold =
        !answer.refused.empty() && !lane.recording_refusal && !at_rest(lane.row->state);
    if (retold) {
        lane.refused = std::move(answer);
        return;
    }
    lane.recording_refusal = false;
    if (answer.saved.won) {
        won(lane, answer.change.next, answer.saved);
    } else {
        lane.row.reset();
        lane.goes_on = false;
    }
}

void Lanes::won(Lane& lane, Vm& row, const Saved& saved) {
    row.wake_at = saved.wake_at;
    row.queued = saved.queued;
    // Something can be done at once: the next step, the same one with what it asked for, or the
    // request that waits for this VM to rest.
    const bool more = lane.goes_on || saved.granted || (at_rest(row.state) && row.queued > 0);
    lane.goes_on = more && settings_.hand_off == HandOff::On;
    // It may wait if it goes on here: only another process could need it, should this one die.
    if (more) parts_.teller.nudge(row, find_pipeline(row.pipeline)->topic, lane.goes_on);
    lane.told_version = row.version;
    lane.row = std::move(row);
}

void Lanes::tell(const Lane& lane, const SaveAnswer& answer) {
    if (!answer.saved.won) return;
    parts_.teller.tell(answer.change, lane.tell);
    if (parts_.spectator && lane.tell)
        parts_.spectator->stepped(*find_pipeline(answer.change.log.pipeline), answer.change);
}

void Lanes::finish_tickets(Lane& lane) {
    std::vector<Ticket> tickets;
    {
        const std::lock_guard lock(mutex_);
        lane.stepping_version = 0;
        tickets.swap(lane.tickets);
    }
    for (const Ticket& ticket : tickets) ticket.finish();
}

std::optional<Lanes::Held> Lanes::pop_event(Lane& lane) {
    const std::lock_guard lock(mutex_);
    if (lane.inbox.empty() || !taking_) return std::nullopt;
    const Held held = lane.inbox.front();
    lane.inbox.pop_front();
    return held;
}

Lanes::Next Lanes::next_event(Lane& lane) {
    const bool fresh = std::exchange(lane.loaded, false);
    while (const auto held = pop_event(lane)) {
        if (lane.row && held->version < lane.row->version) {
            held->ticket.finish();  // old news
            continue;
        }
        if (!fresh && (!lane.row || held->version > lane.row->version || is_old(lane))) {
            const std::lock_guard lock(mutex_);
            lane.inbox.push_front(*held);
            return {.kind = Next::Kind::Load};
        }
        if (!lane.row || held->version > lane.row->version) {
            held->ticket.finish();  // of a VM or a version that is not: nothing to do
            continue;
        }
        {
            const std::lock_guard lock(mutex_);
            lane.tickets.push_back(held->ticket);
        }
        return go_on(lane);
    }
    return {};
}

bool Lanes::is_old(const Lane& lane) const {
    return parts_.clock.since_boot() - lane.row_at > settings_.step_deadline / 2;
}

Lanes::Next Lanes::go_on(Lane& lane) {
    {
        const std::lock_guard lock(mutex_);
        lane.stepping_version = lane.row->version;
    }
    if (at_rest(lane.row->state)) {
        if (lane.row->queued > 0) return start_next_request(lane);
        finish_tickets(lane);
        return {};
    }
    const Pipeline* pipeline = find_pipeline(lane.row->pipeline);
    if (pipeline && next_place(*pipeline, *lane.row) < pipeline->steps.size())
        return step(lane, *pipeline);
    log(Level::Error,
        "a VM is at a place this version of Slipway does not know",
        {{"service", lane.service_id},
         {"pipeline", lane.row->pipeline},
         {"state", lane.row->state}});
    finish_tickets(lane);
    return {};
}

Lanes::Next Lanes::step(Lane& lane, const Pipeline& pipeline) {
    World world{
        .clock = parts_.clock,
        .store = parts_.store,
        .ledger = parts_.ledger,
        .deadline = {lane.row_at + settings_.step_deadline},
        .outside = parts_.outside,
        .times = settings_.times,
    };
    world.on_line = [&](std::string_view line) {
        parts_.teller.tell_line(*lane.row, line, parts_.clock.now());
        if (parts_.spectator) parts_.spectator->said(*lane.row, line);
    };
    return save(lane, run_step(pipeline, settings_.times, world, *lane.row));
}

Lanes::Next Lanes::start_next_request(Lane& lane) {
    try {
        if (const auto request = parts_.store.next_queued(lane.service_id)) {
            if (const Pipeline* pipeline = find_pipeline(request->type))
                return save(
                    lane,
                    start_queued(
                        *pipeline, settings_.times, *lane.row, *request, parts_.clock.now()));
        }
        log(Level::Error, "a queued request cannot be found", {{"service", lane.service_id}});
    } catch (const std::exception& error) {
        log(Level::Warning,
            "a queued request could not be read, trying again later",
            {{"service", lane.service_id}, {"error", error.what()}});
    }
    finish_tickets(lane);
    return {};
}

Lanes::Next Lanes::save(Lane& lane, Stepped stepped) {
    lane.goes_on = stepped.goes_on;
    // An answer that repeats another process's row takes over the duty to tell it: that process may
    // have died before it could.
    lane.tell = stepped.tell || lane.told_version != lane.row->version;
    parts_.teller.sign(stepped.change.log);
    return {.kind = Next::Kind::Save, .change = std::move(stepped.change)};
}

}  // namespace slipway
