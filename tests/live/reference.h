#pragma once
// Files that are not part of the project: what Proxmox's own schema says, and recorded answers.
//
// They are looked for in $SLIPWAY_TESTS_REFERENCE, else beside the tree, in ../shared/reference.

#include <filesystem>
#include <optional>
#include <string>

namespace slipway {

std::filesystem::path reference_file(const std::string& name);

// Why it cannot be had; nothing if it is there. See skipping.h.
std::optional<std::string> missing_reference(const std::string& name);

}  // namespace slipway
