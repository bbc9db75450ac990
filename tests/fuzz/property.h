#pragma once
// What every fuzz target is made of: a function that the fuzzer feeds, and properties that must
// hold whatever it is fed. The fuzzer takes an abort for a finding and keeps the input.
//
// A target is this one function; it returns 0, or -1 for an input that teaches nothing:
//     // NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
//     extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace slipway {

inline std::string_view as_text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

inline void must(bool holds, std::string_view what, std::string_view seen = {}) {
    if (holds) return;
    std::cerr << "PROPERTY BROKEN: " << what << '\n' << seen << '\n';
    std::abort();
}

}  // namespace slipway
