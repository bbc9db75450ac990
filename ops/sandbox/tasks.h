#pragma once
// Tasks: what Proxmox does in worker processes, as coroutines in simulated time.
//
// A task's body reads like the worker it stands for: it logs, takes locks, spends time, changes the
// cluster, and throws Refused for what ends it. Between two co_awaits nothing else happens, so no
// thread is needed: Tasks::run_until() wakes whoever is due, in order, and everything is
// repeatable.
//
// What a coroutine is given has a name of its own first: g++ 12 destroys twice what is written as
// {.a = b} inside of a co_await. And no lambda is a coroutine: its captures would die too early.

#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "ops/sandbox/request.h"

namespace slipway::sandbox {

using Moment = Duration;  // since the boot of the sandbox's clock

// A coroutine that is a task's body or a part of one. Runs when it is first awaited.
class Work {
  public:
    struct promise_type {  // NOLINT(readability-identifier-naming): the language wants this name
        std::coroutine_handle<> then = std::noop_coroutine();
        std::exception_ptr failed;

        Work get_return_object() {
            return Work(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct GoOn {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(
                    std::coroutine_handle<promise_type> ended) noexcept {
                    return ended.promise().then;
                }
                void await_resume() noexcept {}
            };
            return GoOn{};
        }
        void return_void() {}
        void unhandled_exception() { failed = std::current_exception(); }
    };

    explicit Work(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Work(Work&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    Work& operator=(Work&&) = delete;
    ~Work() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> then) {
        handle_.promise().then = then;
        return handle_;
    }
    void await_resume() {
        if (handle_.promise().failed) std::rethrow_exception(handle_.promise().failed);
    }

    void begin() { handle_.resume(); }
    bool ended() const { return handle_.done(); }
    std::exception_ptr failure() const { return handle_.promise().failed; }

  private:
    std::coroutine_handle<promise_type> handle_;
};

class Tasks;

// A lock file (flock), held until this goes.
class Hold {
  public:
    Hold() = default;
    Hold(Tasks& tasks, std::string file, bool shared)
        : tasks_(&tasks), file_(std::move(file)), shared_(shared) {}
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { release(); }
    void release();

  private:
    Tasks* tasks_ = nullptr;
    std::string file_;
    bool shared_ = false;
};

// The worker was told to stop (SIGTERM). Its body cleans up and lets this pass, or says what
// failed.
struct Interrupted : Refused {
    Interrupted() : Refused(500, "received interrupt") {}
};

// What a task does not survive: it ends without a last line, and nobody cleans up.
struct Killed {};

struct Task {
    std::string upid;
    std::string node;
    std::string type;
    std::string id;
    std::string user;  // u@r or u@r!token
    int pid = 0;
    std::int64_t pstart = 0;
    std::int64_t starttime = 0;
    std::int64_t endtime = 0;
    std::string status;  // OK, WARNINGS: n, or what went wrong; empty while it runs
    std::vector<std::string> log;
    int warnings = 0;

    bool runs() const { return status.empty(); }
    std::string owner() const { return user.substr(0, user.find('!')); }
    std::string token() const;  // its name alone; empty if there was none
};

enum class LockMode { Exclusive, Shared };

// The hand that a body has on its own task.
class Worker {
  public:
    Worker(Tasks& tasks, Task& task) : tasks_(tasks), task_(task) {}

    void log(std::string line) { task_.log.push_back(std::move(line)); }
    void warn(const std::string& line);
    Task& task() { return task_; }

    // co_await worker.spend(2s): so long at --speed 1.
    auto spend(Duration time) { return Pause{*this, time}; }
    // hold = co_await worker.lock(file, 10s): waits so long at most, then it throws `refusal`,
    // which is the usual sentence about that file if it is empty.
    auto lock(std::string file,
              Duration most,
              LockMode mode = LockMode::Exclusive,
              std::string refusal = {}) {
        return Lock{*this, std::move(file), most, mode, std::move(refusal)};
    }

  private:
    friend class Tasks;

    struct Pause {
        Worker& worker;
        Duration time;
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> rest);
        void await_resume() const { worker.stop_if_told(); }
    };
    struct Lock {
        Worker& worker;
        std::string file;
        Duration most;
        LockMode mode;
        std::string refusal;
        bool await_ready();
        void await_suspend(std::coroutine_handle<> rest);
        Hold await_resume();
    };

    void stop_if_told() const;

    Tasks& tasks_;
    Task& task_;
    std::coroutine_handle<> rest_;
    std::optional<Work> body_;
    std::uint64_t wake_ = 0;  // the one it waits for; older ones are void
    bool told_to_stop_ = false;
    std::optional<Hold> granted_;  // what it waited for, until it goes on
};

using Body = std::function<Work(Worker&)>;

class Tasks {
  public:
    explicit Tasks(double speed) : speed_(speed) {}
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;
    ~Tasks();

    // Gives the record back; it began already, and may even have ended.
    Task& start(Task record, const Body& body);
    Task* find(const std::string& upid);
    void stop(Task& task);
    // As kill -9 or a crash of its node would: no last line.
    void kill(Task& task);

    void run_until(Moment now, const std::function<void(Moment)>& at);
    std::optional<Moment> next_wake() const;
    Moment now() const { return now_; }
    Duration scaled(Duration time) const;

    // Newest first, and only those that are still remembered.
    const std::deque<std::shared_ptr<Task>>& all() const { return all_; }
    std::size_t running() const { return running_; }

    std::optional<Hold> try_lock(const std::string& file, LockMode mode = LockMode::Exclusive);
    bool is_locked(const std::string& file) const { return locks_.contains(file); }

    // Called with every task that ends, before its status is set: may change the outcome.
    std::function<void(Task&)> on_end;

  private:
    friend class Worker;
    friend class Hold;

    struct LockFile {
        int shared = 0;
        bool exclusive = false;
        std::deque<std::pair<Worker*, LockMode>> waiting = {};
    };
    struct Wake {
        Moment at;
        std::uint64_t number;
        Worker* worker;
        bool operator>(const Wake& other) const {
            return std::tie(at, number) > std::tie(other.at, other.number);
        }
    };

    void wake(Worker& worker, Moment at);
    bool grant(LockFile& lock, LockMode mode);
    void hand_on(const std::string& file, LockFile& lock);
    void unlock(const std::string& file, bool shared);
    void resume(Worker& worker);
    void end(Worker& worker);
    void forget(Worker* worker);

    double speed_;
    Moment now_{};
    std::uint64_t wakes_ = 0;
    std::size_t running_ = 0;
    std::priority_queue<Wake, std::vector<Wake>, std::greater<>> queue_;
    std::map<std::string, LockFile> locks_;
    std::deque<std::shared_ptr<Task>> all_;
    std::map<std::string, Task*> by_upid_;
    std::map<Worker*, std::unique_ptr<Worker>> workers_;  // last: bodies hold locks
};

}  // namespace slipway::sandbox
