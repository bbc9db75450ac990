// What VMs hold: addresses and numbers claimed, and the records made at DNS providers.

#include <stdexcept>

#include "schema/sql_store_parts.h"

namespace slipway {

Holdings SqlStore::holdings(std::string_view) {
    throw std::logic_error("not yet");
}

std::vector<PoolUse> SqlStore::pool_use() {
    throw std::logic_error("not yet");
}

std::vector<DnsRecordRow> SqlStore::dns_records(std::string_view) {
    throw std::logic_error("not yet");
}

}  // namespace slipway
