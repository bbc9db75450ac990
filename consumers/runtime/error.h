#pragma once
// The one exception for "the outside could not": a status, a timeout, a refusal, a wrong file.
// Thrown where it happens with the text a person needs, caught in run_step() and in main.

#include <stdexcept>

namespace slipway {

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace slipway
