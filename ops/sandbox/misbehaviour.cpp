#include "ops/sandbox/misbehaviour.h"

#include <algorithm>
#include <array>

namespace slipway::sandbox {
namespace {

constexpr std::array<std::pair<Fault, const char*>, 12> names = {{
    {Fault::Slow, "slow"},
    {Fault::ErrorBefore, "error-before"},
    {Fault::ErrorAfter, "error-after"},
    {Fault::NotConnected, "595"},
    {Fault::BrokenRelay, "596"},
    {Fault::LostAnswer, "597"},
    {Fault::Redirected, "599"},
    {Fault::ResetBefore, "reset-before"},
    {Fault::ResetAfter, "reset-after"},
    {Fault::TaskFails, "task-fails"},
    {Fault::TaskLies, "task-lies"},
    {Fault::TaskFailsLate, "task-fails-late"},
}};

}  // namespace

std::optional<Fault> fault_named(const std::string& name) {
    for (const auto& [fault, called] : names)
        if (name == called) return fault;
    return std::nullopt;
}

std::vector<std::string> fault_names() {
    std::vector<std::string> all;
    for (const auto& [fault, called] : names) all.emplace_back(called);
    return all;
}

std::string name_of(Fault fault) {
    for (const auto& [known, called] : names)
        if (known == fault) return called;
    return "?";
}

bool matches(const std::string& pattern, const std::string& path) {
    std::size_t at = 0;
    std::size_t begin = 0;
    while (begin <= pattern.size()) {
        const std::size_t end = std::min(pattern.find('*', begin), pattern.size());
        const std::string part = pattern.substr(begin, end - begin);
        at = path.find(part, at);
        if (at == std::string::npos) return false;
        at += part.size();
        begin = end + 1;
    }
    return true;
}

void Misbehaviour::by_seed(std::uint64_t seed, double share) {
    random_.seed(seed);
    share_ = share;
}

void Misbehaviour::clear() {
    rules_.clear();
    share_ = 0;
}

void Misbehaviour::keep(const std::string& method, const std::string& path, const Rule& rule) {
    kept_.emplace(method + " " + path, rule);
}

std::optional<Rule> Misbehaviour::kept(const std::string& method, const std::string& path) {
    const auto found = kept_.find(method + " " + path);
    if (found == kept_.end()) return std::nullopt;
    const Rule rule = found->second;
    kept_.erase(found);
    return rule;
}

std::optional<Rule> Misbehaviour::next(const std::string& method, const std::string& path) {
    std::optional<Rule> hit;
    for (Rule& rule : rules_) {
        if (!rule.method.empty() && rule.method != method) continue;
        if (!matches(rule.path, path)) continue;
        ++rule.seen;
        const bool due = rule.seen >= rule.nth;
        const bool spent = rule.times > 0 && rule.seen >= rule.nth + rule.times;
        if (due && !spent && !hit) hit = rule;
    }
    if (hit || share_ <= 0) return hit;
    // Integers alone: what a distribution makes of a seed differs from library to library.
    if (static_cast<double>(random_() % 1'000'000) >= share_ * 1'000'000) return std::nullopt;
    Rule rule{.fault = names[random_() % names.size()].first};
    rule.delay = std::chrono::milliseconds(100 + random_() % 4000);
    return rule;
}

}  // namespace slipway::sandbox
