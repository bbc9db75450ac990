#pragma once
// Which backups a rule such as keep-last=3,keep-daily=7 keeps.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/sandbox/cluster.h"

namespace slipway::sandbox {

class Retention {
  public:
    explicit Retention(const std::string& text);
    // How many backups there may be at most; nothing if there is no limit.
    std::optional<std::int64_t> most() const;
    // For each of the backups, newest first, whether it is kept.
    std::vector<bool> kept(const std::vector<std::int64_t>& newest_first) const;

  private:
    std::map<std::string, std::int64_t> keep_;  // last, daily, …
};

struct Marked {
    std::string volid;
    int vmid = 0;
    std::int64_t ctime = 0;
    std::string mark;  // keep, remove, protected
};

std::map<std::string, Volume> backups_of(Cluster& cluster,
                                         Storage& storage,
                                         const std::string& node,
                                         int vmid);

// Of one guest, or of all if vmid is 0; oldest first.
std::vector<Marked> marked_backups(Cluster& cluster,
                                   Storage& storage,
                                   const std::string& node,
                                   int vmid,
                                   const Retention& retention);

}  // namespace slipway::sandbox
