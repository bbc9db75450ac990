#include "consumers/inventory/tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {
namespace {

bool is_list_of_texts(const Tree& tree) {
    return tree.kind == Tree::Kind::List &&
           std::all_of(tree.items.begin(), tree.items.end(), [](const Tree& item) {
               return item.kind == Tree::Kind::Text;
           });
}

std::string list_text(const Tree& list) {
    std::string out;
    for (const Tree& item : list.items) out += (out.empty() ? "" : ", ") + item.text;
    return "[" + out + "]";
}

std::string name_of(const Tree& tree) {
    const Tree* name = tree.find("name");
    return name == nullptr ? "" : name->text;
}

void add_leaves(const std::string& path, const Tree& tree, std::vector<Leaf>& out) {
    const auto below = [&](const std::string& key) {
        return path.empty() ? key : fmt::format("{}.{}", path, key);
    };
    if (tree.kind == Tree::Kind::Text) out.push_back({path, tree.text});
    if (is_list_of_texts(tree) && !tree.items.empty()) out.push_back({path, list_text(tree)});
    if (is_list_of_texts(tree)) return;
    for (const Tree& item : tree.items) add_leaves(below(name_of(item)), item, out);
    for (const auto& [key, entry] : tree.entries)
        if (key != "name") add_leaves(below(key), entry, out);
}

// What `path` begins with, and how much of it that takes. Names may have dots inside.
const Tree* step_into(const Tree& tree, std::string_view path, std::size_t& taken) {
    const auto begins_with = [&](std::string_view key) {
        const bool whole = path.size() == key.size();
        if (!path.starts_with(key) || (!whole && path[key.size()] != '.')) return false;
        taken = std::min(key.size() + 1, path.size());
        return true;
    };
    for (const auto& [key, entry] : tree.entries)
        if (begins_with(key)) return &entry;
    for (const Tree& item : tree.items)
        if (!name_of(item).empty() && begins_with(name_of(item))) return &item;
    return nullptr;
}

}  // namespace

const Tree* Tree::find(std::string_view key) const {
    for (const auto& [name, entry] : entries)
        if (name == key) return &entry;
    return nullptr;
}

bool Tree::operator==(const Tree& other) const {
    return kind == other.kind && text == other.text && style == other.style &&
           items == other.items && entries == other.entries;
}

Tree text_tree(std::string text, Tree::Style style) {
    return {.kind = Tree::Kind::Text, .text = std::move(text), .style = style};
}

int line_of(const Tree& tree, std::string_view path) {
    const Tree* at = &tree;
    std::size_t taken = 0;
    while (!path.empty()) {
        const Tree* below = step_into(*at, path, taken);
        if (below == nullptr) break;
        at = below;
        path.remove_prefix(taken);
    }
    return at->line;
}

std::vector<Leaf> leaves_of(const Tree& tree) {
    std::vector<Leaf> leaves;
    add_leaves("", tree, leaves);
    return leaves;
}

}  // namespace slipway
