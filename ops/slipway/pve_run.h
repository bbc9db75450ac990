#pragma once
// Many tasks at once: started with a bounded number in flight, watched together, and told apart at
// the end by what became of them. What could not be found out is unknown, not failed.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "consumers/proxmox/tasks.h"

namespace slipway {

enum class Outcome { Waiting, Running, Completed, Failed, Timeout, Unknown };
std::string_view outcome_name(Outcome outcome);

// Nothing to be started: it is so already, or was done at once.
struct AlreadySo {
    std::string text;  // "is running already"
};
using Started = std::variant<Upid, AlreadySo>;

// One thing to be done, or one task that somebody else started.
struct PveAction {
    std::string subject;  // "pve1:100"
    std::chrono::milliseconds limit;
    // Changes something.
    std::function<Started()> start;
    // Before start(), and changes nothing: what find_started() must know, and whether there is
    // anything to do.
    std::function<std::optional<AlreadySo>()> look_first = {};
    // After start() has ended with "unknown": the task that it began, once it is listed.
    std::function<std::optional<Upid>()> find_started = {};
    // After the task succeeded: what is wrong all the same; empty if nothing is.
    std::function<std::string(const Upid&)> verify = {};
    // A state is wanted, whoever brings it about. After a task that failed it may be so all the
    // same; after one that succeeded it may come a little later, and with HA much later.
    bool state_counts = false;
};

struct ActionState {
    std::string subject;
    Outcome outcome = Outcome::Waiting;
    std::optional<Upid> upid = {};
    std::string text = {};  // exit status, or why it failed or is not known
    std::chrono::milliseconds elapsed{0};
    std::optional<double> percent = {};
    std::vector<std::string> log_tail = {};  // of a task that failed
};

struct RunSettings {
    std::chrono::milliseconds interval{500};
    int at_once = 4;
    // Of a look, of a start that was provably not executed, and of looking for a lost one.
    int retries = 3;
    std::chrono::milliseconds retry_pause{5'000};
    bool progress = true;  // read the logs for it
};

// What a run needs of the world around it.
struct RunHooks {
    // False if somebody said stop. With no time at all it only asks for that.
    std::function<bool(std::chrono::milliseconds)> pause;
    // Called after every round.
    std::function<void(const std::vector<ActionState>&)> show;
    // How long a look that comes now is worth waiting for, as Clock::since_boot() counts.
    std::function<void(std::chrono::nanoseconds)> look_until = {};
};

class PveRun {
  public:
    PveRun(Proxmox pve, RunSettings settings, RunHooks hooks);

    // Until all have ended, or somebody said stop: what was waiting then is still waiting, and what
    // is known to run is still running.
    std::vector<ActionState> run(std::vector<PveAction> actions);

  private:
    struct Inside;    // what is remembered of one action between rounds
    enum class Left;  // why nobody waits for one any longer

    bool round(std::vector<Inside>& all);
    std::chrono::milliseconds until_next_round(const std::vector<Inside>& all) const;
    void look(Inside& one);
    static void leave(Inside& one, Left why);
    void act(Inside& one);
    void start(Inside& one);
    void started(Inside& one, const Started& what);
    void answer_lost(Inside& one, const std::string& why);
    void look_for(Inside& one);
    void look_at_task(Inside& one);
    void read_progress(Inside& one);
    void ended(Inside& one, const TaskStatus& status);
    void failed(Inside& one, const TaskStatus& status);
    bool may_follow(Inside& one) const;
    void try_again(Inside& one, const std::string& why);
    bool may_act(const Inside& one) const;
    static bool may_run(const Inside& one);

    Proxmox pve_;
    const RunSettings settings_;
    RunHooks hooks_;
};

// No answer, or none that says anything about the task: it may be well.
bool may_be_asked_again(const ProxmoxError& error);

// With which people go on.
std::string command_to_wait_for(const std::vector<Upid>& upids);

// 0 if all have completed, else 1.
int exit_code(const std::vector<ActionState>& states);

}  // namespace slipway
