#pragma once
// What a VM is called: its name by the package's rule, its host name, its user. Made up once, when
// it gets its number, and saved; nothing here is asked twice for one VM.

#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/order.h"
#include "schema/vm.h"

namespace slipway {

// By the package's rule; what Proxmox takes in no name becomes "-".
std::string vm_name(const Wanted& wanted, Time now);

std::string host_name(const Wanted& wanted, std::string_view name);
std::string user_name(const Wanted& wanted);

}  // namespace slipway
