#include "consumers/inventory/declared.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/inventory/fields.h"
#include "consumers/inventory/reader.h"
#include "consumers/inventory/writer.h"
#include "consumers/runtime/error.h"

namespace slipway {
namespace {

struct Heading {
    std::string_view kind;
    std::string_view section;  // of the file; empty: none
    std::string_view key;
};
constexpr Heading headings[] = {
    {"cluster", "", "clusters"},
    {"template", "", "templates"},
    {"package", "", "packages"},
    {"pool", "", "pools"},
    {"dns_provider", "dns", "providers"},
    {"zone", "dns", "zones"},
    {"letter", "", "letters"},
};

const Heading& heading(std::string_view kind) {
    return *std::find_if(std::begin(headings), std::end(headings), [&](const Heading& each) {
        return each.kind == kind;
    });
}

template <typename Thing>
std::string row_name(const Thing& thing) {
    return thing.name;
}
std::string row_name(const DeclaredTemplate& thing) {
    return thing.name + "@" + thing.cluster;
}
std::string row_name(const DeclaredZone& thing) {
    return thing.name + "@" + thing.provider;
}

template <typename Thing>
Thing read_stored(const Declared& declared) {
    Thing thing;
    std::vector<ReadProblem> problems;
    TreeReader reader({.map = declared.body, .path = path_of(declared), .problems = problems});
    visit_fields(reader, thing);
    if (!problems.empty())
        throw Error(fmt::format("what is declared cannot be read: {}: {}",
                                problems.front().path,
                                problems.front().what));
    SecretPutter putter(declared.secrets);
    visit_fields(putter, thing);
    return thing;
}

// Items that are alike are pruned against one that says nothing.
Tree without_defaults(const Tree& tree, const Tree& defaults, const Tree& item_defaults) {
    Tree out = tree;
    if (tree.kind == Tree::Kind::List)
        for (Tree& item : out.items) item = without_defaults(item, item_defaults, {});
    if (tree.kind != Tree::Kind::Map) return out;
    out.entries.clear();
    for (const auto& [key, entry] : tree.entries) {
        const Tree* same = defaults.find(key);
        if (same != nullptr && *same == entry) continue;
        out.entries.emplace_back(
            key, without_defaults(entry, same != nullptr ? *same : Tree{}, item_defaults));
    }
    return out;
}

// --- a file

struct FileReading {
    const ReadSecret& read_secret;
    ReadDeclarations& out;
    std::vector<std::string_view> known = {};  // keys below the root and below dns

    void problem(int line, const std::string& path, std::string what) {
        out.problems.push_back({line, path, std::move(what)});
    }

    template <typename Thing>
    void read_item(std::string_view kind, const Tree& item, std::vector<Thing>& list) {
        const Tree* name = item.find("name");
        const std::string shown =
            name != nullptr ? name->text : fmt::format("({})", list.size() + 1);
        const std::string path = fmt::format("{}.{}", heading_of(kind), shown);
        if (item.kind != Tree::Kind::Map)
            return problem(item.line, path, "is a map of key: value that begins with a name");
        Thing thing;
        TreeReader reader({.map = item,
                           .path = path,
                           .problems = out.problems,
                           .unknown = Unknown::Refused,
                           .read_secret = read_secret});
        visit_fields(reader, thing);
        reader.finish();
        for (const ReadPlace& place : out.places)
            if (place.kind == kind && place.name == row_name(thing))
                problem(item.line,
                        path,
                        fmt::format("is there twice; also at line {}", place.tree.line));
        out.places.push_back({std::string(kind), row_name(thing), item});
        list.push_back(std::move(thing));
    }

    template <typename Thing>
    void read_list(std::string_view kind, const Tree& list, std::vector<Thing>& things) {
        if (list.kind == Tree::Kind::Nothing) return;
        if (list.kind != Tree::Kind::List)
            return problem(list.line,
                           std::string(heading_of(kind)),
                           "is a list of maps: write \"- name: …\" for each");
        for (const Tree& item : list.items) read_item(kind, item, things);
    }

    void refuse_unknown(const Tree& map, const std::string& path) {
        std::vector<std::string_view> words;
        for (const Heading& each : headings)
            if (each.section == path)
                words.push_back(each.key);
            else if (path.empty())
                words.push_back(each.section);
        for (const auto& [key, entry] : map.entries)
            if (std::find(words.begin(), words.end(), key) == words.end())
                problem(entry.line,
                        path.empty() ? key : fmt::format("{}.{}", path, key),
                        unknown_key(key, words));
    }
};

}  // namespace

std::string_view heading_of(std::string_view kind) {
    static const std::map<std::string_view, std::string> paths = [] {
        std::map<std::string_view, std::string> all;
        for (const Heading& each : headings)
            all[each.kind] = each.section.empty() ? std::string(each.key)
                                                  : fmt::format("{}.{}", each.section, each.key);
        return all;
    }();
    return paths.at(kind);
}

std::string path_of(const Declared& declared) {
    return fmt::format("{}.{}", heading_of(declared.kind), declared.name);
}

std::vector<Declared> declared_in(Inventory inventory) {
    std::vector<Declared> all;
    visit_lists(inventory, [&](std::string_view kind, auto& things) {
        for (auto& thing : things) {
            Declared declared{.kind = std::string(kind), .name = row_name(thing)};
            declared.body = tree_of(thing);
            SecretTaker taker(declared.secrets);
            visit_fields(taker, thing);
            all.push_back(std::move(declared));
        }
    });
    return all;
}

Inventory inventory_of(const std::vector<Declared>& declared, std::int64_t revision) {
    Inventory inventory{.revision = revision};
    visit_lists(inventory, [&](std::string_view kind, auto& things) {
        using Thing = typename std::decay_t<decltype(things)>::value_type;
        for (const Declared& each : declared)
            if (each.kind == kind) things.push_back(read_stored<Thing>(each));
    });
    return inventory;
}

Tree short_body(const Declared& declared) {
    Tree pruned;
    Inventory none;
    DeclaredStorage storage;
    visit_lists(none, [&](std::string_view kind, auto& things) {
        using Thing = typename std::decay_t<decltype(things)>::value_type;
        Thing silent;
        if (kind == declared.kind)
            pruned = without_defaults(
                declared.body, tree_of(silent, Musts::LeftOut), tree_of(storage, Musts::LeftOut));
    });
    return pruned;
}

ReadDeclarations read_declarations(const Tree& root, const ReadSecret& read_secret) {
    ReadDeclarations out;
    FileReading reading{.read_secret = read_secret, .out = out};
    if (root.kind == Tree::Kind::Nothing) return out;
    if (root.kind != Tree::Kind::Map) {
        reading.problem(root.line, "", "the file is no map of clusters, templates, packages …");
        return out;
    }
    reading.refuse_unknown(root, "");
    const Tree* dns = root.find("dns");
    if (dns != nullptr) reading.refuse_unknown(*dns, "dns");
    if (dns != nullptr && dns->kind == Tree::Kind::List)
        reading.problem(dns->line, "dns", "is a map of providers and zones");
    visit_lists(out.inventory, [&](std::string_view kind, auto& things) {
        const Tree* section = heading(kind).section.empty() ? &root : dns;
        const Tree* list = section == nullptr ? nullptr : section->find(heading(kind).key);
        if (list != nullptr) reading.read_list(kind, *list, things);
    });
    return out;
}

}  // namespace slipway
