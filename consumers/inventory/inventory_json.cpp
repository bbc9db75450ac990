#include "consumers/inventory/inventory_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "consumers/runtime/error.h"

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Tree& tree) {
    switch (tree.kind) {
        case Tree::Kind::Nothing:
            return nullptr;
        case Tree::Kind::Text:
            return tree.style == Tree::Style::Bare ? Json::parse(tree.text) : Json(tree.text);
        case Tree::Kind::List: {
            Json list = Json::array();
            for (const Tree& item : tree.items) list.push_back(json_of(item));
            return list;
        }
        case Tree::Kind::Map:
            break;
    }
    Json map = Json::object();
    for (const auto& [key, entry] : tree.entries) map[key] = json_of(entry);
    return map;
}

Tree tree_of(const Json& json) {
    Tree tree;
    if (json.is_null()) return tree;
    if (json.is_string()) return text_tree(json.get<std::string>(), Tree::Style::Quoted);
    if (json.is_primitive()) return text_tree(json.dump(), Tree::Style::Bare);
    tree.kind = json.is_array() ? Tree::Kind::List : Tree::Kind::Map;
    for (const auto& [key, value] : json.items())
        if (json.is_array())
            tree.items.push_back(tree_of(value));
        else
            tree.entries.emplace_back(key, tree_of(value));
    return tree;
}

// What a sealed secret belongs to.
std::string place_of(std::string_view kind, std::string_view name) {
    return fmt::format("inventory/{}/{}", kind, name);
}

bool has_secrets(const Declared& declared) {
    for (const auto& [key, secret] : declared.secrets)
        if (!secret.empty()) return true;
    return false;
}

Declared stored(const InventoryRow& row) {
    try {
        return {.kind = row.kind, .name = row.name, .body = parse_json(row.body)};
    } catch (const Error& error) {
        throw Error(
            fmt::format("the stored {} {} cannot be read: {}", row.kind, row.name, error.what()));
    }
}

}  // namespace

std::string print_json(const Tree& tree, int indent) {
    return json_of(tree).dump(indent);
}

Tree parse_json(const std::string& text) {
    try {
        return tree_of(Json::parse(text));
    } catch (const Json::exception& error) {
        throw Error(error.what());
    }
}

InventoryRow row_of(const Declared& declared, const SecretBox& box) {
    InventoryRow row{
        .kind = declared.kind, .name = declared.name, .body = print_json(declared.body, -1)};
    if (!has_secrets(declared)) return row;
    Json secrets = Json::object();
    for (const auto& [key, secret] : declared.secrets)
        if (!secret.empty()) secrets[key] = secret;
    row.secret = box.seal(secrets.dump(), place_of(row.kind, row.name));
    return row;
}

std::vector<InventoryRow> rows_of(const Inventory& inventory, const SecretBox& box) {
    std::vector<InventoryRow> rows;
    for (const Declared& declared : declared_in(inventory)) rows.push_back(row_of(declared, box));
    return rows;
}

Inventory inventory_of(const InventoryRows& rows, const SecretBox& box) {
    std::vector<Declared> all;
    for (const InventoryRow& row : rows.rows) {
        Declared declared = stored(row);
        if (!row.secret.empty())
            declared.secrets = Json::parse(box.open(row.secret, place_of(row.kind, row.name)))
                                   .get<std::map<std::string, std::string>>();
        all.push_back(std::move(declared));
    }
    return inventory_of(all, rows.revision);
}

Inventory inventory_without_secrets(const InventoryRows& rows) {
    std::vector<Declared> all;
    for (const InventoryRow& row : rows.rows) all.push_back(stored(row));
    return inventory_of(all, rows.revision);
}

}  // namespace slipway
