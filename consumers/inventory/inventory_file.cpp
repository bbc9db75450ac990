#include "consumers/inventory/inventory_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>

#include "consumers/runtime/config.h"
#include "consumers/runtime/secret_file.h"
#include "topics/event.h"

namespace slipway {
namespace {

// Of what no person writes: aliases inside aliases grow without end.
constexpr int deepest = 20;
constexpr std::size_t most_values = 200'000;

struct YamlReading {
    std::vector<ReadProblem> problems = {};
    std::size_t values = 0;
    bool is_too_large = false;

    Tree tree_of(const YAML::Node& node, int depth) {
        Tree tree{.line = node.Mark().line + 1};
        if (++values > most_values || depth > deepest) {
            if (!is_too_large)
                problems.push_back({tree.line, "", "the file is nested too deeply, or too large"});
            is_too_large = true;
        }
        if (is_too_large) return tree;
        if (node.IsScalar()) add_text(tree, node);
        if (node.IsSequence()) add_items(tree, node, depth);
        if (node.IsMap()) add_entries(tree, node, depth);
        return tree;
    }

  private:
    void add_text(Tree& tree, const YAML::Node& node) {
        tree.kind = Tree::Kind::Text;
        tree.text = node.Scalar();
        if (clean_text(tree.text) != tree.text)
            problems.push_back({tree.line, "", "a value is no text in UTF-8"});
    }
    void add_items(Tree& tree, const YAML::Node& node, int depth) {
        tree.kind = Tree::Kind::List;
        for (const YAML::Node& item : node) {
            if (is_too_large) return;
            tree.items.push_back(tree_of(item, depth + 1));
        }
    }
    void add_entries(Tree& tree, const YAML::Node& node, int depth) {
        tree.kind = Tree::Kind::Map;
        for (const auto& entry : node) {
            if (is_too_large) return;
            const int line = entry.first.Mark().line + 1;
            const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
            if (key.empty() || clean_text(key) != key)
                problems.push_back({line, "", "a key is a plain word"});
            if (const Tree* earlier = tree.find(key))
                problems.push_back(
                    {line, key, fmt::format("is set twice; also at line {}", earlier->line)});
            Tree below = tree_of(entry.second, depth + 1);
            below.line = line;
            tree.entries.emplace_back(key, std::move(below));
        }
    }
};

std::string line_text(const std::string& file, const ReadProblem& problem) {
    return fmt::format("{}:{}: {}{}{}",
                       file,
                       problem.line,
                       problem.path,
                       problem.path.empty() ? "" : ": ",
                       problem.what);
}

Tree tree_of(const std::string& text, const std::string& file) {
    YamlReading reading;
    Tree root;
    try {
        root = reading.tree_of(YAML::Load(text), 0);
    } catch (const YAML::Exception& error) {
        reading.problems.push_back({error.mark.line + 1, "", "not YAML: " + error.msg});
    }
    if (reading.problems.empty()) return root;
    std::vector<std::string> lines;
    for (const ReadProblem& problem : reading.problems) lines.push_back(line_text(file, problem));
    throw ConfigError(lines);
}

const ReadPlace* find(const InventoryFile& file, std::string_view kind, std::string_view name) {
    for (const ReadPlace& place : file.places)
        if (place.kind == kind && place.name == name) return &place;
    return nullptr;
}

void emit(YAML::Emitter& out, const Tree& tree) {
    switch (tree.kind) {
        case Tree::Kind::Nothing:
            out << YAML::Null;
            return;
        case Tree::Kind::Text:
            if (tree.text.find('\n') != std::string::npos) out << YAML::Literal;
            out << tree.text;
            return;
        case Tree::Kind::List:
            if (!tree.items.empty() && tree.items.front().kind == Tree::Kind::Text)
                out << YAML::Flow;
            out << YAML::BeginSeq;
            for (const Tree& item : tree.items) emit(out, item);
            out << YAML::EndSeq;
            return;
        case Tree::Kind::Map:
            out << YAML::BeginMap;
            for (const auto& [key, entry] : tree.entries) {
                out << YAML::Key << key << YAML::Value;
                emit(out, entry);
            }
            out << YAML::EndMap;
            return;
    }
}

// "dns.zones" goes below "dns".
Tree root_of(const std::vector<YamlSection>& sections) {
    Tree root{.kind = Tree::Kind::Map};
    for (const YamlSection& section : sections) {
        const std::size_t dot = section.heading.find('.');
        Tree list{.kind = Tree::Kind::List, .items = section.items};
        if (dot == std::string::npos) {
            root.entries.emplace_back(section.heading, std::move(list));
            continue;
        }
        const std::string above = section.heading.substr(0, dot);
        if (root.find(above) == nullptr)
            root.entries.emplace_back(above, Tree{.kind = Tree::Kind::Map});
        for (auto& [key, entry] : root.entries)
            if (key == above) entry.entries.emplace_back(section.heading.substr(dot + 1), list);
    }
    return root;
}

}  // namespace

std::string InventoryFile::where(std::string_view kind,
                                 std::string_view declared_name,
                                 std::string_view path) const {
    const ReadPlace* place = find(*this, kind, declared_name);
    return place == nullptr ? name : fmt::format("{}:{}", name, line_of(place->tree, path));
}

bool InventoryFile::says(std::string_view kind,
                         std::string_view declared_name,
                         std::string_view key) const {
    const ReadPlace* place = find(*this, kind, declared_name);
    return place != nullptr && place->tree.find(key) != nullptr;
}

InventoryFile parse_inventory(const std::string& text, const std::string& file) {
    InventoryFile out{.name = file};
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    const auto read_secret = [&](const std::string& path) {
        const std::string beside = (folder / path).string();
        std::string secret = read_secret_file(beside);
        if (is_open_to_everyone(beside))
            out.warnings.push_back(beside +
                                   " holds a secret and can be read by everyone on this machine");
        return secret;
    };
    ReadDeclarations read = read_declarations(tree_of(text, file), read_secret);
    std::vector<std::string> lines;
    for (const ReadProblem& problem : read.problems) lines.push_back(line_text(file, problem));
    if (!lines.empty()) throw ConfigError(lines);
    out.inventory = std::move(read.inventory);
    out.places = std::move(read.places);
    return out;
}

InventoryFile load_inventory(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad()) throw ConfigError({path + ": cannot be read"});
    return parse_inventory(text, path);
}

std::string print_yaml(const std::vector<YamlSection>& sections) {
    YAML::Emitter out;
    emit(out, root_of(sections));
    return std::string(out.c_str()) + "\n";
}

}  // namespace slipway
