#pragma once
// What a change claims and frees, inside the transaction that wins the compare-and-set: slots
// (sql_slots.cpp), addresses (sql_addresses.cpp) and a number (sql_vmids.cpp), all of it or nothing
// (sql_claims.cpp).

#include <map>
#include <string>

#include "schema/connection.h"
#include "schema/store.h"

namespace slipway {

// True if its claims were granted; then its VM's wake_at is the one for that.
bool settle_claims(Connection& connection, const Change& change);

// All that it holds, to the oldest who waits.
void free_slots(Connection& connection, const Change& change);
// False: not all of them could be had, and what was taken is to be undone.
bool take_slots(Connection& connection, const Change& change);
void wait_for_slots(Connection& connection, const Change& change);
void stop_waiting_for_slots(Connection& connection, const Change& change);

// The pools of a change, which nobody else can take from until its transaction ends: where in each
// to begin to look.
using LockedPools = std::map<std::string, std::string, std::less<>>;
LockedPools lock_pools(Connection& connection, const Change& change);
// False as above; so below.
bool take_addresses(Connection& connection, const Change& change, LockedPools& pools);

bool take_number(Connection& connection, const Change& change);

}  // namespace slipway
