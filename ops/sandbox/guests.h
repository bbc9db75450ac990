#pragma once
// A guest's life: running or not, what it looks like from outside, and what all tasks do with it.

#include <string>

#include "ops/sandbox/call.h"
#include "ops/sandbox/devices.h"

namespace slipway::sandbox {

// A guest with an operating system obeys ACPI, lets devices go and can run an agent. It has one if
// its first disk came from a template that has; and, for those who replay recordings of guests
// without any, if its name begins with `obeys-`.
bool has_system(Cluster& cluster, const Guest& guest);
bool obeys_acpi(Cluster& cluster, const Guest& guest);
bool has_agent(Cluster& cluster, const Guest& guest);  // one that answers

// Applies what is pending, rebuilds the cloud-init drive, checks that it can start, and starts.
// Throws Refused in the words of the start task.
void start_guest(Cluster& cluster, Guest& guest);
void stop_guest(Cluster& cluster, Guest& guest);
// The start itself, of a guest that can.
void power_on(Cluster& cluster, Guest& guest);

Json status_json(Cluster& cluster, const Guest& guest, bool full);
Json resource_json(Cluster& cluster, const Guest& guest);

// Seconds since it was started, cumulative bytes since then; all 0 while it is stopped.
struct Counters {
    std::int64_t uptime = 0;
    std::int64_t net_in = 0;
    std::int64_t net_out = 0;
    std::int64_t disk_read = 0;
    std::int64_t disk_write = 0;
    double cpu = 0;
    std::int64_t memory = 0;
};
Counters counters_of(const Cluster& cluster, const Guest& guest);

std::int64_t memory_of(const Guest& guest);  // bytes
int cpus_of(const Guest& guest);
std::int64_t disk_size_of(const Guest& guest);  // of the one it boots from

std::string agent_option(const Guest& guest, const std::string& name);

// The statistics of a node that lists show to those who may see them.
Json node_load_json(const Cluster& cluster, const Node& node);

// A configuration as a new guest gets it: uuid, generation id, creation.
void add_identity(Cluster& cluster, const std::string& node, Config& config);

}  // namespace slipway::sandbox
