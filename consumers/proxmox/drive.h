#pragma once
// A drive as the configuration has it: scsi0: local-lvm:vm-100-disk-0,iops_rd=100,size=32G.
//
// The whole string is replaced by every change: without its volume a drive becomes another one,
// and storage:SIZE makes a new disk each time it is sent. So: parse what is there, change, print.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/proxmox/property_string.h"

namespace slipway {

struct Drive {
    std::string volume;             // "local-lvm:vm-100-disk-0", "none", "cdrom"
    std::vector<Property> options;  // everything else, in its order

    std::string storage() const;  // before the colon; empty if there is none
    bool is_cdrom() const;        // cloud-init drives are, too
    std::optional<std::int64_t> size_bytes() const;

    bool operator==(const Drive&) const = default;
};

// Throws Error if there is no volume, or what is said of property strings.
Drive parse_drive(std::string_view text);
std::string print_drive(const Drive& drive);

// "32G", "512M", "1.5T", "1024": K, M, G and T are powers of 1,024, no unit means bytes.
std::optional<std::int64_t> parse_size(std::string_view text);

// Limits of a drive. Proxmox takes almost anything here and then cannot start the VM, so this is
// checked before it is sent. Zero: no limit.
struct Throttle {
    std::int64_t iops_read = 0;
    std::int64_t iops_write = 0;
    double mib_read = 0;  // per second
    double mib_write = 0;

    bool operator==(const Throttle&) const = default;
};
Throttle throttle_of(const Drive& drive);
// Takes every other limit away: bursts without their base would keep the VM from starting. Throws
// Error if one is negative or no number.
void set_throttle(Drive& drive, const Throttle& throttle);

}  // namespace slipway
