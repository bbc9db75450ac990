#pragma once
// Whether an inventory holds together: every name leads somewhere, pools do not share addresses,
// what a package asks for can be had. Nothing outside is asked. `slipway apply` checks the whole
// before it changes anything.

#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/inventory.h"

namespace slipway {

struct InventoryProblem {
    std::string kind;  // of what is wrong, and its name as in declared.h
    std::string name;
    std::string path;  // system_disk.storage
    std::string what;

    bool operator==(const InventoryProblem&) const = default;
};

// In the order of the inventory; empty if all is well.
std::vector<InventoryProblem> check_inventory(const Inventory& inventory);

// "packages.vps-start.system_disk.storage: there is no storage …"
std::string problem_text(const InventoryProblem& problem);

// The parts of it.
class InventoryCheck {
  public:
    explicit InventoryCheck(const Inventory& inventory) : inventory_(inventory) {}

    void check_cluster(const DeclaredCluster& cluster);
    void check_template(const DeclaredTemplate& os_template);
    void check_package(const DeclaredPackage& package);
    void check_addresses(const DeclaredPackage& package);
    void check_pool(const DeclaredPool& pool);
    void check_pools_together();
    void check_provider(const DeclaredDnsProvider& provider);
    void check_zone(const DeclaredZone& zone);
    void check_letter(const DeclaredLetter& letter);
    void check_names();

    std::vector<InventoryProblem> problems() && { return std::move(problems_); }

  private:
    // What is being checked: whose problems are said.
    struct Subject {
        std::string_view kind;
        std::string name;
    };

    void say(std::string_view path, std::string what);
    // The cluster of that name, or a problem and null.
    const DeclaredCluster* named_cluster(const std::string& name);
    void check_storage(const DeclaredCluster& cluster,
                       std::string_view path,
                       const std::string& name);
    void check_letters(const DeclaredPackage& package);
    void check_in_network(const DeclaredPool& pool);

    const Inventory& inventory_;
    Subject subject_ = {};
    std::vector<InventoryProblem> problems_;
};

}  // namespace slipway
