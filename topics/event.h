#pragma once
// What travels: the event types and how each is written to and read from a message.
//
// Every message is a CloudEvent 1.0. Written in binary mode (ce_* headers, JSON body), read in
// binary and in structured mode (application/cloudevents+json). `id` is stable across
// re-publishing, so any reader can drop repeats. `traceparent` is passed on if present.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "topics/bus.h"

namespace slipway {

using EventTime = std::chrono::sys_time<std::chrono::microseconds>;

// What we read of a message at most, so that a stranger's cannot fill our memory. What we write
// stays below: long texts of a step event are cut.
inline constexpr std::size_t most_body_bytes = 256 * 1024;
inline constexpr std::size_t most_event_text_bytes = 16 * 1024;
inline constexpr std::size_t most_service_id_bytes = 128;

// 1 to 128 letters, digits, '.', '_', ':' or '-': it is a key, and part of names.
bool is_service_id(std::string_view text);

// A message nobody can read. what() is a reason a person understands: which field, what is wrong
// with it, what would be right. It quotes nothing of the message but names of fields.
struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// "This VM is now in this state." The consumer group of the pipeline does the one next step.
struct StateEvent {
    std::string service_id;
    std::string pipeline;
    std::string state;
    std::int64_t run = 0;
    std::int64_t version = 0;
    std::string traceparent = {};
};

// One per step attempt (`line` empty), one per live line inside a step (`line` set).
struct StepEvent {
    std::string id;  // stable: a row of the log is told under the same id, however often
    std::string service_id;
    std::int64_t vmid = 0;  // the VM's number in its cluster; 0: it has none
    std::string pipeline;
    std::int64_t run = 0;
    int row = 0;     // its place in the log of this run
    int number = 0;  // its step's place in the table, from 1
    std::string label = {};
    std::string result = {};  // success, skip, waiting, error, lost
    std::string text = {};
    std::string from = {};
    std::string to = {};
    std::int64_t attempts = 1;
    std::int64_t duration_us = 0;
    EventTime time = {};
    std::string line = {};
    std::string traceparent = {};
};

// A lifecycle request: type is the last part of the CloudEvent's type (slipway.request.deploy).
struct RequestEvent {
    std::string id;
    std::string source = {};
    std::string type;
    std::string service_id;
    std::string payload = {};  // the data object, as JSON text
    std::string traceparent = {};
    EventTime time = {};  // when it was ordered, if the event says so
};

struct ActivityEvent {
    std::string service_id;
    std::int64_t run = 0;
    std::string kind;
    std::string text;
    EventTime time = {};
};

// A letter is to be sent. It says which one and nothing of what it holds: the mailer writes it from
// the rows, so that no password is ever in a topic.
struct LetterEvent {
    std::string service_id;
    std::int64_t run = 0;
    std::string kind;  // ready, password, restored
    EventTime time = {};
};

// A parked VM, a message nobody could read, a letter nobody takes; the row behind it is
// DeadLetterRow of schema/store.h.
struct DeadLetterEvent {
    std::string key;
    std::string kind;  // parked, unreadable, rejected, letter
    std::string service_id = {};
    std::string reason;
    EventTime time = {};
    std::string origin_topic = {};
    std::int32_t origin_partition = -1;
    std::int64_t origin_offset = -1;
    std::string raw = {};  // at most 64 KiB of the original's bytes
    std::int64_t raw_length = 0;
    std::string raw_sha256 = {};
};

// An event without a time (a state event never has one: its version says more) has no ce_time.
Message to_message(const StateEvent& event, std::string topic);
Message to_message(const StepEvent& event, std::string topic);
Message to_message(const RequestEvent& event, std::string topic);
Message to_message(const ActivityEvent& event, std::string topic);
Message to_message(const LetterEvent& event, std::string topic);
Message to_message(const DeadLetterEvent& event, std::string topic);

// Each throws Unreadable. They are strict about what they need and ignore what they do not know.
StateEvent read_state_event(const Message& message);
StepEvent read_step_event(const Message& message);
RequestEvent read_request(const Message& message);
LetterEvent read_letter_event(const Message& message);

// Text that both databases and every reader take: invalid UTF-8 becomes U+FFFD, NUL goes.
std::string clean_text(std::string_view text);

// A key for a message nobody could read. Offsets alone would not do: they begin again after a wipe.
std::string unreadable_key(const Received& received);

// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);

}  // namespace slipway
