#include "ops/slipway/get.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "consumers/inventory/inventory_file.h"
#include "consumers/inventory/inventory_json.h"
#include "consumers/inventory/values.h"
#include "ops/slipway/command.h"

namespace slipway {
namespace {

using Row = std::vector<std::string>;

struct Shown {
    std::string_view what;
    std::vector<std::string_view> kinds;
};
const Shown shown_things[] = {
    {"clusters", {"cluster"}},
    {"templates", {"template"}},
    {"packages", {"package"}},
    {"pools", {"pool"}},
    {"dns", {"dns_provider", "zone"}},
    {"letters", {"letter"}},
    {"all", {"cluster", "template", "package", "pool", "dns_provider", "zone", "letter"}},
};

// What a table says of a kind: columns, and where their texts stand.
struct Column {
    std::string_view heading;
    std::string_view path;
};
const std::map<std::string_view, std::vector<Column>> tables = {
    {"cluster", {{"ENDPOINTS", "endpoints"}, {"VMIDS FROM", "vmid_first"}, {"TO", "vmid_last"}}},
    {"template", {{"VMID", "vmid"}, {"USERNAME", "username"}}},
    {"package",
     {{"CLUSTER", "cluster"},
      {"TEMPLATE", "template"},
      {"CORES", "cores"},
      {"MEMORY", "memory"},
      {"DISK", "system_disk.size"},
      {"IPV4", "network.ipv4"},
      {"IPV6", "network.ipv6"}}},
    {"pool", {{"CLUSTER", "cluster"}, {"BRIDGE", "bridge"}, {"VLAN", "vlan"}, {"RANGE", "range"}}},
    {"dns_provider", {{"KIND", "kind"}, {"URL", "url"}}},
    {"zone", {{"TTL", "ttl"}, {"NETWORK", "network"}}},
    {"letter", {{"SUBJECT", "subject"}}},
};

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string table_text(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    std::string text;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row[i] + std::string(widths[i] + 2 - width_of(row[i]), ' ');
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string leaf(const std::vector<Leaf>& leaves, std::string_view path) {
    for (const Leaf& each : leaves)
        if (each.path == path) return each.text;
    return "-";
}

std::string usage_of(const Inventory& inventory,
                     const std::vector<PoolUse>& uses,
                     const std::string& name) {
    std::int64_t taken = 0;
    for (const PoolUse& use : uses)
        if (use.pool == name) taken = use.held + use.resting;
    return usage_text(taken, capacity(*inventory.pool(name)));
}

std::string table_of(std::string_view kind,
                     const std::vector<Declared>& all,
                     const std::function<std::string(const std::string&)>& usage) {
    std::string title(kind);
    std::transform(title.begin(), title.end(), title.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    std::replace(title.begin(), title.end(), '_', ' ');
    Row headings = {title};
    for (const Column& column : tables.at(kind)) headings.emplace_back(column.heading);
    if (kind == "pool") headings.emplace_back("USED");
    std::vector<Row> rows = {headings};
    for (const Declared& declared : all) {
        const std::vector<Leaf> leaves = leaves_of(declared.body);
        Row row = {declared.name};
        for (const Column& column : tables.at(kind)) row.push_back(leaf(leaves, column.path));
        if (kind == "pool") row.push_back(usage(declared.name));
        rows.push_back(std::move(row));
    }
    return table_text(rows);
}

const Shown& shown(std::string_view what) {
    for (const Shown& each : shown_things)
        if (each.what == what) return each;
    std::vector<std::string_view> words;
    for (const Shown& each : shown_things) words.push_back(each.what);
    throw UsageError(fmt::format("there is no {} to get; there are {}{}",
                                 what,
                                 fmt::join(words, ", "),
                                 did_you_mean(what, words)));
}

// A zone or template by its name alone, too: all of that name.
bool is_named(const Declared& declared, std::string_view name) {
    return name.empty() || declared.name == name ||
           declared.name.substr(0, declared.name.rfind('@')) == name;
}

using ByKind = std::vector<std::pair<std::string_view, std::vector<Declared>>>;

ByKind chosen(const Inventory& inventory, const GetWanted& wanted) {
    const std::vector<Declared> all = declared_in(inventory);
    ByKind by_kind;
    std::vector<std::string_view> names;
    for (const std::string_view kind : shown(wanted.what).kinds) {
        std::vector<Declared> those;
        for (const Declared& each : all) {
            if (each.kind != kind) continue;
            names.emplace_back(each.name);
            if (is_named(each, wanted.name)) those.push_back(each);
        }
        if (!those.empty()) by_kind.emplace_back(kind, std::move(those));
    }
    if (by_kind.empty() && !wanted.name.empty())
        throw Error(fmt::format("there is no {} among the {}{}",
                                wanted.name,
                                wanted.what,
                                did_you_mean(wanted.name, names)));
    return by_kind;
}

std::string as_yaml(const ByKind& by_kind) {
    std::vector<YamlSection> sections;
    for (const auto& [kind, those] : by_kind) {
        YamlSection section{.heading = std::string(heading_of(kind))};
        for (const Declared& each : those) section.items.push_back(short_body(each));
        sections.push_back(std::move(section));
    }
    return sections.empty() ? "" : print_yaml(sections);
}

std::string as_json(const ByKind& by_kind) {
    Tree root{.kind = Tree::Kind::Map};
    for (const auto& [kind, those] : by_kind) {
        Tree list{.kind = Tree::Kind::List};
        for (const Declared& each : those) list.items.push_back(each.body);
        root.entries.emplace_back(heading_of(kind), std::move(list));
    }
    return print_json(root, 2) + "\n";
}

}  // namespace

std::string usage_text(std::int64_t taken, std::int64_t all) {
    const double share =
        all == 0 ? 0 : 100.0 * static_cast<double>(taken) / static_cast<double>(all);
    return fmt::format("{:.2f}% ({}/{})", share, taken, all);
}

void check_wanted(const GetWanted& wanted) {
    shown(wanted.what);
}

std::string print_inventory(const Inventory& inventory,
                            const std::vector<PoolUse>& pool_use,
                            const GetWanted& wanted) {
    const ByKind by_kind = chosen(inventory, wanted);
    if (wanted.form == GetForm::Yaml) return as_yaml(by_kind);
    if (wanted.form == GetForm::Json) return as_json(by_kind);
    const auto usage = [&](const std::string& pool) { return usage_of(inventory, pool_use, pool); };
    std::string text;
    for (const auto& [kind, those] : by_kind)
        text += (text.empty() ? "" : "\n") + table_of(kind, those, usage);
    return text.empty() ? fmt::format("no {} declared; see slipway apply --help\n",
                                      wanted.what == "all" ? "inventory" : wanted.what)
                        : text;
}

}  // namespace slipway
