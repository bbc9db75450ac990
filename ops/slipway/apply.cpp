#include "ops/slipway/apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/inventory/inventory_book.h"
#include "consumers/inventory/inventory_check.h"
#include "consumers/inventory/inventory_json.h"
#include "consumers/runtime/config.h"

namespace slipway {
namespace {

// A letter's body would fill the screen.
constexpr std::size_t longest_shown = 60;

std::string shown(const std::string& text) {
    if (text.empty()) return "(none)";
    const std::size_t line = std::min(text.find('\n'), text.size());
    const std::size_t end = std::min(line, longest_shown);
    return text.substr(0, end) + (end < text.size() ? "…" : "");
}

std::string line_of(std::string_view mark, const Declared& declared) {
    return fmt::format("{} {} {}\n", mark, declared.kind, declared.name);
}

std::string text_of(const InventoryChange& change) {
    switch (change.fate) {
        case Fate::Same:
            return {};
        case Fate::Added:
            return line_of("+", change.declared);
        case Fate::Removed:
            return line_of("-", change.declared);
        case Fate::Kept:
            return fmt::format("kept: {} {} is not in this file; --remove takes it out\n",
                               change.declared.kind,
                               change.declared.name);
        case Fate::Changed:
            break;
    }
    std::string text = line_of("~", change.declared);
    if (change.fields.empty()) text += "    the order of a list\n";
    for (const FieldChange& field : change.fields)
        text +=
            field.is_secret
                ? fmt::format("    {}: changed\n", field.path)
                : fmt::format(
                      "    {}: {} -> {}\n", field.path, shown(field.before), shown(field.after));
    return text;
}

// Throws ConfigError with everything that does not hold together.
void check_whole(const InventoryPlan& plan, const InventoryFile& file) {
    std::vector<std::string> lines;
    for (const InventoryProblem& problem : check_inventory(plan.whole))
        lines.push_back(fmt::format(
            "{}: {}", file.where(problem.kind, problem.name, problem.path), problem_text(problem)));
    if (!lines.empty()) throw ConfigError(lines);
}

std::string users_of(const ApplyPlaces& places, const Declared& declared) {
    if (declared.kind == "pool") {
        for (const PoolUse& use : places.store.pool_use(places.clock.now()))
            if (use.pool == declared.name && use.held + use.resting > 0)
                return fmt::format(
                    "{} of its addresses are held and {} rest", use.held, use.resting);
        return {};
    }
    if (declared.kind != "cluster" && declared.kind != "package" && declared.kind != "template")
        return {};
    const std::int64_t vms = places.store.vms_with({declared.kind, declared.name});
    return vms == 0 ? "" : fmt::format("{} VMs have it", vms);
}

// What VMs have stays.
void refuse_in_use(const ApplyPlaces& places, const InventoryPlan& plan) {
    std::string in_use;
    for (const InventoryChange& change : plan.changes) {
        if (change.fate != Fate::Removed) continue;
        const std::string users = users_of(places, change.declared);
        if (!users.empty())
            in_use += fmt::format(
                "\n    {} {} is in use: {}", change.declared.kind, change.declared.name, users);
    }
    if (!in_use.empty())
        throw Error("nothing was changed, since what VMs have cannot be removed:" + in_use);
}

std::string summary(const InventoryPlan& plan) {
    const auto count = [&](Fate fate) {
        return std::count_if(plan.changes.begin(),
                             plan.changes.end(),
                             [&](const InventoryChange& change) { return change.fate == fate; });
    };
    return fmt::format("{} new, {} changed, {} removed",
                       count(Fate::Added),
                       count(Fate::Changed),
                       count(Fate::Removed));
}

}  // namespace

std::string apply_inventory(const ApplyPlaces& places,
                            const InventoryFile& file,
                            const ApplyOptions& options) {
    const Inventory before = inventory_of(places.store.inventory(), places.box);
    const InventoryPlan plan = plan_inventory(before, file, options.absent);
    check_whole(plan, file);
    refuse_in_use(places, plan);
    std::string text;
    for (const InventoryChange& change : plan.changes) text += text_of(change);
    if (plan.changes_nothing()) return text + "nothing changes\n";
    const std::vector<InventoryRow> put = rows_to_put(plan, places.box);
    if (options.run == ApplyRun::Dry) return text + summary(plan) + ", if it were not a dry run\n";
    // Whoever is woken before its process knows of the change fails once more, and waits longer.
    const Time known_by_all = places.clock.now() + InventoryBook::good_for;
    if (!places.store.change_inventory(plan.revision, put, keys_to_remove(plan), known_by_all))
        throw Error(
            "somebody else changed the inventory meanwhile, so nothing was changed here; apply "
            "again, and look at the new differences first with --dry-run");
    return text + summary(plan) + "\n";
}

}  // namespace slipway
