#include "producer/due.h"

#include <algorithm>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/log.h"

namespace slipway {

// A group lags if it has not come to where the topic ended after the last sweep, give or take one
// batch. After a grace its nudges are given again whatever it does: they may be lost with the
// topic.
bool Due::group_lags(const std::string& topic, Given& given) {
    if (parts_.clock.since_boot() - given.at > settings_.grace) return false;
    const auto progress =
        parts_.bus.progress(parts_.teller.topics().group(topic), parts_.teller.topics().of(topic));
    if (!progress) return true;
    given.end = std::min(given.end, progress->end);  // wiped: it begins again
    return given.end - progress->committed > settings_.batch;
}

bool Due::any_group_lags() {
    return std::any_of(given_.begin(), given_.end(), [&](auto& entry) {
        return group_lags(entry.first, entry.second);
    });
}

int Due::sweep() {
    if (!parts_.teller.has_room() || any_group_lags()) return 0;
    given_.clear();
    const Time now = parts_.clock.now();
    const auto nudges = parts_.store.take_due(now, now + settings_.grace, settings_.batch);
    std::map<std::string, std::int64_t> counts;
    for (const Nudge& nudge : nudges) {
        const Pipeline* pipeline = find_pipeline(nudge.pipeline);
        if (!pipeline) {
            log(Level::Error,
                "a VM is in a pipeline this version of Slipway does not know",
                {{"service", nudge.service_id}, {"pipeline", nudge.pipeline}});
            continue;
        }
        parts_.teller.nudge(nudge, pipeline->topic);
        ++counts[std::string(pipeline->topic)];
    }
    for (const auto& [topic, count] : counts) {
        const auto progress = parts_.bus.progress(parts_.teller.topics().group(topic),
                                                  parts_.teller.topics().of(topic));
        if (progress) given_[topic] = {progress->end + count, parts_.clock.since_boot()};
    }
    return static_cast<int>(nudges.size());
}

void Due::run_until_stopped() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        lock.unlock();
        int nudged = 0;
        try {
            nudged = sweep();
        } catch (const std::exception& error) {
            log(Level::Warning, "a due sweep failed, trying again", {{"error", error.what()}});
        }
        lock.lock();
        // A full batch means that more is waiting.
        if (!stopped_ && nudged < settings_.batch) wake_.wait_for(lock, settings_.interval);
    }
}

void Due::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
}

}  // namespace slipway
