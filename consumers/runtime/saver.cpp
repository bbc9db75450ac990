#include "consumers/runtime/saver.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "consumers/runtime/log.h"

namespace slipway {
namespace {

// A row that the database refuses this often, while it takes others, is given back.
constexpr int most_refusals = 3;

template <typename T>
void take_front(std::deque<T>& from, std::vector<T>& to, std::size_t most) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, from.size()));
    to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(from.begin() + count));
    from.erase(from.begin(), from.begin() + count);
}

template <typename T>
void give_back(std::vector<T>& from, std::deque<T>& to) {
    to.insert(
        to.begin(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void tell_trouble(const char* error) {
    log(Level::Warning, "the database did not take it, trying again", {{"error", error}});
}

}  // namespace

Saver::Saver(Store& store, Clock& clock, Settings settings)
    : store_(store), clock_(clock), settings_(settings) {}

void Saver::load(std::string service_id, ThenLoaded then) {
    const std::lock_guard lock(mutex_);
    loads_.push_back({std::move(service_id), std::move(then)});
    work_.notify_one();
}

void Saver::save(Change change, ThenSaved then) {
    const std::lock_guard lock(mutex_);
    saves_.push_back({.answer = {.change = std::move(change)}, .then = std::move(then)});
    if (saves_.size() >= gather_for_) work_.notify_one();
}

void Saver::keep_dead_letter(DeadLetterRow row, ThenKept then) {
    const std::lock_guard lock(mutex_);
    letters_.push_back({std::move(row), std::move(then)});
    work_.notify_one();
}

bool Saver::has_work() const {
    return !loads_.empty() || !saves_.empty() || !letters_.empty();
}

Saver::Round Saver::take_round() {
    const std::lock_guard lock(mutex_);
    Round round;
    if (clock_.since_boot() < not_before_) return round;
    take_front(loads_, round.loads, 4 * settings_.batch_most);
    take_front(saves_, round.saves, settings_.batch_most);
    last_round_ = round.saves.size();
    take_front(letters_, round.letters, settings_.batch_most);
    return round;
}

bool Saver::run_one() {
    Round asked = take_round();
    if (asked.empty()) return false;
    Round answered;
    run(asked, answered);
    if (!asked.empty()) put_back(std::move(asked));
    give(std::move(answered));
    return true;
}

void Saver::run(Round& asked, Round& answered) {
    // What the database does not answer now is not asked for the rest either.
    static_cast<void>(load_all(asked, answered) && save_all(asked, answered) &&
                      keep_all(asked, answered));
}

void Saver::give(Round answered) {
    for (Load& load : answered.loads) load.then(std::move(load.row));
    for (Save& save : answered.saves) save.then(std::move(save.answer));
    for (Letter& letter : answered.letters) letter.then();
    after_round_();
}

void Saver::gather(std::unique_lock<std::mutex>& lock) {
    if (saves_.size() >= last_round_ || !loads_.empty()) return;
    gather_for_ = last_round_;
    work_.wait_for(lock, settings_.gather_longest, [this] {
        return stopped_ || !loads_.empty() || saves_.size() >= gather_for_;
    });
    gather_for_ = 0;
}

void Saver::save_until_stopped() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        if (!has_work()) {
            work_.wait(lock);
        } else if (const auto now = clock_.since_boot(); now < not_before_) {
            work_.wait_for(lock, not_before_ - now);
        } else {
            gather(lock);
            lock.unlock();
            Round asked = take_round();
            Round answered;
            run(asked, answered);
            if (!asked.empty()) put_back(std::move(asked));
            lock.lock();
            answered_.push_back(std::move(answered));
            work_to_answer_.notify_one();
        }
    }
}

void Saver::answer_until_stopped() {
    std::unique_lock lock(mutex_);
    while (true) {
        work_to_answer_.wait(lock, [this] { return stopped_ || !answered_.empty(); });
        if (answered_.empty()) return;
        Round answered = std::move(answered_.front());
        answered_.pop_front();
        lock.unlock();
        give(std::move(answered));
        lock.lock();
    }
}

void Saver::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    work_.notify_all();
    work_to_answer_.notify_all();
}

std::size_t Saver::waiting() const {
    const std::lock_guard lock(mutex_);
    return loads_.size() + saves_.size() + letters_.size();
}

bool Saver::load_all(Round& asked, Round& answered) {
    if (asked.loads.empty()) return true;
    std::vector<std::string> ids;
    ids.reserve(asked.loads.size());
    for (const Load& load : asked.loads) ids.push_back(load.service_id);
    std::unordered_map<std::string, Vm> rows;
    try {
        for (Vm& vm : store_.load(ids)) {
            std::string id = vm.service_id;
            rows.insert_or_assign(std::move(id), std::move(vm));
        }
    } catch (const std::exception& error) {
        tell_trouble(error.what());
        return false;
    }
    for (Load& load : asked.loads) {
        const auto row = rows.find(load.service_id);
        if (row != rows.end()) load.row = row->second;
    }
    answered.loads.swap(asked.loads);
    return true;
}

bool Saver::save_all(Round& asked, Round& answered) {
    std::vector<Save>& saves = asked.saves;
    if (saves.empty()) return true;
    const bool any_unsure =
        std::any_of(saves.begin(), saves.end(), [](const Save& save) { return save.unsure; });
    if (any_unsure) return save_one_by_one(asked, answered);
    const auto claiming = std::stable_partition(saves.begin(), saves.end(), [](const Save& save) {
        return !claims_anything(save.answer.change);
    });
    std::vector<Save> alone(std::make_move_iterator(claiming),
                            std::make_move_iterator(saves.end()));
    saves.erase(claiming, saves.end());
    const bool together = save_together(saves);
    if (together) answered.saves.swap(saves);
    saves.insert(
        saves.end(), std::make_move_iterator(alone.begin()), std::make_move_iterator(alone.end()));
    return saves.empty() || save_one_by_one(asked, answered);
}

// False: the batch threw, nobody knows of any of them.
bool Saver::save_together(std::vector<Save>& saves) {
    if (saves.empty()) return true;
    std::vector<Change> changes;
    changes.reserve(saves.size());
    for (Save& save : saves) changes.push_back(std::move(save.answer.change));
    std::vector<Saved> saved;
    bool threw = false;
    try {
        saved = store_.save(changes);
    } catch (const std::exception& error) {
        tell_trouble(error.what());
        threw = true;
    }
    for (std::size_t i = 0; i < saves.size(); ++i) {
        saves[i].answer.change = std::move(changes[i]);
        saves[i].unsure = threw;
        if (!threw) saves[i].answer.saved = saved[i];
    }
    return !threw;
}

bool Saver::save_one_by_one(Round& asked, Round& answered) {
    std::vector<Save> left;
    bool database_answers = true;
    for (Save& save : asked.saves) {
        const bool done = database_answers && save_alone(save, database_answers);
        (done ? answered.saves : left).push_back(std::move(save));
    }
    asked.saves = std::move(left);
    return database_answers;
}

// False if it must be tried again. "Is the database away, or does it refuse this row?" is asked
// with a question that concerns no row of ours in particular: did this save happen? It is asked
// after the last failure too, since that one may have lost no more than its answer.
bool Saver::save_alone(Save& save, bool& database_answers) {
    const Change& change = save.answer.change;
    try {
        if (save.unsure && store_.was_saved(change.log.writer, change.log.told_as)) {
            const std::string ids[] = {change.next.service_id};
            save.answer.saved = {.won = true, .wake_at = change.next.wake_at};
            for (const Vm& vm : store_.load(ids)) {
                if (vm.version != change.next.version) continue;
                save.answer.saved.wake_at = vm.wake_at;
                save.answer.saved.queued = vm.queued;
            }
            return true;
        }
    } catch (const std::exception& error) {
        tell_trouble(error.what());
        database_answers = false;
        return false;
    }
    if (save.refusals == most_refusals) {
        save.answer.refused = save.refusal;
        return true;
    }
    try {
        save.answer.saved = store_.save({&change, 1}).at(0);
        return true;
    } catch (const std::exception& error) {
        tell_trouble(error.what());
        save.unsure = true;
        save.refusal = error.what();
        ++save.refusals;
        return false;
    }
}

bool Saver::keep_all(Round& asked, Round& answered) {
    if (asked.letters.empty()) return true;
    std::vector<DeadLetterRow> rows;
    rows.reserve(asked.letters.size());
    for (const Letter& letter : asked.letters) rows.push_back(letter.row);
    try {
        store_.add_dead_letters(rows);
    } catch (const std::exception& error) {
        tell_trouble(error.what());
        return false;
    }
    answered.letters.swap(asked.letters);
    return true;
}

void Saver::put_back(Round round) {
    const std::lock_guard lock(mutex_);
    give_back(round.loads, loads_);
    give_back(round.saves, saves_);
    give_back(round.letters, letters_);
    not_before_ = clock_.since_boot() + settings_.retry_after;
}

}  // namespace slipway
