#pragma once
// Making the sandbox misbehave, by rule or by seed.

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ops/sandbox/request.h"

namespace slipway::sandbox {

enum class Fault {
    Slow,           // the answer comes late
    ErrorBefore,    // 500, and nothing happened
    ErrorAfter,     // 500, and it happened or the task runs
    NotConnected,   // 595: nothing happened
    BrokenRelay,    // 596: it happened
    LostAnswer,     // 597: it happened
    Redirected,     // 599: it happened
    ResetBefore,    // the connection breaks, nothing happened
    ResetAfter,     // the connection breaks, it happened
    TaskFails,      // the task fails before it does anything
    TaskLies,       // the task says OK and did nothing
    TaskFailsLate,  // the task does its work and fails
};

std::optional<Fault> fault_named(const std::string& name);  // slow, error-before, …
std::vector<std::string> fault_names();
std::string name_of(Fault fault);

struct Rule {
    Fault fault = Fault::Slow;
    std::string method = {};  // empty: any
    std::string path = {};    // a part of it, without /api2/json; * for anything in between
    int nth = 1;              // the first one that it hits, counted from 1
    int times = 1;            // how many in a row; 0: from then on
    Duration delay = std::chrono::seconds(30);  // of Slow
    std::string text = {};                      // instead of the usual sentence
    int seen = 0;
};

class Misbehaviour {
  public:
    void add(Rule rule) { rules_.push_back(std::move(rule)); }
    // Every call is hit by some fault with this probability; the same seed, the same faults.
    void by_seed(std::uint64_t seed, double share);
    void clear();

    std::optional<Rule> next(const std::string& method, const std::string& path);

    // A call that waits for a lock file comes again: what was to hit it still does.
    void keep(const std::string& method, const std::string& path, const Rule& rule);
    std::optional<Rule> kept(const std::string& method, const std::string& path);

  private:
    std::multimap<std::string, Rule> kept_;
    std::vector<Rule> rules_;
    std::mt19937_64 random_;
    double share_ = 0;
};

bool matches(const std::string& pattern, const std::string& path);

}  // namespace slipway::sandbox
