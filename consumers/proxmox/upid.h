#pragma once
// A task's name, as Proxmox gives it:
//
//   UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:
//        node pid      pstart   starttime type   id   user
//
// pid, pstart and starttime are hexadecimal; pstart has nine digits on a node that has been up for
// more than 497 days. The id is a VM number for most, the source's one for a clone, and may be
// empty. The node is where the task is asked about, wherever its VM has gone since.

#include <cstdint>
#include <string>
#include <string_view>

#include "consumers/runtime/error.h"
#include "schema/vm.h"

namespace slipway {

struct Upid {
    std::string text;
    std::string node;
    std::uint32_t pid = 0;
    std::uint64_t pstart = 0;
    Time started = {};
    std::string type;
    std::string id;
    std::string user;  // root@pam, or root@pam!slipway

    bool operator==(const Upid& other) const { return text == other.text; }
};

// Whether a node may be called that.
bool is_node(std::string_view text);

// Throws Error that says which part is wrong, and how.
Upid parse_upid(std::string_view text);

}  // namespace slipway
