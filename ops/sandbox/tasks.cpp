#include "ops/sandbox/tasks.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::sandbox {
namespace {

constexpr std::size_t most_remembered = 5000;

}  // namespace

Hold& Hold::operator=(Hold&& other) noexcept {
    if (this == &other) return *this;
    release();
    tasks_ = std::exchange(other.tasks_, nullptr);
    file_ = std::move(other.file_);
    shared_ = other.shared_;
    return *this;
}

void Hold::release() {
    if (tasks_) std::exchange(tasks_, nullptr)->unlock(file_, shared_);
}

std::string Task::token() const {
    const std::size_t mark = user.find('!');
    return mark == std::string::npos ? "" : user.substr(mark + 1);
}

void Worker::warn(const std::string& line) {
    log("WARN: " + line);
    ++task_.warnings;
}

void Worker::stop_if_told() const {
    if (told_to_stop_) throw Interrupted();
}

void Worker::Pause::await_suspend(std::coroutine_handle<> rest) {
    worker.rest_ = rest;
    worker.tasks_.wake(worker, worker.tasks_.now_ + worker.tasks_.scaled(time));
}

bool Worker::Lock::await_ready() {
    if (auto hold = worker.tasks_.try_lock(file, mode)) {
        worker.granted_ = std::move(hold);
        return true;
    }
    worker.log("trying to acquire lock...");
    return false;
}

void Worker::Lock::await_suspend(std::coroutine_handle<> rest) {
    worker.rest_ = rest;
    worker.tasks_.locks_[file].waiting.emplace_back(&worker, mode);
    worker.tasks_.wake(worker, worker.tasks_.now_ + worker.tasks_.scaled(most));
}

Hold Worker::Lock::await_resume() {
    std::optional<Hold> hold = std::exchange(worker.granted_, std::nullopt);
    if (!hold) worker.tasks_.forget(&worker);
    const auto& log = worker.task_.log;
    if (hold && !log.empty() && log.back() == "trying to acquire lock...") worker.log(" OK");
    worker.stop_if_told();
    if (!hold && !refusal.empty()) die(refusal);
    if (!hold) die(fmt::format("can't lock file '{}' - got timeout", file));
    return std::move(*hold);
}

Tasks::~Tasks() {
    // What a body has caught and holds goes before the locks do, and nobody is given it any more.
    for (auto& [file, lock] : locks_) lock.waiting.clear();
    workers_.clear();
}

Duration Tasks::scaled(Duration time) const {
    constexpr double most = 0x1p61;  // so that a moment stays one, however slow everything goes
    return Duration(
        static_cast<std::int64_t>(std::min(static_cast<double>(time.count()) / speed_, most)));
}

Task& Tasks::start(Task record, const Body& body) {
    auto task = std::make_shared<Task>(std::move(record));
    all_.push_front(task);
    by_upid_[task->upid] = task.get();
    if (all_.size() > most_remembered) {
        const auto oldest = std::find_if(
            all_.rbegin(), all_.rend(), [](const auto& candidate) { return !candidate->runs(); });
        if (oldest != all_.rend()) {
            by_upid_.erase((*oldest)->upid);
            all_.erase(std::next(oldest).base());
        }
    }
    auto made = std::make_unique<Worker>(*this, *task);
    Worker& worker = *made;
    workers_[&worker] = std::move(made);
    ++running_;
    worker.body_.emplace(body(worker));
    worker.body_->begin();
    if (worker.body_->ended()) end(worker);
    return *task;
}

Task* Tasks::find(const std::string& upid) {
    const auto found = by_upid_.find(upid);
    return found == by_upid_.end() ? nullptr : found->second;
}

void Tasks::stop(Task& task) {
    for (const auto& [worker, owned] : workers_) {
        if (&worker->task_ != &task) continue;
        worker->told_to_stop_ = true;
        resume(*worker);
        return;
    }
}

void Tasks::kill(Task& task) {
    for (const auto& [worker, owned] : workers_) {
        if (&worker->task_ != &task) continue;
        task.status = "unexpected status";
        if (on_end) on_end(task);
        forget(worker);
        --running_;
        workers_.erase(worker);
        return;
    }
}

void Tasks::run_until(Moment now, const std::function<void(Moment)>& at) {
    while (!queue_.empty() && queue_.top().at <= now) {
        const Wake wake = queue_.top();
        queue_.pop();
        const auto known = workers_.find(wake.worker);
        if (known == workers_.end() || wake.worker->wake_ != wake.number) continue;
        now_ = std::max(now_, wake.at);
        at(now_);
        resume(*wake.worker);
    }
    now_ = std::max(now_, now);
    at(now_);
}

std::optional<Moment> Tasks::next_wake() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.top().at);
}

std::optional<Hold> Tasks::try_lock(const std::string& file, LockMode mode) {
    LockFile& lock = locks_[file];
    if (!lock.waiting.empty() || !grant(lock, mode)) return std::nullopt;
    return Hold(*this, file, mode == LockMode::Shared);
}

void Tasks::wake(Worker& worker, Moment at) {
    worker.wake_ = ++wakes_;
    queue_.push({at, worker.wake_, &worker});
}

bool Tasks::grant(LockFile& lock, LockMode mode) {
    if (lock.exclusive || (mode == LockMode::Exclusive && lock.shared > 0)) return false;
    mode == LockMode::Exclusive ? void(lock.exclusive = true) : void(++lock.shared);
    return true;
}

// It is theirs from now on, also if they end before they go on.
void Tasks::hand_on(const std::string& file, LockFile& lock) {
    while (!lock.waiting.empty()) {
        const auto [worker, mode] = lock.waiting.front();
        if (!grant(lock, mode)) return;
        lock.waiting.pop_front();
        worker->granted_.emplace(*this, file, mode == LockMode::Shared);
        wake(*worker, now_);
    }
}

void Tasks::unlock(const std::string& file, bool shared) {
    LockFile& lock = locks_[file];
    shared ? void(--lock.shared) : void(lock.exclusive = false);
    hand_on(file, lock);
    if (!lock.exclusive && lock.shared == 0) locks_.erase(file);
}

void Tasks::resume(Worker& worker) {
    worker.wake_ = 0;
    worker.rest_.resume();
    if (worker.body_->ended()) end(worker);
}

void Tasks::end(Worker& worker) {
    Task& task = worker.task_;
    std::string outcome = task.warnings == 0 ? "OK" : fmt::format("WARNINGS: {}", task.warnings);
    bool has_last_line = true;
    if (const std::exception_ptr failed = worker.body_->failure()) {
        try {
            std::rethrow_exception(failed);
        } catch (const Killed&) {
            outcome = "unexpected status";
            has_last_line = false;
        } catch (const std::exception& error) {  // Refused, or a mistake of ours: it ends alone
            outcome = error.what();
            std::replace(outcome.begin(), outcome.end(), '\n', ' ');
        }
    }
    task.status = outcome;
    if (on_end) on_end(task);
    const bool fine = task.status == "OK" || task.status.starts_with("WARNINGS: ");
    if (has_last_line) task.log.push_back((fine ? "TASK " : "TASK ERROR: ") + task.status);
    --running_;
    workers_.erase(&worker);
}

void Tasks::forget(Worker* worker) {
    for (auto& [file, lock] : locks_) {
        const auto is_it = [&](const auto& waiting) { return waiting.first == worker; };
        if (std::erase_if(lock.waiting, is_it) > 0) hand_on(file, lock);
    }
}

}  // namespace slipway::sandbox
