#include "consumers/inventory/inventory_diff.h"

#include <algorithm>

#include "consumers/inventory/inventory_json.h"

namespace slipway {
namespace {

const Declared* find(const std::vector<Declared>& all, const Declared& like) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Declared& each) {
        return each.kind == like.kind && each.name == like.name;
    });
    return found == all.end() ? nullptr : &*found;
}

std::string text_at(const std::vector<Leaf>& leaves, const std::string& path) {
    for (const Leaf& leaf : leaves)
        if (leaf.path == path) return leaf.text;
    return {};
}

std::vector<FieldChange> changed_fields(const Declared& before, const Declared& after) {
    const std::vector<Leaf> old_leaves = leaves_of(before.body);
    const std::vector<Leaf> new_leaves = leaves_of(after.body);
    std::vector<FieldChange> fields;
    for (const Leaf& leaf : new_leaves)
        if (const std::string old = text_at(old_leaves, leaf.path); old != leaf.text)
            fields.push_back({leaf.path, old, leaf.text});
    for (const Leaf& leaf : old_leaves) {
        const bool is_there = std::any_of(new_leaves.begin(),
                                          new_leaves.end(),
                                          [&](const Leaf& each) { return each.path == leaf.path; });
        if (!is_there) fields.push_back({leaf.path, leaf.text, ""});
    }
    for (const auto& [key, secret] : after.secrets) {
        const auto old = before.secrets.find(key);
        if ((old == before.secrets.end() ? "" : old->second) != secret)
            fields.push_back({.path = key, .is_secret = true});
    }
    return fields;
}

void keep_secrets(Declared& after, const Declared& before, const InventoryFile& file) {
    for (auto& [key, secret] : after.secrets) {
        const bool is_said = file.says(after.kind, after.name, key) ||
                             file.says(after.kind, after.name, key + "_file");
        const auto kept = before.secrets.find(key);
        if (!is_said && kept != before.secrets.end()) secret = kept->second;
    }
}

InventoryChange change_of(Declared after, const Declared* before, const InventoryFile& file) {
    if (before == nullptr) return {.fate = Fate::Added, .declared = std::move(after)};
    keep_secrets(after, *before, file);
    std::vector<FieldChange> fields = changed_fields(*before, after);
    // The order of a list of maps shows in no field.
    const bool is_same = fields.empty() && *before == after;
    return {.fate = is_same ? Fate::Same : Fate::Changed,
            .declared = std::move(after),
            .fields = std::move(fields)};
}

}  // namespace

bool InventoryPlan::changes_nothing() const {
    return std::all_of(changes.begin(), changes.end(), [](const InventoryChange& change) {
        return change.fate == Fate::Same || change.fate == Fate::Kept;
    });
}

InventoryPlan plan_inventory(const Inventory& before, const InventoryFile& file, Absent absent) {
    InventoryPlan plan{.revision = before.revision};
    const std::vector<Declared> were = declared_in(before);
    const std::vector<Declared> shall_be = declared_in(file.inventory);
    for (const Declared& each : shall_be)
        plan.changes.push_back(change_of(each, find(were, each), file));
    const Fate fate = absent == Absent::Kept ? Fate::Kept : Fate::Removed;
    for (const Declared& each : were)
        if (find(shall_be, each) == nullptr)
            plan.changes.push_back({.fate = fate, .declared = each});
    std::vector<Declared> whole;
    for (const InventoryChange& change : plan.changes)
        if (change.fate != Fate::Removed) whole.push_back(change.declared);
    plan.whole = inventory_of(whole, before.revision + 1);
    return plan;
}

std::vector<InventoryRow> rows_to_put(const InventoryPlan& plan, const SecretBox& box) {
    std::vector<InventoryRow> rows;
    for (const InventoryChange& change : plan.changes)
        if (change.fate == Fate::Added || change.fate == Fate::Changed)
            rows.push_back(row_of(change.declared, box));
    return rows;
}

std::vector<InventoryKey> keys_to_remove(const InventoryPlan& plan) {
    std::vector<InventoryKey> keys;
    for (const InventoryChange& change : plan.changes)
        if (change.fate == Fate::Removed)
            keys.push_back({change.declared.kind, change.declared.name});
    return keys;
}

}  // namespace slipway
