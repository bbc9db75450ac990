#include "consumers/runtime/teller.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {

StepEvent step_event(const StepRow& row) {
    return {
        .id = fmt::format("{}/{}/{}/{}", row.service_id, row.run, row.row, row.told_as),
        .service_id = row.service_id,
        .vmid = row.vmid,
        .pipeline = row.pipeline,
        .run = row.run,
        .row = row.row,
        .number = row.number,
        .label = row.label,
        .result = row.result,
        .text = row.text,
        .from = row.from,
        .to = row.to,
        .attempts = row.attempts,
        // A row of several attempts may end before it began, if somebody set the clock back.
        .duration_us = std::max<std::int64_t>(0, (row.ended - row.began).count()),
        .time = row.ended,
    };
}

DeadLetterEvent dead_letter_event(const DeadLetterRow& row) {
    return {
        .key = row.key,
        .kind = row.kind,
        .service_id = row.service_id,
        .reason = row.reason,
        .time = row.at,
        .origin_topic = row.origin_topic,
        .origin_partition = row.origin_partition,
        .origin_offset = row.origin_offset,
        .raw = row.raw,
        .raw_length = row.raw_length,
        .raw_sha256 = row.raw_sha256,
    };
}

ActivityEvent activity_event(const ActivityRow& row) {
    return {
        .service_id = row.service_id,
        .run = row.run,
        .kind = row.kind,
        .text = row.text,
        .time = row.at,
    };
}

LetterEvent letter_event(const LetterRow& row) {
    return {.service_id = row.service_id, .run = row.run, .kind = row.kind, .time = row.at};
}

Teller::Teller(Bus& bus, TopicNames topics, std::string writer)
    : bus_(bus), topics_(std::move(topics)), writer_(std::move(writer)) {}

void Teller::sign(StepRow& row) {
    row.writer = writer_;
    const std::lock_guard lock(mutex_);
    row.told_as = next_number_++;
    numbers_.begin(row.told_as);
}

void Teller::tell(const Change& change, bool tell_step) {
    if (change.dead_letter) publish_dead_letter(*change.dead_letter);
    if (change.activity) publish_activity(*change.activity);
    if (change.letter) publish_letter(*change.letter);
    if (!tell_step) {
        strike_off(change.log);
        return;
    }
    publish_step(change.log, [this, number = change.log.told_as] {
        const std::lock_guard lock(mutex_);
        numbers_.finish(number);
    });
}

void Teller::strike_off(const StepRow& row) {
    const std::lock_guard lock(mutex_);
    numbers_.finish(row.told_as);
}

void Teller::nudge(const Vm& vm, std::string_view topic, bool may_wait) {
    Message message = to_message(StateEvent{.service_id = vm.service_id,
                                            .pipeline = vm.pipeline,
                                            .state = vm.state,
                                            .run = vm.run,
                                            .version = vm.version,
                                            .traceparent = vm.traceparent},
                                 topics_.of(topic));
    message.may_wait = may_wait;
    bus_.publish(std::move(message));
}

void Teller::nudge(const Nudge& nudge, std::string_view topic, Delivered delivered) {
    bus_.publish(to_message(StateEvent{.service_id = nudge.service_id,
                                       .pipeline = nudge.pipeline,
                                       .state = nudge.state,
                                       .run = nudge.run,
                                       .version = nudge.version,
                                       .traceparent = nudge.traceparent},
                            topics_.of(topic)),
                 std::move(delivered));
}

void Teller::tell_line(const Vm& vm, std::string_view line, Time now) {
    StepEvent event{
        .id = fmt::format(
            "{}/{}/{}/{}", vm.service_id, vm.run, vm.version, now.time_since_epoch().count()),
        .service_id = vm.service_id,
        .vmid = vm.vmid,
        .pipeline = vm.pipeline,
        .run = vm.run,
        .from = vm.state,
        .to = vm.state,
        .time = now,
        .line = clean_text(line),
    };
    Message message = to_message(event, topics_.of("step-events"));
    message.may_wait = true;  // as its step's event does, so that they keep their order
    bus_.publish(std::move(message));
}

void Teller::publish_dead_letter(const DeadLetterRow& row) {
    bus_.publish(to_message(dead_letter_event(row), topics_.of("dead-letter")),
                 [this, key = row.key] {
                     const std::lock_guard lock(mutex_);
                     published_dead_letters_.push_back(key);
                 });
}

void Teller::publish_activity(const ActivityRow& row) {
    bus_.publish(to_message(activity_event(row), topics_.of("activity")), [this, row] {
        const std::lock_guard lock(mutex_);
        published_activity_.push_back(row);
    });
}

void Teller::publish_letter(const LetterRow& row) {
    bus_.publish(to_message(letter_event(row), topics_.of("letters")), [this, row] {
        const std::lock_guard lock(mutex_);
        published_letters_.push_back(row);
    });
}

void Teller::publish_step(const StepRow& row, Delivered delivered) {
    Message message = to_message(step_event(row), topics_.of("step-events"));
    message.may_wait = true;
    bus_.publish(std::move(message), std::move(delivered));
}

void Teller::beat(Store& store, Time now) {
    std::vector<std::string> dead_letters;
    std::vector<ActivityRow> activity;
    std::vector<LetterRow> letters;
    std::int64_t below = 0;
    {
        const std::lock_guard lock(mutex_);
        dead_letters.swap(published_dead_letters_);
        activity.swap(published_activity_);
        letters.swap(published_letters_);
        below = numbers_.open() == 0 ? next_number_ : numbers_.finished_below();
    }
    // If one of these throws, the rows stay unpublished and are told once more: at least once.
    store.heartbeat(writer_, below, now);
    if (!dead_letters.empty()) store.mark_dead_letters_published(dead_letters, now);
    if (!activity.empty()) store.mark_activity_published(activity, now);
    if (!letters.empty()) store.mark_letters_published(letters, now);
}

void Teller::sign_off(Store& store, Time now) {
    beat(store, now);
    const std::lock_guard lock(mutex_);
    if (numbers_.open() == 0) store.forget_writer(writer_);
}

}  // namespace slipway
