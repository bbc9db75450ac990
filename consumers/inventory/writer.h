#pragma once
// Visits the fields of a declaration (fields.h) and makes a tree of them; and takes the secrets
// out. For declared.cpp.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/tree.h"
#include "consumers/inventory/values.h"

namespace slipway {

// What a declaration must say has no default: a tree of defaults is without it.
enum class Musts { Written, LeftOut };

template <typename Thing>
Tree tree_of(Thing& thing, Musts musts = Musts::Written);

class TreeWriter {
  public:
    TreeWriter(Tree& map, Musts musts) : map_(map), musts_(musts) { map_.kind = Tree::Kind::Map; }

    template <typename Place>
    void must(std::string_view key, const Place& place, Bounds = {}) {
        if (musts_ == Musts::Written) may(key, place);
    }
    template <typename Place>
    void may(std::string_view key, const Place& place, Bounds = {}) {
        const std::string text = print(place);
        if (!text.empty()) add(key, text_tree(text, style<Place>()));
    }
    template <typename Item>
    void may(std::string_view key, const std::vector<Item>& place, Bounds = {}) {
        Tree list{.kind = Tree::Kind::List};
        for (const Item& item : place) list.items.push_back(text_tree(print(item), style<Item>()));
        if (!list.items.empty()) add(key, std::move(list));
    }
    void may(std::string_view key, const std::map<std::string, std::string>& place, Bounds = {}) {
        Tree map{.kind = Tree::Kind::Map};
        for (const auto& [name, text] : place)
            map.entries.emplace_back(name, text_tree(text, Tree::Style::Quoted));
        if (!map.entries.empty()) add(key, std::move(map));
    }
    void secret(std::string_view, const std::string&) {}
    template <typename Section>
    void section(std::string_view key, Section& place) {
        add(key, tree_of(place));
    }
    template <typename Item>
    void list(std::string_view key, std::vector<Item>& place) {
        Tree list{.kind = Tree::Kind::List};
        for (Item& item : place) list.items.push_back(tree_of(item));
        if (!list.items.empty()) add(key, std::move(list));
    }

  private:
    template <typename Place>
    static constexpr Tree::Style style() {
        constexpr bool bare =
            std::is_arithmetic_v<Place> || std::is_same_v<Place, std::optional<int>>;
        return bare ? Tree::Style::Bare : Tree::Style::Quoted;
    }
    void add(std::string_view key, Tree tree) { map_.entries.emplace_back(key, std::move(tree)); }

    Tree& map_;
    const Musts musts_;
};

template <typename Thing>
Tree tree_of(Thing& thing, Musts musts) {
    Tree tree;
    TreeWriter writer(tree, musts);
    visit_fields(writer, thing);
    return tree;
}

// Takes secrets out of their places, all of them.
class SecretTaker {
  public:
    explicit SecretTaker(std::map<std::string, std::string>& secrets) : secrets_(secrets) {}

    template <typename... Any>
    void must(const Any&...) {}
    template <typename... Any>
    void may(const Any&...) {}
    template <typename... Any>
    void section(const Any&...) {}
    template <typename... Any>
    void list(const Any&...) {}
    void secret(std::string_view key, const std::string& place) {
        secrets_[std::string(key)] = place;
    }

  private:
    std::map<std::string, std::string>& secrets_;
};

}  // namespace slipway
