#pragma once
// What `slipway dns check` does, apart from its arguments: compares what the DNS providers serve
// with what the rows of VMs say they must. Changes nothing.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "consumers/dns/dns.h"
#include "consumers/inventory/inventory.h"
#include "schema/store.h"

namespace slipway {

struct DnsCheckPlaces {
    Store& store;
    Dns& dns;
    const Inventory& inventory;
};

struct DnsChecked {
    std::int64_t vms = 0;
    std::vector<DnsDrift> drifts;  // of a zone that could not be asked one, that says why
};

using DnsProgress = std::function<void(std::int64_t vms)>;

// All VMs whose records have been written, and whether every zone declared is there. Hears of
// progress now and then.
DnsChecked check_dns(const DnsCheckPlaces& places, const DnsProgress& progress);

// One of them. Throws Error if there is no such service.
DnsChecked check_dns_of(const DnsCheckPlaces& places, const std::string& service);

// A line for each drift, and one that sums it up.
std::string print(const DnsChecked& checked);

}  // namespace slipway
