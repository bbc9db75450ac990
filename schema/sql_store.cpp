#include "schema/sql_store.h"

#include <fmt/format.h>

#include <stdexcept>

#include "schema/migrate.h"
#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

struct LoadSql {
    explicit LoadSql(Dialect dialect)
        : load(over_rows(dialect,
                         fmt::format("SELECT {} FROM {{rows_and}} vm LEFT JOIN vm_detail d "
                                     "ON d.service_id = vm.service_id WHERE vm.service_id = j.id",
                                     vm_columns),
                         "id text",
                         vm_column_count)) {}

    Sql load;
};

void check_version(Connection& connection) {
    const int version = schema_version(connection);
    if (version == newest_schema_version()) return;
    throw std::runtime_error(fmt::format(
        "the database is at schema version {} and this slipway needs {}: {}",
        version,
        newest_schema_version(),
        version < newest_schema_version() ? "run `slipway migrate`" : "use the newer slipway"));
}

}  // namespace

SqlStore::SqlStore(const DatabaseSettings& settings)
    : dialect_(dialect_of(settings)), pool_(settings) {
    pool_.write([&](Connection& connection) {
        if (is_in_memory(settings)) migrate(connection);
        check_version(connection);
        return true;
    });
}

std::vector<Vm> SqlStore::load(std::span<const std::string> service_ids) {
    if (service_ids.empty()) return {};
    const RowBatch wanted = id_rows(service_ids);
    const Rows rows = pool_.read(
        [&](Connection& c) { return c.run(statements_of<LoadSql>(dialect_).load, wanted); });
    std::vector<Vm> vms;
    vms.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) vms.push_back(read_vm(rows, i));
    return vms;
}

std::unique_ptr<Store> open_store(const DatabaseSettings& settings) {
    return std::make_unique<SqlStore>(settings);
}

}  // namespace slipway
