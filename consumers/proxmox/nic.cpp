#include "consumers/proxmox/nic.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway {
namespace {

bool is_model(std::string_view text) {
    return std::find(std::begin(nic_models), std::end(nic_models), text) != std::end(nic_models);
}

[[noreturn]] void wrong(std::string_view text, std::string_view what) {
    throw Error(fmt::format("\"{}\" is no network interface: {}", text.substr(0, 200), what));
}

// aa:bb:cc:dd:ee:ff, and of one host, not of a group.
bool is_mac(std::string_view text) {
    if (text.size() != 17) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (i % 3 == 2 ? c != ':' : !hex) return false;
    }
    return std::string_view("02468aceACE").find(text[1]) != std::string_view::npos;
}

}  // namespace

std::string Nic::option(std::string_view key) const {
    const std::string* value = find_property(options, key);
    return value != nullptr ? *value : std::string();
}

Nic parse_nic(std::string_view text) {
    Nic nic;
    for (Property& property : parse_properties(text, "model")) {
        const bool short_form = is_model(property.key);
        if (short_form || property.key == "model") {
            if (!nic.model.empty()) wrong(text, "it names two models");
            nic.model = short_form ? property.key : property.value;
        }
        if (short_form || property.key == "macaddr") {
            if (!nic.mac.empty()) wrong(text, "it has two MAC addresses");
            if (!is_mac(property.value)) wrong(text, "its MAC address is none of one host");
            nic.mac = property.value;
        } else if (property.key != "model") {
            nic.options.push_back(std::move(property));
        }
    }
    if (!is_model(nic.model)) wrong(text, "it names no model that Proxmox has, such as virtio");
    return nic;
}

std::string print_nic(const Nic& nic) {
    std::vector<Property> all = {nic.mac.empty() ? Property{"model", nic.model}
                                                 : Property{nic.model, nic.mac}};
    all.insert(all.end(), nic.options.begin(), nic.options.end());
    return print_properties(all);
}

}  // namespace slipway
