#pragma once
// What `slipway get` prints, apart from its arguments.

#include <string>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "schema/store.h"

namespace slipway {

enum class GetForm { Table, Yaml, Json };

struct GetWanted {
    std::string what;       // clusters, templates, packages, pools, dns, letters, all
    std::string name = {};  // empty: all of them
    GetForm form = GetForm::Table;
};

// Throws UsageError if there is no such kind of thing.
void check_wanted(const GetWanted& wanted);

// Throws Error if there is nothing of that name. Never prints a secret.
std::string print_inventory(const Inventory& inventory,
                            const std::vector<PoolUse>& pool_use,
                            const GetWanted& wanted);

// "27.59% (8/29)"
std::string usage_text(std::int64_t taken, std::int64_t all);

}  // namespace slipway
