#include "ops/sandbox/retention.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace slipway::sandbox {
namespace {

constexpr std::int64_t most_kept = 1'000'000'000;  // so that a sum of such stays a number

struct Period {
    const char* name;
    const char* format;  // the same text within one period
};

constexpr Period periods[] = {{"hourly", "{:%Y-%m-%d %H}"},
                              {"daily", "{:%Y-%m-%d}"},
                              {"weekly", "{:%G-%V}"},
                              {"monthly", "{:%Y-%m}"},
                              {"yearly", "{:%Y}"}};

}  // namespace

Retention::Retention(const std::string& text) {
    const auto parts =
        text.empty() ? Properties{} : parse_properties(*named_parts("prune-backups"), text, "");
    for (const auto& [name, count] : parts)
        if (const auto number = whole_number(count); name != "keep-all" && number && *number > 0)
            keep_[name.substr(5)] = std::min(*number, most_kept);
    if (parts.contains("keep-all")) keep_.clear();
}

std::optional<std::int64_t> Retention::most() const {
    if (keep_.empty()) return std::nullopt;
    std::int64_t sum = 0;
    for (const auto& [name, count] : keep_) sum += count;
    return sum;
}

std::vector<bool> Retention::kept(const std::vector<std::int64_t>& newest_first) const {
    std::vector<bool> kept(newest_first.size(), keep_.empty());
    if (keep_.empty()) return kept;
    const auto last = keep_.find("last");
    for (std::size_t i = 0; last != keep_.end() && i < kept.size(); ++i)
        if (static_cast<std::int64_t>(i) < last->second) kept[i] = true;
    for (const Period& period : periods) {
        const auto wanted = keep_.find(period.name);
        if (wanted == keep_.end()) continue;
        const auto name_of = [&](std::size_t i) {
            return fmt::format(fmt::runtime(period.format),
                               fmt::gmtime(static_cast<time_t>(newest_first[i])));
        };
        // Periods that already have one kept by an earlier rule do not count.
        std::set<std::string> served;
        for (std::size_t i = 0; i < kept.size(); ++i)
            if (kept[i]) served.insert(name_of(i));
        std::int64_t left = wanted->second;
        for (std::size_t i = 0; i < kept.size() && left > 0; ++i)
            if (!kept[i] && served.insert(name_of(i)).second) {
                kept[i] = true;
                --left;
            }
    }
    return kept;
}

std::map<std::string, Volume> backups_of(Cluster& cluster,
                                         Storage& storage,
                                         const std::string& node,
                                         int vmid) {
    std::map<std::string, Volume> found;
    for (const auto& [name, volume] : cluster.volumes_of(storage, node))
        if (volume.content == "backup" && (vmid == 0 || volume.vmid == vmid))
            found.emplace(name, volume);
    return found;
}

std::vector<Marked> marked_backups(Cluster& cluster,
                                   Storage& storage,
                                   const std::string& node,
                                   int vmid,
                                   const Retention& retention) {
    std::map<int, std::vector<Marked>> groups;
    for (const auto& [name, volume] : backups_of(cluster, storage, node, vmid))
        groups[volume.vmid].push_back({.volid = storage.name + ":" + name,
                                       .vmid = volume.vmid,
                                       .ctime = volume.ctime,
                                       .mark = volume.is_protected ? "protected" : ""});
    std::vector<Marked> all;
    for (auto& [guest, backups] : groups) {
        std::sort(backups.begin(), backups.end(), [](const Marked& a, const Marked& b) {
            return a.ctime > b.ctime;
        });
        std::vector<std::int64_t> times;
        for (const Marked& backup : backups)
            if (backup.mark.empty()) times.push_back(backup.ctime);
        const std::vector<bool> kept = retention.kept(times);
        std::size_t next = 0;
        for (Marked& backup : backups)
            if (backup.mark.empty()) backup.mark = kept[next++] ? "keep" : "remove";
        all.insert(all.end(), backups.rbegin(), backups.rend());
    }
    return all;
}

}  // namespace slipway::sandbox
