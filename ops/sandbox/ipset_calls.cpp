// Sets of addresses, and names for addresses.

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ops/sandbox/firewall_files.h"

namespace slipway::sandbox {
namespace {

// 10.0.0.11/24 is kept as 10.0.0.0/24, 10.0.0.1/32 as 10.0.0.1, v6 in its shortest form.
std::string normalised(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string address = text.substr(0, slash);
    const bool v6 = address.find(':') != std::string::npos;
    const int family = v6 ? AF_INET6 : AF_INET;
    const int most = v6 ? 128 : 32;
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(family, address.c_str(), bytes.data()) != 1) return text;
    const int bits = slash == std::string::npos ? most : std::atoi(text.c_str() + slash + 1);
    for (int bit = bits; bit < most; ++bit) {
        auto& byte = bytes[static_cast<std::size_t>(bit / 8)];
        byte = static_cast<unsigned char>(byte & ~(0x80 >> (bit % 8)));
    }
    std::array<char, INET6_ADDRSTRLEN> printed{};
    inet_ntop(family, bytes.data(), printed.data(), printed.size());
    return bits == most ? printed.data() : fmt::format("{}/{}", printed.data(), bits);
}

FirewallFile::Set& set_named(FirewallFile& file, const std::string& name) {
    const auto found = file.sets.find(name);
    if (found == file.sets.end()) die(fmt::format("no such IPSet '{}'", name));
    return found->second;
}

Json list_sets(Call& call) {
    const FirewallFile& file = read_firewall(call);
    Json all = Json::array();
    for (const auto& [name, set] : file.sets) {
        Json json = {{"name", name}, {"digest", digest_of(file)}};
        if (!set.comment.empty()) json["comment"] = set.comment;
        all.push_back(json);
    }
    return all;
}

Json create_set(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::string name = call.params.text("name");
    const std::string rename = call.params.text("rename");
    if (!rename.empty()) {
        FirewallFile::Set set = set_named(file, rename);
        if (name != rename && file.sets.contains(name))
            wrong_parameter("name", fmt::format("IPSet '{}' already exists", name));
        file.sets.erase(rename);
        if (call.params.has("comment")) set.comment = call.params.text("comment");
        file.sets[name] = std::move(set);
        return nullptr;
    }
    if (file.sets.contains(name))
        wrong_parameter("name", fmt::format("IPSet '{}' already exists", name));
    file.sets[name].comment = call.params.text("comment");
    return nullptr;
}

Json entry_json(const FirewallFile& file, const FirewallFile::Entry& entry) {
    Json json = {{"cidr", entry.cidr}, {"digest", digest_of(file)}};
    if (!entry.comment.empty()) json["comment"] = entry.comment;
    if (entry.nomatch) json["nomatch"] = 1;
    return json;
}

Json get_set(Call& call) {
    FirewallFile file = read_firewall(call);
    Json all = Json::array();
    for (const auto& entry : set_named(file, call.params.text("name")).entries)
        all.push_back(entry_json(file, entry));
    return all;
}

Json delete_set(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::string name = call.params.text("name");
    const bool force = call.params.flag("force");
    if (!force && !file.sets.contains(name)) return nullptr;
    if (!set_named(file, name).entries.empty() && !force)
        die(fmt::format("IPSet '{}' is not empty", name));
    file.sets.erase(name);
    return nullptr;
}

// An alias in place of an address has to be known.
void check_alias(const Call& call, const FirewallFile& file, const std::string& cidr) {
    if (cidr.find_first_of(".:") != std::string::npos) return;
    const std::size_t slash = cidr.find('/');
    const std::string name = slash == std::string::npos ? cidr : cidr.substr(slash + 1);
    const bool known = (!cidr.starts_with("dc/") && file.aliases.contains(name)) ||
                       call.cluster.cluster_firewall.aliases.contains(name);
    if (!known) die(fmt::format("no such alias '{}'", name));
}

Json add_entry(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::string asked = call.params.text("cidr");
    check_alias(call, file, asked);
    FirewallFile::Set& set = set_named(file, call.params.text("name"));
    if (asked.ends_with("/0"))
        wrong_parameter("cidr", "a zero prefix is not allowed in ipset entries");
    const std::string cidr = normalised(asked);
    for (const auto& entry : set.entries)
        if (entry.cidr == cidr)
            wrong_parameter("cidr", fmt::format("address '{}' already exists", cidr));
    set.entries.push_back({cidr, call.params.text("comment"), call.params.flag("nomatch")});
    std::sort(set.entries.begin(), set.entries.end(), [](const auto& a, const auto& b) {
        return a.cidr < b.cidr;
    });
    return nullptr;
}

FirewallFile::Entry& entry_asked_for(Call& call, FirewallFile& file) {
    FirewallFile::Set& set = set_named(file, call.params.text("name"));
    for (auto& entry : set.entries)
        if (entry.cidr == call.params.text("cidr")) return entry;
    wrong_parameter("cidr", "no such IP/Network");
}

Json get_entry(Call& call) {
    FirewallFile file = read_firewall(call);
    return entry_json(file, entry_asked_for(call, file));
}

Json put_entry(Call& call) {
    FirewallFile& file = write_firewall(call);
    FirewallFile::Entry& entry = entry_asked_for(call, file);
    entry.comment = call.params.text("comment", entry.comment);
    entry.nomatch = call.params.flag("nomatch", entry.nomatch);
    return nullptr;
}

// The text as it is kept, or nothing is removed and nothing is said.
Json delete_entry(Call& call) {
    FirewallFile& file = write_firewall(call);
    FirewallFile::Set& set = set_named(file, call.params.text("name"));
    std::erase_if(set.entries,
                  [&](const auto& entry) { return entry.cidr == call.params.text("cidr"); });
    return nullptr;
}

// --- aliases

Json alias_json(const FirewallFile& file,
                const std::string& name,
                const FirewallFile::Alias& alias) {
    Json json = {{"name", name}, {"cidr", alias.cidr}, {"digest", digest_of(file)}};
    if (!alias.comment.empty()) json["comment"] = alias.comment;
    return json;
}

Json list_aliases(Call& call) {
    const FirewallFile& file = read_firewall(call);
    Json all = Json::array();
    for (const auto& [name, alias] : file.aliases) all.push_back(alias_json(file, name, alias));
    return all;
}

FirewallFile::Alias& alias_named(FirewallFile& file, const std::string& name) {
    const auto found = file.aliases.find(name);
    if (found == file.aliases.end())
        wrong_parameter("name", fmt::format("no such alias '{}'", name));
    return found->second;
}

Json create_alias(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::string name = call.params.text("name");
    if (file.aliases.contains(name))
        wrong_parameter("name", fmt::format("alias '{}' already exists", name));
    file.aliases[name] = {call.params.text("cidr"), call.params.text("comment")};
    return nullptr;
}

Json get_alias(Call& call) {
    FirewallFile file = read_firewall(call);
    const std::string name = call.params.text("name");
    return alias_json(file, name, alias_named(file, name));
}

Json put_alias(Call& call) {
    FirewallFile& file = write_firewall(call);
    const std::string name = call.params.text("name");
    FirewallFile::Alias alias = alias_named(file, name);
    alias.cidr = call.params.text("cidr");
    alias.comment = call.params.text("comment", alias.comment);
    file.aliases.erase(name);
    file.aliases[call.params.text("rename", name)] = alias;
    return nullptr;
}

Json delete_alias(Call& call) {
    FirewallFile& file = write_firewall(call);
    alias_named(file, call.params.text("name"));
    file.aliases.erase(call.params.text("name"));
    return nullptr;
}

}  // namespace

void add_ipset_calls(Handlers& handlers) {
    for (const std::string place :
         {"/nodes/{node}/qemu/{vmid}", "/nodes/{node}/lxc/{vmid}", "/cluster"}) {
        const std::string sets = place + "/firewall/ipset";
        handlers["GET " + sets] = list_sets;
        handlers["POST " + sets] = create_set;
        handlers["GET " + sets + "/{name}"] = get_set;
        handlers["POST " + sets + "/{name}"] = add_entry;
        handlers["DELETE " + sets + "/{name}"] = delete_set;
        handlers["GET " + sets + "/{name}/{cidr}"] = get_entry;
        handlers["PUT " + sets + "/{name}/{cidr}"] = put_entry;
        handlers["DELETE " + sets + "/{name}/{cidr}"] = delete_entry;
        const std::string aliases = place + "/firewall/aliases";
        handlers["GET " + aliases] = list_aliases;
        handlers["POST " + aliases] = create_alias;
        handlers["GET " + aliases + "/{name}"] = get_alias;
        handlers["PUT " + aliases + "/{name}"] = put_alias;
        handlers["DELETE " + aliases + "/{name}"] = delete_alias;
    }
}

}  // namespace slipway::sandbox
