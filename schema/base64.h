#pragma once
// Bytes that are no text, in a column that is one.

#include <string>
#include <string_view>

namespace slipway {

std::string base64(std::string_view bytes);
std::string from_base64(std::string_view text);  // reads up to the first foreign character

}  // namespace slipway
