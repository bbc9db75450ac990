#pragma once
// What must never happen. Always on, in every build.
//
// A failed check is a bug of ours: run_step() stops that one VM with it, since one bad record must
// not stop the others; anywhere else nobody catches it and the process ends.

#include <stdexcept>
#include <string>
#include <string_view>

namespace slipway {

struct CheckFailed : std::logic_error {
    using std::logic_error::logic_error;
};

inline void check(bool holds, std::string_view why_it_cannot_fail) {
    if (!holds) throw CheckFailed("cannot happen: " + std::string(why_it_cannot_fail));
}

}  // namespace slipway
