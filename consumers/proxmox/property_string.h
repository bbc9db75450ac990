#pragma once
// Proxmox's property strings: "local:vm-100-disk-0,iops_rd=100,size=32G". One value may stand
// without a key; what we do not know is kept as it is, since the whole string is sent back.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/runtime/error.h"

namespace slipway {

struct Property {
    std::string key;
    std::string value;

    bool operator==(const Property&) const = default;
};

// In their order. The one without a key gets `default_key`. Throws Error if a part is empty, a key
// stands twice or is no key.
std::vector<Property> parse_properties(std::string_view text, std::string_view default_key);

// key=value,key=value. Throws Error if a value would not stay one (a comma, a line end).
std::string print_properties(const std::vector<Property>& properties);

const std::string* find_property(const std::vector<Property>& properties, std::string_view key);
// Replaces it where it stands, or puts it at the end.
void set_property(std::vector<Property>& properties, std::string_view key, std::string value);
void erase_property(std::vector<Property>& properties, std::string_view key);

}  // namespace slipway
