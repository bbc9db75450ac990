#pragma once
// Reading and changing the configuration of a guest.

#include <functional>
#include <set>
#include <string>

#include "ops/sandbox/call.h"
#include "ops/sandbox/devices.h"

namespace slipway::sandbox {

// What a caller wants changed, already checked and completed (MACs, hashed passwords).
struct ConfigChange {
    Config set;
    std::set<std::string> remove;
    std::set<std::string> revert;
    bool force = false;  // volumes of removed drives go for good
    bool skip_lock = false;
    std::string digest = {};
};

// As a client reads it: numbers where the schema has numbers, passwords masked.
Json config_json(const Config& config, bool container);
Json value_json(const std::string& key, const std::string& value, bool container);

// Turns parameters into configuration values: MACs, hashes, tags in order. Throws Refused for what
// the schema let pass although it is wrong.
void complete_options(Cluster& cluster, Config& options);

bool is_cloudinit_option(const std::string& key);

// Whether the caller may set these options of that guest, and use those storages.
void check_option_rights(const Call& call, int vmid, const std::set<std::string>& options);
void check_drive_rights(const Call& call, int vmid, const Config& options);

using Say = std::function<void(const std::string&)>;

// Allocates what `STORAGE:SIZE`, `STORAGE:cloudinit` and import-from ask for, and answers the drive
// as it stands in the configuration afterwards.
std::string make_drive(Cluster& cluster,
                       Guest& guest,
                       const std::string& key,
                       const std::string& value,
                       const Say& say);

// Applies a change to a guest whose lock file is held: at once if it is stopped, else as far as
// hot-plugging goes, and the rest stays pending.
void apply_change(Cluster& cluster, Guest& guest, const ConfigChange& change, const Say& say);
// As happens when a guest starts or is stopped for good.
void apply_pending(Cluster& cluster, Guest& guest);

// A drive's volume that is not in use any more: kept as unusedN, or gone if it holds nothing.
void drop_drive(Cluster& cluster, Guest& guest, const std::string& value, bool force);

}  // namespace slipway::sandbox
