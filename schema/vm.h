#pragma once
// The VM record of truth: one row per service. Plain data; the questions we ask are in store.h.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace slipway {

// Wall-clock time as the database keeps it: microseconds since the epoch, UTC.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

struct Vm {
    std::string service_id;

    // Where it is. `state` is the published name; the next step is the row after it.
    std::string pipeline;
    std::string state;
    std::string phase = {};    // inside `terminate`; empty elsewhere
    std::int64_t run = 0;      // one per lifecycle, from request to rest
    std::int64_t version = 0;  // raised by every change; what compare-and-set compares

    // The only timer. Empty for a VM at rest with nothing queued.
    std::optional<Time> wake_at = {};
    int queued = 0;  // requests that wait until this VM is at rest

    // The log and the last answer: an answer equal to the one before is counted, not repeated.
    int log_row = 0;          // the newest row of this run's log; 0 before the first
    int failures = 0;         // in a row, at this step
    std::string answer = {};  // what the last answer said, if it was Waiting or Failed
    Time answered_at = {};    // when that answer was first given
    Time told_at = {};        // when step-events last heard of it

    std::string last_error_action = {};  // label of the step that failed last
    std::string last_error = {};

    // Written rarely, kept in a table of their own so that the row above stays narrow.
    std::string cluster = {};
    std::string target = {};   // JSON: the order as it came, a package and what differs from it
    std::string applied = {};  // JSON: what was set
    std::string request_id = {};
    std::string traceparent = {};

    // What it is, from the moment it has a number. All of it is saved before any of it is made.
    std::string client = {};
    std::string product = {};  // the package
    std::string node = {};     // where it was seen last: a hint, never proof
    std::int64_t vmid = 0;     // in its cluster; 0: it has none
    std::string name = {};     // in Proxmox
    std::string domain = {};   // its host name, whole
    std::string username = {};
    std::string password = {};  // sealed: see secret_box.h
    std::string mac = {};
    std::string rev_dns = {};         // JSON: address -> name, where it is not the domain
    std::string service_status = {};  // what billing said last: active, suspended, terminated
};

}  // namespace slipway
