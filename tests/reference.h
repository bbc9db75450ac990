#pragma once
// Facts about the outside that are not ours to ship: Proxmox's own description of its API, and
// answers recorded from it. They lie beside the project where there are any; tests that need them
// say by name that they could not run where there are none.

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace slipway {

// In $SLIPWAY_TESTS_REFERENCE, else in shared/reference beside the project. Tests run in its root.
inline std::filesystem::path reference_file(const std::string& name) {
    const char* folder = std::getenv("SLIPWAY_TESTS_REFERENCE");
    return std::filesystem::path(folder != nullptr ? folder : "../shared/reference") / name;
}

// For cannot_run(): why a test of it cannot.
inline std::optional<std::string> missing_reference(const std::string& name) {
    if (std::filesystem::is_regular_file(reference_file(name))) return std::nullopt;
    return reference_file(name).string() +
           " is not at hand; SLIPWAY_TESTS_REFERENCE names the folder that has it";
}

}  // namespace slipway
