#pragma once
// A network interface as the configuration has it:
//
//   net0: virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,tag=10,rate=12.5,firewall=1
//
// One that is sent without its MAC address gets a new one, every time. So: parse, change, print.

#include <string>
#include <string_view>
#include <vector>

#include "consumers/proxmox/property_string.h"

namespace slipway {

// As Proxmox knows them.
inline constexpr std::string_view nic_models[] = {"e1000",
                                                  "e1000-82540em",
                                                  "e1000-82544gc",
                                                  "e1000-82545em",
                                                  "e1000e",
                                                  "i82551",
                                                  "i82557b",
                                                  "i82559er",
                                                  "ne2k_isa",
                                                  "ne2k_pci",
                                                  "pcnet",
                                                  "rtl8139",
                                                  "virtio",
                                                  "vmxnet3"};

struct Nic {
    std::string model;  // virtio, e1000, …
    std::string mac = {};
    std::vector<Property> options = {};  // bridge, tag, rate (MB/s), firewall and so on

    // Empty if there is no such option.
    std::string option(std::string_view key) const;

    bool operator==(const Nic&) const = default;
};

// "virtio=MAC,…", "model=virtio,macaddr=MAC,…" and "virtio,…" alike. Throws Error if it names no
// model, or two.
Nic parse_nic(std::string_view text);
std::string print_nic(const Nic& nic);

}  // namespace slipway
