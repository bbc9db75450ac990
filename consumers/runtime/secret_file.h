#pragma once
// A secret in a file of its own, as `token_file: /path` names it.

#include <string>

namespace slipway {

// Its content without the end of its last line. Throws Error if there is none.
std::string read_secret_file(const std::string& path);

// Whether others on this machine may read it, too.
bool is_open_to_everyone(const std::string& path);

}  // namespace slipway
