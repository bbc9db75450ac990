#pragma once
// How a package names its VMs: text with macros, "{client_id}-{service_id}". Pure.

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

enum class NameMacro {
    Text,  // none: a piece of plain text
    ClientId,
    ServiceId,
    RandomDigits,
    RandomLetters,
    UnixTime,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
};

struct NamePart {
    NameMacro macro = NameMacro::Text;
    std::string text = {};  // of plain text
    int count = 0;          // of random digits or letters: {random_digit_6}

    bool operator==(const NamePart&) const = default;
};

// Throws Error that says what is wrong: an unknown macro, a letter that no host name may have, or
// that two VMs would get the same name.
std::vector<NamePart> parse_name_rule(std::string_view rule);

}  // namespace slipway
