#pragma once
// Names as DNS has them: which zone holds which name, and where an address's PTR record stands.
//
// Reverse zones may end at any octet (2.0.192.in-addr.arpa) or nibble (8.b.d.0.1.0.0.2.ip6.arpa).
// Smaller than an octet they are classless (RFC 2317): the holder of the /24 has put an alias for
// each address into a zone of its own, such as 0/25.2.0.192.in-addr.arpa, and the PTR record stands
// there as 5.0/25.2.0.192.in-addr.arpa.
//
// Pure. Capital letters and a dot at the end are tolerated wherever a name comes in, and never
// come out.

#include <optional>
#include <string>
#include <string_view>

#include "consumers/inventory/inventory.h"

namespace slipway {

// In small letters, no dot at the end.
std::string plain_name(std::string_view name);

// The zone itself and everything below it.
bool zone_holds(std::string_view zone, std::string_view name);

// Below in-addr.arpa or ip6.arpa.
bool is_reverse_zone(std::string_view zone);

// Which addresses a classless zone is for: as it was declared, or as its name says where that can
// be read in one way only (0/25, 64-127; not 0-31, which may be /27 or /31). Nothing if the zone is
// of another kind, or nobody can tell.
std::optional<IpNetwork> classless_network(const DeclaredZone& zone);

// Where the PTR record of an address stands in this zone; nothing if it is not the place for it.
std::optional<std::string> ptr_name(const DeclaredZone& zone, const IpAddress& address);

// The other way round; nothing for a name that is no address's.
std::optional<IpAddress> address_of_ptr(const DeclaredZone& zone, std::string_view name);

// Each throws Error that names what is wrong, and the cure.
void check_host_name(std::string_view name);
void check_zone(const DeclaredZone& zone);

}  // namespace slipway
