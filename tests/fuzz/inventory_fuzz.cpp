// Any text as inventory.yaml: it is taken, or refused with file and line for each problem; what was
// taken is the same after a way through rows and through printed YAML, and can be checked.

#include <optional>

#include "consumers/inventory/inventory_check.h"
#include "consumers/inventory/inventory_file.h"
#include "consumers/inventory/inventory_json.h"
#include "consumers/runtime/config.h"
#include "tests/fuzz/property.h"

namespace slipway {
namespace {

std::optional<Inventory> read_or_refuse(const std::string& yaml) {
    try {
        return parse_inventory(yaml, "inventory.yaml").inventory;
    } catch (const ConfigError& error) {
        must(!error.problems.empty(), "a refusal has a reason");
        for (const auto& problem : error.problems)
            must(
                problem.starts_with("inventory.yaml:"), "a problem begins with its place", problem);
        return std::nullopt;
    }
}

std::string printed(const Inventory& inventory) {
    std::vector<YamlSection> sections;
    for (const Declared& declared : declared_in(inventory)) {
        const std::string heading(heading_of(declared.kind));
        if (sections.empty() || sections.back().heading != heading)
            sections.push_back({heading, {}});
        sections.back().items.push_back(short_body(declared));
    }
    return sections.empty() ? "" : print_yaml(sections);
}

void check_inventory_text(const std::string& yaml) {
    const auto inventory = read_or_refuse(yaml);
    if (!inventory) return;
    const SecretBox box(std::string(32, 'k'));
    must(inventory_of({.revision = 0, .rows = rows_of(*inventory, box)}, box) == *inventory,
         "rows hold everything");
    const InventoryRows rows{.revision = 0, .rows = rows_of(*inventory, box)};
    const auto again = read_or_refuse(printed(*inventory));
    must(again.has_value(), "what is printed can be read", printed(*inventory));
    must(*again == inventory_without_secrets(rows), "and says the same", printed(*inventory));
    for (const InventoryProblem& problem : check_inventory(*inventory))
        must(!problem_text(problem).empty(), "a problem is said");
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string yaml(slipway::as_text(bytes, size));
    // A key whose value names a file is read from this machine, and that may be any file.
    if (yaml.find("_file") != std::string::npos) return -1;
    slipway::check_inventory_text(yaml);
    return 0;
}
