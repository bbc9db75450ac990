#pragma once
// The migrations as CMake compiled them in, oldest first.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/database.h"

namespace slipway {

struct Migration {
    int number;
    std::string_view name;
    std::string_view text;
};

std::span<const Migration> migrations();

// The statements of one migration for one database: lines marked for the other are left out.
std::vector<std::string> statements_for(Dialect dialect, std::string_view text);

}  // namespace slipway
