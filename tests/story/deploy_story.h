#pragma once
// What the stories of deploy share: one order, its log, and somebody who acts in the middle of a
// call.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/story/town.h"
#include "tests/story/transcript.h"

namespace slipway {

inline std::string order_one(Town& town) {
    return town.order({.service_id = "5546", .pipeline = "deploy", .package = "vps-full"});
}

inline std::string newest_log(Town& town) {
    return run_log(*town.store, town.store->runs("5546", 1).at(0));
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

inline const sandbox::Guest& machine(Town& town, int id = 1000) {
    return town.lab.cluster().guests.at(id);
}

// Does `act` once, when the n-th call whose name contains `part` is about to be heard, or was.
struct Once {
    std::string part;
    Moment moment;
    std::function<void()> act;
    int nth = 1;
};

inline void at_call(Town& town, const Once& once) {
    town.faults.set([once, seen = 0](const Call& call) mutable {
        if (call.moment != once.moment || !has(call.what, once.part)) return;
        if (++seen == once.nth) once.act();
    });
}

}  // namespace slipway
