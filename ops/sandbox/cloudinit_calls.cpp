// Cloud-init: what the drive holds, and making it anew.

#include <fmt/format.h>

#include "ops/sandbox/guest_config.h"
#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

constexpr const char* listed[] = {"cicustom",
                                  "cipassword",
                                  "citype",
                                  "ciupgrade",
                                  "ciuser",
                                  "nameserver",
                                  "searchdomain",
                                  "sshkeys"};

bool has_drive(const Guest& guest) {
    for (const auto& [key, drive] : drives_of(guest.config))
        if (drive.is_cloudinit()) return true;
    return false;
}

// The values that count for the next drive; what was built before is only compared with.
Json get(Call& call) {
    const Guest& guest = call.guest();
    Json all = Json::array();
    if (!has_drive(guest)) return all;
    for (const char* key : listed) {
        const auto value = guest.config.find(key);
        if (value == guest.config.end()) continue;
        all.push_back({{"key", key}, {"value", value_json(key, value->second, false)}});
    }
    return all;
}

Json put(Call& call) {
    const Hold hold = call.lock(config_file_of(call.vmid()));
    Guest& guest = call.guest();
    check_lock(guest);
    if (has_drive(guest)) guest.cloudinit_built = guest.config;
    return nullptr;
}

std::string indented_keys(const Guest& guest) {
    std::string keys;
    std::string line;
    for (const char c : percent_decoded(guest.get("sshkeys")) + "\n") {
        if (c != '\n') {
            line += c;
        } else if (!line.empty()) {
            keys += fmt::format("  - {}\n", std::exchange(line, {}));
        }
    }
    return keys;
}

std::string user_data(const Guest& guest) {
    const std::string name = guest.get("name", fmt::format("VM{}", guest.id));
    std::string text = fmt::format("#cloud-config\nhostname: {}\nmanage_etc_hosts: true\n", name);
    if (guest.config.contains("searchdomain"))
        text += fmt::format("fqdn: {}.{}\n", name, guest.get("searchdomain"));
    if (guest.config.contains("ciuser")) text += "user: " + guest.get("ciuser") + "\n";
    if (guest.config.contains("cipassword")) text += "password: " + guest.get("cipassword") + "\n";
    if (guest.config.contains("sshkeys")) text += "ssh_authorized_keys:\n" + indented_keys(guest);
    text += "chpasswd:\n  expire: False\nusers:\n  - default\n";
    if (guest.get("ciupgrade", "1") == "1") text += "package_upgrade: true\n";
    return text;
}

std::string netmask(int bits) {
    const std::uint32_t mask = bits == 0 ? 0 : ~0U << (32 - bits);
    return fmt::format("{}.{}.{}.{}", mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255);
}

std::string subnets(const std::string& config) {
    const Properties parts = parse_properties(*named_parts("pve-qm-ipconfig"), config, "ipconfig");
    const auto part = [&](const char* name) {
        const auto found = parts.find(name);
        return found == parts.end() ? std::string() : found->second;
    };
    std::string text;
    const std::string ip = part("ip");
    if (ip == "dhcp") {
        text += "      - type: dhcp4\n";
    } else if (!ip.empty()) {
        const std::size_t slash = ip.find('/');
        text += fmt::format("      - type: static\n        address: '{}'\n        netmask: '{}'\n",
                            ip.substr(0, slash),
                            netmask(std::atoi(ip.c_str() + slash + 1)));
        if (!part("gw").empty()) text += fmt::format("        gateway: '{}'\n", part("gw"));
    }
    const std::string ip6 = part("ip6");
    if (ip6 == "auto" || ip6 == "dhcp") {
        text += ip6 == "auto" ? "      - type: ipv6_slaac\n" : "      - type: dhcp6\n";
    } else if (!ip6.empty()) {
        text += fmt::format("      - type: static6\n        address: '{}'\n", ip6);
        if (!part("gw6").empty()) text += fmt::format("        gateway: '{}'\n", part("gw6"));
    }
    return text;
}

std::string network_data(const Guest& guest) {
    std::string text = "version: 1\nconfig:\n";
    for (const auto& [key, value] : guest.config) {
        if (!is_net(key)) continue;
        const std::string number = key.substr(3);
        std::string mac = parse_net(key, value).at("macaddr");
        std::transform(mac.begin(), mac.end(), mac.begin(), ::tolower);
        text += fmt::format(
            "    - type: physical\n      name: eth{}\n      mac_address: '{}'\n", number, mac);
        if (guest.config.contains("ipconfig" + number))
            text += "      subnets:\n" + subnets(guest.get("ipconfig" + number));
    }
    if (!guest.config.contains("nameserver")) return text;
    text += "    - type: nameserver\n      address:\n";
    for (const std::string& server : split_list(guest.get("nameserver")))
        text += fmt::format("      - '{}'\n", server);
    if (guest.config.contains("searchdomain"))
        text += fmt::format("      search:\n      - '{}'\n", guest.get("searchdomain"));
    return text;
}

Json dump(Call& call) {
    const Guest& guest = call.guest();
    const std::string type = call.params.text("type");
    if (type == "user") return user_data(guest);
    if (type == "network") return network_data(guest);
    return fmt::format("instance-id: {}\n", sha1_of(user_data(guest) + network_data(guest)));
}

}  // namespace

void add_cloudinit_calls(Handlers& handlers) {
    const std::string guest = "/nodes/{node}/qemu/{vmid}";
    handlers["GET " + guest + "/cloudinit"] = get;
    handlers["PUT " + guest + "/cloudinit"] = put;
    handlers["GET " + guest + "/cloudinit/dump"] = dump;
}

}  // namespace slipway::sandbox
