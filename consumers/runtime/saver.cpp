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
    saves_.push_back({std::move(change), std::move(then)});
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
    Round round = take_round();
    if (round.empty()) return false;
    const bool answered = load_all(round.loads) && save_all(round.saves) && keep_all(round.letters);
    if (answered && round.empty()) {
        const std::lock_guard lock(mutex_);
        trouble_.clear();
    } else {
        put_back(std::move(round));
    }
    after_round_();
    return true;
}

void Saver::gather(std::unique_lock<std::mutex>& lock) {
    if (saves_.size() >= last_round_ || !loads_.empty()) return;
    gather_for_ = last_round_;
    work_.wait_for(lock, settings_.gather_longest, [this] {
        return stopped_ || !loads_.empty() || saves_.size() >= gather_for_;
    });
    gather_for_ = 0;
}

void Saver::run_until_stopped() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        if (!has_work()) {
            work_.wait(lock);
        } else if (const auto now = clock_.since_boot(); now < not_before_) {
            work_.wait_for(lock, not_before_ - now);
        } else {
            gather(lock);
            lock.unlock();
            run_one();
            lock.lock();
        }
    }
}

void Saver::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    work_.notify_all();
}

std::size_t Saver::waiting() const {
    const std::lock_guard lock(mutex_);
    return loads_.size() + saves_.size() + letters_.size();
}

std::string Saver::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

bool Saver::load_all(std::vector<Load>& loads) {
    if (loads.empty()) return true;
    std::vector<std::string> ids;
    ids.reserve(loads.size());
    for (const Load& load : loads) ids.push_back(load.service_id);
    std::unordered_map<std::string, Vm> rows;
    try {
        for (Vm& vm : store_.load(ids)) {
            std::string id = vm.service_id;
            rows.insert_or_assign(std::move(id), std::move(vm));
        }
    } catch (const std::exception& error) {
        note_trouble(error.what());
        return false;
    }
    for (Load& load : loads) {
        const auto row = rows.find(load.service_id);
        load.then(row == rows.end() ? std::nullopt : std::optional(row->second));
    }
    loads.clear();
    return true;
}

bool Saver::save_all(std::vector<Save>& saves) {
    if (saves.empty()) return true;
    const bool any_unsure =
        std::any_of(saves.begin(), saves.end(), [](const Save& save) { return save.unsure; });
    if (any_unsure) return save_one_by_one(saves);
    std::vector<Change> changes;
    changes.reserve(saves.size());
    for (Save& save : saves) changes.push_back(std::move(save.change));
    std::vector<Saved> saved;
    try {
        saved = store_.save(changes);
    } catch (const std::exception& error) {
        note_trouble(error.what());
        for (std::size_t i = 0; i < saves.size(); ++i) {
            saves[i].change = std::move(changes[i]);
            saves[i].unsure = true;
        }
        return save_one_by_one(saves);
    }
    for (std::size_t i = 0; i < saves.size(); ++i) saves[i].then({std::move(changes[i]), saved[i]});
    saves.clear();
    return true;
}

bool Saver::save_one_by_one(std::vector<Save>& saves) {
    std::vector<Save> left;
    bool database_answers = true;
    for (Save& save : saves) {
        std::optional<SaveAnswer> answer;
        if (database_answers) answer = save_alone(save, database_answers);
        if (answer) {
            save.then(std::move(*answer));
        } else {
            left.push_back(std::move(save));
        }
    }
    saves = std::move(left);
    return database_answers;
}

// Nothing if it must be tried again. "Is the database away, or does it refuse this row?" is asked
// with a question that concerns no row of ours in particular: did this save happen?
std::optional<SaveAnswer> Saver::save_alone(Save& save, bool& database_answers) {
    try {
        if (save.unsure && store_.was_saved(save.change.log.writer, save.change.log.told_as)) {
            const std::string ids[] = {save.change.next.service_id};
            Saved saved{.won = true, .wake_at = save.change.next.wake_at};
            for (const Vm& vm : store_.load(ids)) {
                if (vm.version != save.change.next.version) continue;
                saved.wake_at = vm.wake_at;
                saved.queued = vm.queued;
            }
            return SaveAnswer{std::move(save.change), saved};
        }
    } catch (const std::exception& error) {
        note_trouble(error.what());
        database_answers = false;
        return std::nullopt;
    }
    try {
        const Saved saved = store_.save({&save.change, 1}).at(0);
        return SaveAnswer{std::move(save.change), saved};
    } catch (const std::exception& error) {
        save.unsure = true;
        note_trouble(error.what());
        if (++save.refusals < most_refusals) return std::nullopt;
        return SaveAnswer{.change = std::move(save.change), .refused = error.what()};
    }
}

bool Saver::keep_all(std::vector<Letter>& letters) {
    if (letters.empty()) return true;
    std::vector<DeadLetterRow> rows;
    rows.reserve(letters.size());
    for (const Letter& letter : letters) rows.push_back(letter.row);
    try {
        store_.add_dead_letters(rows);
    } catch (const std::exception& error) {
        note_trouble(error.what());
        return false;
    }
    for (Letter& letter : letters) letter.then();
    letters.clear();
    return true;
}

void Saver::put_back(Round round) {
    const std::lock_guard lock(mutex_);
    give_back(round.loads, loads_);
    give_back(round.saves, saves_);
    give_back(round.letters, letters_);
    not_before_ = clock_.since_boot() + settings_.retry_after;
}

void Saver::note_trouble(std::string text) {
    log(Level::Warning, "the database did not take it, trying again", {{"error", text}});
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(text);
}

}  // namespace slipway
