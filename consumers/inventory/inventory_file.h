#pragma once
// The inventory as operators write it, in YAML. ops/config/inventory.example.yaml explains every
// key. All that is wrong is said at once:
//
//   inventory.yaml:12: packages.vps-start.system_disk.size: "20" is not a size; write …

#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/declared.h"

namespace slipway {

struct InventoryFile {
    std::string name;  // as error texts call it
    Inventory inventory;
    std::vector<ReadPlace> places;
    std::vector<std::string> warnings;

    // "inventory.yaml:12", or the name alone if it does not stand there.
    std::string where(std::string_view kind,
                      std::string_view declared_name,
                      std::string_view path) const;
    // Whether that very key is written there.
    bool says(std::string_view kind, std::string_view declared_name, std::string_view key) const;
};

// Throws ConfigError with everything that is wrong. Files of secrets are looked for beside it.
InventoryFile load_inventory(const std::string& path);
// The same from text, called `file` in error texts.
InventoryFile parse_inventory(const std::string& text, const std::string& file);

// A list below its heading, as YAML that load_inventory() takes.
struct YamlSection {
    std::string heading;  // "packages", "dns.zones"
    std::vector<Tree> items;
};
std::string print_yaml(const std::vector<YamlSection>& sections);

}  // namespace slipway
