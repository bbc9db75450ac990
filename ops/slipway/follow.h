#pragma once
// Looking on at a topic without taking part: what `watch` and `topics tail` share.

#include <functional>
#include <string>

#include "consumers/runtime/config.h"
#include "topics/bus.h"

namespace slipway {

enum class Follow { GoOn, Stop };

struct FollowOptions {
    std::string topic;  // its full name
    Begin begin = Begin::Newest;
};

// Reads in a group of its own, so that everyone who looks on sees everything, until `show` has
// enough or SIGINT or SIGTERM comes. stdout is flushed after every batch.
void follow_topic(const Config& config,
                  const FollowOptions& options,
                  const std::function<Follow(const Received&)>& show);

}  // namespace slipway
