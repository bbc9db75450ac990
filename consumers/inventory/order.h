#pragma once
// An order as billing sends it, and what it comes to: a package with what the order has different.
//
//   {"package": "vps-start", "client_id": "42", "email": "jo@example.com", "domain":
//   "a.example.com",
//    "options": {"cpu_cores": 4, "ram": 8}}
//
// The options are those that the old module's customers know, by its names ("CPU Cores") or in
// small letters with underscores. What an order says goes before what its package says, zero too.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/inventory.h"

namespace slipway {

struct Order {
    std::string service_id;
    std::string package;
    std::string client_id = {};
    std::string email = {};     // where letters go
    std::string domain = {};    // the VM's host name, whole; empty: made of its name
    std::string username = {};  // whom cloud-init makes
    std::string node = {};
    std::vector<std::string> ssh_keys = {};
    std::map<std::string, std::string> options = {};  // by their small names, as text
};

struct OptionName {
    std::string name;         // cpu_cores
    std::string_view module;  // CPU Cores
    std::string_view what;    // "whole number from 1 to 1024"
};
std::vector<OptionName> option_names();

// What a VM shall be. Copies: the inventory may change while a step works.
struct Wanted {
    Order order;
    DeclaredCluster cluster;
    DeclaredPackage package;  // with the order's options
    DeclaredTemplate os_template;
};

// Everything that is wrong with it, one sentence each: field, value, cure. Empty: it can be done.
std::vector<std::string> wrong_with_order(const Inventory& inventory, std::string_view payload);

// Throws Error with all of that.
Wanted wanted_of(const Inventory& inventory, std::string_view payload);

}  // namespace slipway
