#pragma once
// What a VM is called: its name by the package's rule, its host name, its user. Made up once, when
// it gets its number, and saved; nothing here is asked twice for one VM.

#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/order.h"
#include "schema/vm.h"

namespace slipway {

// {client_id} {service_id} {random_digit_X} {random_letter_X} {unixtime} {year} {month} {day}
// {hour} {minute} {second}; X is how many. What Proxmox takes in no name becomes "-".
std::string vm_name(const Wanted& wanted, Time now);

// Empty if the rule is right, else what is wrong with it.
std::string wrong_with_rule(std::string_view rule);

std::string host_name(const Wanted& wanted, std::string_view name);
std::string user_name(const Wanted& wanted);

}  // namespace slipway
