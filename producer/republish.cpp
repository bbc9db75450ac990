#include "producer/republish.h"

#include "consumers/runtime/log.h"

namespace slipway {

int Republish::sweep() {
    const Time now = parts_.clock.now();
    int told = 0;
    for (const DeadLetterRow& row :
         parts_.store.unpublished_dead_letters(now - settings_.patience, settings_.batch)) {
        parts_.teller.publish_dead_letter(row);
        ++told;
    }
    for (const ActivityRow& row :
         parts_.store.unpublished_activity(now - settings_.patience, settings_.batch)) {
        parts_.teller.publish_activity(row);
        ++told;
    }
    for (const LetterRow& row :
         parts_.store.unpublished_letters(now - settings_.patience, settings_.batch)) {
        parts_.teller.publish_letter(row);
        ++told;
    }
    for (const SilentWriter& silent : parts_.store.silent_writers(now - settings_.silence))
        if (silent.writer != parts_.teller.writer()) told += tell_for(silent, now);
    for (const SilentWriter& gone : parts_.store.silent_writers(now - settings_.forgotten))
        if (parts_.store.told_from(gone.writer, gone.published_below, 1).empty())
            parts_.store.forget_writer(gone.writer);
    return told;
}

// A silent process may only be stopped. Its row stays, with the mark raised: it may go on, record a
// step, and die in earnest before it can say that it lives. If this process dies on the way, the
// next one begins again.
int Republish::tell_for(const SilentWriter& silent, Time now) {
    int told = 0;
    std::int64_t from = silent.published_below;
    while (true) {
        const auto rows = parts_.store.told_from(silent.writer, from, settings_.batch);
        if (rows.empty()) break;
        for (const StepRow& row : rows) parts_.teller.publish_step(row, {});
        if (!parts_.bus.flush(settings_.flush_longest)) return told;
        told += static_cast<int>(rows.size());
        from = rows.back().told_as + 1;
    }
    if (told == 0) return 0;
    parts_.store.heartbeat(silent.writer, from, now - settings_.silence);
    log(Level::Info,
        "a process fell silent; its last step-events were told again",
        {{"writer", silent.writer}, {"events", told}});
    return told;
}

}  // namespace slipway
