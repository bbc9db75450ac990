#pragma once
// Visits the fields of a declaration (fields.h) and fills them from a tree; and puts secrets back
// that were kept apart. For declared.cpp.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/declared.h"
#include "consumers/inventory/values.h"
#include "consumers/runtime/error.h"

namespace slipway {

enum class Unknown { Ignored, Refused };

struct TreeReaderSettings {
    const Tree& map;
    std::string path;  // of the map, for problems
    std::vector<ReadProblem>& problems;
    Unknown unknown = Unknown::Ignored;
    ReadSecret read_secret = {};  // none: secrets stand elsewhere
};

class TreeReader {
  public:
    explicit TreeReader(TreeReaderSettings settings) : s_(std::move(settings)) {}

    template <typename Place>
    void must(std::string_view key, Place&& place, Bounds bounds = {}) {
        if (s_.map.find(key) == nullptr)
            problem(s_.map.line, s_.path, "has no " + std::string(key) + ", which it needs");
        bounds.least = std::max<std::int64_t>(bounds.least, 1);
        may(key, std::forward<Place>(place), bounds);
    }

    template <typename Place>
    void may(std::string_view key, Place&& place, Bounds bounds = {}) {
        known_.emplace_back(key);
        const Tree* value = s_.map.find(key);
        if (value != nullptr) read(key, *value, place, bounds);
    }

    void secret(std::string_view key, std::string& place) {
        if (!s_.read_secret) return;
        may(key, place, {0, 65'536});
        const std::string file_key = std::string(key) + "_file";
        known_.push_back(file_key);
        const Tree* file = s_.map.find(file_key);
        if (file == nullptr) return;
        if (s_.map.find(key) != nullptr)
            problem(
                file->line, path(file_key), "stands beside " + std::string(key) + ": one of both");
        std::string name;
        read(file_key, *file, name, {1, 4'096});
        if (!name.empty()) attempt(file_key, *file, [&] { place = s_.read_secret(name); });
    }

    template <typename Section>
    void section(std::string_view key, Section& place) {
        known_.emplace_back(key);
        const Tree* below = s_.map.find(key);
        if (below == nullptr || below->kind == Tree::Kind::Nothing) return;
        if (below->kind != Tree::Kind::Map)
            return problem(below->line, path(key), "is a map: write its keys below it");
        TreeReader reader(below_this(*below, path(key)));
        visit_fields(reader, place);
        reader.finish();
    }

    template <typename Item>
    void list(std::string_view key, std::vector<Item>& place) {
        known_.emplace_back(key);
        const Tree* below = s_.map.find(key);
        if (below == nullptr || below->kind == Tree::Kind::Nothing) return;
        for (const Tree& tree : below->items) read_item(key, tree, place);
        if (below->kind != Tree::Kind::List)
            problem(below->line, path(key), "is a list of maps: write \"- name: …\" for each");
    }

    // Says which keys there should not be.
    void finish() {
        if (s_.unknown == Unknown::Ignored) return;
        const std::vector<std::string_view> words(known_.begin(), known_.end());
        for (const auto& [key, entry] : s_.map.entries)
            if (std::find(known_.begin(), known_.end(), key) == known_.end())
                problem(entry.line, path(key), unknown_key(key, words));
    }

  private:
    template <typename Item>
    void read_item(std::string_view key, const Tree& tree, std::vector<Item>& place) {
        const Tree* name = tree.find("name");
        const std::string shown = name == nullptr ? "" : "." + name->text;
        if (tree.kind != Tree::Kind::Map)
            return problem(tree.line, path(key), "is a list of maps: write \"- name: …\" for each");
        Item item;
        TreeReader reader(below_this(tree, path(key) + shown));
        visit_fields(reader, item);
        reader.finish();
        for (const Item& other : place)
            if (other.name == item.name) problem(tree.line, path(key) + shown, "is there twice");
        place.push_back(std::move(item));
    }

    TreeReaderSettings below_this(const Tree& map, std::string path) const {
        return {map, std::move(path), s_.problems, s_.unknown, s_.read_secret};
    }

    template <typename Place>
    void read(std::string_view key, const Tree& value, Place& place, Bounds bounds) {
        attempt(key, value, [&] { take(place, text_of(value), bounds); });
    }
    // Of one or several; one needs no brackets.
    template <typename Item>
    void read(std::string_view key, const Tree& value, std::vector<Item>& place, Bounds bounds) {
        place.clear();
        const std::vector<Tree> items =
            value.kind == Tree::Kind::List ? value.items : std::vector<Tree>{value};
        for (const Tree& item : items)
            attempt(key, item, [&] { take(place.emplace_back(), text_of(item), bounds); });
        if (items.empty() && bounds.least > 0)
            problem(value.line, path(key), "has no value, but needs one");
    }
    void read(std::string_view key,
              const Tree& value,
              std::map<std::string, std::string>& place,
              Bounds bounds) {
        place.clear();
        if (value.kind != Tree::Kind::Map && value.kind != Tree::Kind::Nothing)
            return problem(value.line, path(key), "is a map: write name: value, a line each");
        for (const Tree::Entry& entry : value.entries)
            attempt(std::string(key) + "." + entry.first, entry.second, [&] {
                const Bounds some = {std::max<std::int64_t>(1, bounds.least), bounds.most};
                take(place[entry.first], text_of(entry.second), some);
            });
    }

    static const std::string& text_of(const Tree& value) {
        if (value.kind == Tree::Kind::Nothing)
            throw Error("has no value; remove the line to get the default");
        if (value.kind != Tree::Kind::Text) throw Error("is one value, not a list or map");
        return value.text;
    }

    template <typename Action>
    void attempt(std::string_view key, const Tree& value, Action action) {
        try {
            action();
        } catch (const Error& error) {
            problem(value.line, path(key), error.what());
        }
    }

    std::string path(std::string_view key) const { return s_.path + "." + std::string(key); }
    void problem(int line, std::string where, std::string what) {
        s_.problems.push_back({line, std::move(where), std::move(what)});
    }

    const TreeReaderSettings s_;
    std::vector<std::string> known_;
};

// Puts secrets back where they belong.
class SecretPutter {
  public:
    explicit SecretPutter(const std::map<std::string, std::string>& secrets) : secrets_(secrets) {}

    template <typename... Any>
    void must(const Any&...) {}
    template <typename... Any>
    void may(const Any&...) {}
    template <typename... Any>
    void section(const Any&...) {}
    template <typename... Any>
    void list(const Any&...) {}
    void secret(std::string_view key, std::string& place) {
        const auto found = secrets_.find(std::string(key));
        if (found != secrets_.end()) place = found->second;
    }

  private:
    const std::map<std::string, std::string>& secrets_;
};

}  // namespace slipway
