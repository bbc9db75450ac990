#pragma once
// The world inside the box: nodes, storages and their volumes, guests, firewall files, pools.
//
// Plain state with the few questions everybody asks of it. What may be done to it, and how long
// that takes, is in the calls (…_calls.cpp) and in the tasks they start.

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "consumers/runtime/clock.h"
#include "ops/sandbox/access.h"
#include "ops/sandbox/parameters.h"
#include "ops/sandbox/tasks.h"

namespace slipway::sandbox {

using Config = Properties;  // key: value, as in the file of a guest

struct Node {
    std::string name;
    std::string ip;
    bool online = true;
    int cpus = 16;
    std::int64_t memory = 64LL << 30;
    std::vector<std::string> bridges = {"vmbr0"};
    Moment booted = {};
};

struct Archive;  // what a backup holds

struct Volume {
    int vmid = 0;
    std::string content = "images";
    std::string format = "raw";
    std::int64_t size = 0;
    std::int64_t ctime = 0;
    std::string parent = {};  // the name of the base it is a linked clone of
    bool has_system = false;  // a guest that boots it obeys ACPI and runs an agent
    bool is_protected = false;
    std::string notes = {};
    std::shared_ptr<const Archive> archive = {};
};

struct Storage {
    std::string name;
    std::string type = "dir";
    std::string path;
    std::set<std::string> content;
    bool shared = false;
    bool disabled = false;
    std::set<std::string> nodes;  // empty: all
    std::int64_t size = 1LL << 40;
    std::string prune_backups;
    bool full = false;  // misbehaviour: nothing more fits, whatever is there
    // By node (one entry "" if shared), by name without the storage.
    std::map<std::string, std::map<std::string, Volume>> volumes = {};
};

struct Snapshot {
    Config config;
    std::int64_t time = 0;
    bool with_memory = false;
    std::string description = {};
    std::string parent = {};
    std::string state = {};  // prepare or delete while it is being made or removed
};

struct Run {
    Moment since = {};
    int pid = 0;
    bool paused = false;
    bool prelaunch = false;  // started for a backup alone
    std::string agent = {};  // as it was when the guest started
    bool has_net = false;
};

struct Guest {
    int id = 0;
    std::string node;
    bool container = false;
    Config config;
    Config pending = {};
    std::set<std::string> pending_delete = {};  // these go with the next start
    std::map<std::string, Snapshot> snapshots = {};
    std::optional<Run> run = {};
    Moment made = {};
    Config cloudinit_built = {};  // what the drive was last made of
    std::optional<Moment> killed_at = {};

    std::string get(const std::string& key, const std::string& otherwise = "") const {
        const auto found = config.find(key);
        return found == config.end() ? otherwise : found->second;
    }
    bool is_template() const { return get("template") == "1"; }
    std::string name() const;
};

struct FirewallFile {
    struct Entry {
        std::string cidr;
        std::string comment;
        bool nomatch = false;
    };
    struct Set {
        std::string comment;
        std::vector<Entry> entries;
    };
    struct Alias {
        std::string cidr;
        std::string comment;
    };
    Properties options;
    std::vector<Properties> rules;
    std::map<std::string, Set> sets;
    std::map<std::string, Alias> aliases;
};

struct Archive {
    Config config;
    std::map<std::string, Volume> disks;  // by the drive they were
    std::optional<FirewallFile> firewall;
    bool container = false;
};

struct Pool {
    std::string comment;
    std::set<int> guests;
    std::set<std::string> storages;
};

class Cluster {
  public:
    Cluster(const Clock& clock, double speed, std::uint64_t seed);

    // --- time
    std::int64_t epoch(const std::string& node = "") const;  // seconds, on that node's own clock
    Moment now() const { return tasks.now(); }
    void set_wall(Moment at);

    // --- looking things up; die() or forbidden() in Proxmox's words if they are not there
    Node* find_node(const std::string& name);
    Guest* find_guest(int id);
    Guest& guest_on(int id, const std::string& node, bool container = false);
    Storage& storage(const std::string& name);
    std::map<std::string, Volume>& volumes_of(Storage& storage, const std::string& node);
    Volume* find_volume(const std::string& volid, const std::string& node);
    Volume& volume(const std::string& volid, const std::string& node);
    std::string pool_of(int guest) const;
    // As Proxmox does when the guest is whole; not if the pool has gone meanwhile.
    void join_pool(int guest, const std::string& pool);

    // --- rights
    bool may(const Caller& caller, const std::string& path, const std::string& privilege) const;
    void need(const Caller& caller, const std::string& path, const std::string& privilege) const;

    // --- making up what Proxmox makes up
    std::string new_uuid();
    std::string new_mac();
    std::string new_upid(Task& task);
    std::uint64_t random() { return random_(); }

    // A node fails or comes back. What ran on it ran: its guests are stopped, its tasks ended
    // without a last line, and locks in configurations stay.
    void set_online(const std::string& node, bool online);

    // Starts a task on a node for a caller. It may misbehave: see next_task_shall.
    Task& start_task(const std::string& node,
                     const Caller& caller,
                     const std::string& type,
                     const std::string& id,
                     const Body& body);

    Tasks tasks;
    Access access;
    std::vector<Node> nodes;
    std::string name = "lab";
    std::map<std::string, Storage> storages;
    std::map<int, Guest> guests;
    std::map<int, FirewallFile> firewalls;
    FirewallFile cluster_firewall;
    std::map<std::string, Pool> pools;
    Properties options;                        // datacenter.cfg
    std::map<std::string, std::int64_t> skew;  // by node, in seconds

    // What the task does that the current call starts.
    enum class TaskFault { None, Fails, Lies, FailsLate };
    TaskFault next_task_shall = TaskFault::None;

  private:
    const Clock& clock_;
    std::int64_t wall_at_boot_us_ = 0;
    std::mt19937_64 random_;
    int next_pid_ = 1000;
};

// Free functions about configurations, used by many calls.

std::string sha1_of(const std::string& text);
std::string digest_of(const Guest& guest);
std::string digest_of(const FirewallFile& file);

std::string config_file_of(int id);  // lock file
void check_lock(const Guest& guest);

// GiB, MiB as Proxmox prints a size: 32G, 512M, 3145729K.
std::string size_text(std::int64_t bytes);
// What no storage could hold becomes a size that none does: see allocate().
std::int64_t size_of_text(const std::string& text);
std::int64_t bytes_of(const std::string& number, std::int64_t unit);

}  // namespace slipway::sandbox
