#pragma once
// Sets of records compared, gathered from single records, and turned into rows and back. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/dns/dns_provider.h"
#include "schema/store.h"

namespace slipway {

// An address as print_address() has it, a name without capitals and a dot at its end; what is
// neither stays as it is.
std::string plain_value(DnsType type, std::string_view value);

// The set of that name and type; null if there is none.
const DnsSet* find_set(std::span<const DnsSet> sets, const DnsSet& like);

// The same values in any order, and the same ttl unless one of them says none. A set that is not
// there is one without values.
bool same_records(const DnsSet& a, const DnsSet& b);

// Puts one record to its set. Where the records of a set have different ttls, which no answer can
// have, it gets the lowest.
void add_record(std::vector<DnsSet>& sets, DnsSet record);

// Of one provider and zone.
std::vector<DnsSet> sets_of(std::span<const DnsRecordRow> rows,
                            std::string_view provider,
                            std::string_view zone);
void add_rows(std::vector<DnsRecordRow>& rows, const DeclaredZone& zone, const DnsSet& set);

}  // namespace slipway
