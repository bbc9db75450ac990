#include "tests/live/reference.h"

#include <cstdlib>

namespace slipway {

std::filesystem::path reference_file(const std::string& name) {
    const char* folder = std::getenv("SLIPWAY_REFERENCE");
    return std::filesystem::path(folder && *folder ? folder : "../shared/reference") / name;
}

std::optional<std::string> missing_reference(const std::string& name) {
    if (std::filesystem::exists(reference_file(name))) return std::nullopt;
    return name + " is not at hand; set SLIPWAY_REFERENCE to the folder it is in";
}

}  // namespace slipway
