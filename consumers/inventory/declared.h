#pragma once
// Every declared thing in one form, whatever its kind: what a row holds, a diff compares and
// `slipway get` prints. The structs of inventory.h are made of it and turned into it.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/inventory.h"
#include "consumers/inventory/tree.h"

namespace slipway {

struct Declared {
    std::string kind;  // cluster, template, package, pool, dns_provider, zone, letter
    std::string name;  // unique in its kind: template name@cluster, zone name@provider
    Tree body;         // every key that has a value, defaults and its name among them; no secrets
    std::map<std::string, std::string> secrets = {};  // by key; all there are, empty if not set

    bool operator==(const Declared&) const = default;
};

// Where its kind stands in a file: "packages", "dns.zones".
std::string_view heading_of(std::string_view kind);
// "packages.vps-start": how error texts begin.
std::string path_of(const Declared& declared);

// In the order of the kinds and, inside one, of the inventory.
std::vector<Declared> declared_in(Inventory inventory);
// Throws Error that names what cannot be read. Keys that it does not know it ignores: a newer
// Slipway may have written them.
Inventory inventory_of(const std::vector<Declared>& declared, std::int64_t revision);

// The body without what has its default, as a person would have written it.
Tree short_body(const Declared& declared);

struct ReadProblem {
    int line;
    std::string path;  // packages.vps-start.system_disk.size
    std::string what;
};
// Where a thing stands in what was read.
struct ReadPlace {
    std::string kind;
    std::string name;
    Tree tree;
};
// The content of a file that holds a secret. Throws Error.
using ReadSecret = std::function<std::string(const std::string& path)>;

// What a person wrote, whole: clusters, templates, packages, pools, dns, letters. Says everything
// that is wrong, unknown keys among it; what is wrong has its default then.
struct ReadDeclarations {
    Inventory inventory = {};
    std::vector<ReadPlace> places = {};
    std::vector<ReadProblem> problems = {};
};
ReadDeclarations read_declarations(const Tree& root, const ReadSecret& read_secret);

}  // namespace slipway
