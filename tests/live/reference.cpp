#include "tests/live/reference.h"

#include <cstdlib>

namespace slipway {

std::filesystem::path reference_file(const std::string& name) {
    const char* folder = std::getenv("SLIPWAY_TESTS_REFERENCE");
    return std::filesystem::path(folder && *folder ? folder : "../shared/reference") / name;
}

std::optional<std::string> missing_reference(const std::string& name) {
    if (std::filesystem::is_regular_file(reference_file(name))) return std::nullopt;
    return name + " is not at hand; set SLIPWAY_TESTS_REFERENCE to the folder that has it";
}

}  // namespace slipway
