#include "consumers/runtime/reader.h"

#include <fmt/format.h>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/log.h"
#include "consumers/runtime/unread_messages.h"

namespace slipway {
namespace {

constexpr std::size_t poll_most = 512;

StateEvent read_event(const Message& message) {
    StateEvent event = read_state_event(message);
    if (!find_pipeline(event.pipeline))
        throw Unreadable("data.pipeline: is not the name of a pipeline; see `slipway pipelines`");
    return event;
}

}  // namespace

Reader::Reader(Parts parts, ReaderSettings settings)
    : parts_(parts), settings_(std::move(settings)) {
    polled_at_ = parts_.clock.since_boot().count();
    consumer_ = parts_.bus.subscribe({
        .group = settings_.group,
        .topics = {settings_.topic},
        .gather = settings_.gather,
        .on_revoked = [this](const auto& partitions) { offsets_.revoke(partitions); },
    });
}

bool Reader::run_one(std::chrono::milliseconds longest) {
    pause_or_resume();
    const std::vector<Received> messages = consumer_->poll(longest, poll_most);
    polled_at_ = parts_.clock.since_boot().count();
    for (const Received& received : messages) take(received);
    for (const Position& next : offsets_.advanced()) consumer_->finished_below(next);
    return !messages.empty();
}

void Reader::run_until_stopped() {
    while (!stopped_) run_one(std::chrono::milliseconds(50));
}

void Reader::close() {
    for (const Position& next : offsets_.advanced()) consumer_->finished_below(next);
    consumer_->close();
}

void Reader::take(const Received& received) {
    const Ticket ticket = offsets_.take(received);
    try {
        parts_.lanes.offer(read_event(received.message), ticket);
    } catch (const Unreadable& why) {
        DeadLetterRow letter = unreadable_letter(received, why.what(), parts_.clock.now());
        log(Level::Warning,
            "a message nobody can read went to dead-letter",
            {{"topic", received.message.topic},
             {"partition", received.partition},
             {"offset", received.offset},
             {"reason", letter.reason}});
        parts_.saver.keep_dead_letter(letter, [this, letter, ticket] {
            parts_.teller.publish_dead_letter(letter);
            ticket.finish();
        });
    }
}

// Half as much again before it is resumed, so that it does not flap.
void Reader::pause_or_resume() {
    const std::size_t open = offsets_.open();
    const bool room = parts_.teller.has_room();
    if (!paused_ && (open > settings_.in_flight_most || !room)) {
        consumer_->pause();
        paused_ = true;
    } else if (paused_ && open <= settings_.in_flight_most / 2 && room) {
        consumer_->resume();
        paused_ = false;
    }
}

}  // namespace slipway
