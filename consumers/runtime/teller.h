#pragma once
// Tells the world what was committed: state events, step-events, activity, letters, dead letters.
//
// At least once, without a write per step: every log row carries its writer and a rising number,
// and the writer's own row says below which number everything was acknowledged by the broker. What
// a dead process may not have told is told again from that mark by whoever sweeps
// (producer/republish.h). Thread-safe.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "consumers/runtime/in_order.h"
#include "schema/store.h"
#include "topics/bus.h"
#include "topics/event.h"

namespace slipway {

// Topic and group names with the installation's prefix: slipway.service is read by slipway-service.
struct TopicNames {
    std::string prefix = "slipway.";
    std::string of(std::string_view topic) const { return prefix + std::string(topic); }
    std::string group(std::string_view topic) const {
        return prefix.substr(0, prefix.find_last_not_of('.') + 1) + "-" + std::string(topic);
    }
};

// Log rows and dead letters as the events they are told as. The ids are stable.
StepEvent step_event(const StepRow& row);
DeadLetterEvent dead_letter_event(const DeadLetterRow& row);
ActivityEvent activity_event(const ActivityRow& row);
LetterEvent letter_event(const LetterRow& row);

class Teller {
  public:
    // `writer` is new for every process: a forgotten one must never continue another's numbers.
    Teller(Bus& bus, TopicNames topics, std::string writer);

    const std::string& writer() const { return writer_; }
    const TopicNames& topics() const { return topics_; }
    bool has_room() const { return bus_.has_room(); }

    // Marks a change as ours, before it is handed to the saver.
    void sign(StepRow& row);
    // What was won is told; what was lost, or needs no telling, is struck off.
    void tell(const Change& change, bool tell_step);
    void strike_off(const StepRow& row);

    void nudge(const Vm& vm, std::string_view topic, bool may_wait = false);
    void nudge(const Nudge& nudge, std::string_view topic, Delivered delivered = {});
    void tell_line(const Vm& vm, std::string_view line, Time now);
    void publish_dead_letter(const DeadLetterRow& row);
    void publish_activity(const ActivityRow& row);
    void publish_letter(const LetterRow& row);
    void publish_step(const StepRow& row, Delivered delivered);

    // Once a second: the writer's mark, and what the broker acknowledged since.
    void beat(Store& store, Time now);
    // After a flush at the very end: nothing is left to tell, so no one need look.
    void sign_off(Store& store, Time now);

  private:
    Bus& bus_;
    const TopicNames topics_;
    const std::string writer_;

    mutable std::mutex mutex_;
    InOrder numbers_{1};
    std::int64_t next_number_ = 1;
    std::vector<std::string> published_dead_letters_;
    std::vector<ActivityRow> published_activity_;
    std::vector<LetterRow> published_letters_;
};

}  // namespace slipway
