#pragma once
// A PostgreSQL url taken apart, so that what we add to it and what we hide of it are sure.

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Conninfo {
    std::string connect;               // libpq's key=value form, with our time limits added
    std::string shown;                 // the same without secrets and defaults
    std::vector<std::string> secrets;  // what must never appear in a text
};

// Throws std::runtime_error, without quoting the url, if libpq cannot read it.
Conninfo read_conninfo(const std::string& url);

// `text` with every secret replaced.
std::string hide(std::string text, const std::vector<std::string>& secrets);

}  // namespace slipway
