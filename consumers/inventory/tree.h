#pragma once
// What was declared, as texts in a tree: what YAML, JSON and a diff have in common.
//
// inventory_file.h makes it of YAML, with lines; inventory_json.h of JSON and JSON of it;
// declared.h turns it into the structs of inventory.h and back.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct Tree {
    enum class Kind { Nothing, Text, List, Map };
    // How a text is written: 2 and true bare, where quotes would make another thing of them.
    enum class Style { Quoted, Bare };
    using Entry = std::pair<std::string, Tree>;

    Kind kind = Kind::Nothing;
    std::string text = {};
    Style style = Style::Quoted;
    std::vector<Tree> items = {};
    std::vector<Entry> entries = {};
    int line = 0;  // where it begins; its key, if it is an entry

    const Tree* find(std::string_view key) const;

    bool operator==(const Tree& other) const;  // wherever it stood
};

Tree text_tree(std::string text, Tree::Style style);

// The line of what stands at "system_disk.storage", or of the last of its parents that is there. A
// list's entry is found by its `name`.
int line_of(const Tree& tree, std::string_view path);

// "system_disk.storage" -> "local-lvm", in order; a list of texts is one line, [a, b].
struct Leaf {
    std::string path;
    std::string text;

    bool operator==(const Leaf&) const = default;
};
std::vector<Leaf> leaves_of(const Tree& tree);

}  // namespace slipway
