#pragma once
// What lies outside this process and its database, as steps reach it. Built by hand: in the engine,
// and for each process of a story.

#include <chrono>
#include <string>

#include "consumers/dns/dns.h"
#include "consumers/inventory/inventory_book.h"
#include "consumers/proxmox/site.h"
#include "schema/secret_box.h"

namespace slipway {

struct VerifyTimes {
    std::chrono::milliseconds first{2'000};  // between the first two looks; it doubles
    std::chrono::milliseconds longest{60'000};
    int looks = 5;  // then the start counts as failed, and is tried again
};

struct Outside {
    std::string installation;  // in every owner mark
    InventoryBook& inventory;
    Sites& sites;
    Dns& dns;
    const SecretBox& secrets;
    VerifyTimes verify = {};
};

}  // namespace slipway
