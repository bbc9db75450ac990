// What operators declare: one row per declared thing, and a revision that every change raises.

#include <fmt/format.h>

#include <stdexcept>

#include "schema/sql_rows.h"
#include "schema/sql_store_parts.h"

namespace slipway {
namespace {

// VMs that are there, and whose row says something.
std::string count_vms(std::string_view what) {
    return fmt::format(
        "SELECT count(*) FROM vm JOIN vm_detail d ON d.service_id = vm.service_id "
        "WHERE vm.state <> 'remove' AND ({})",
        what);
}

// The text stands in the row's JSON.
std::string is_in(Dialect d, std::string_view column, std::string_view parameter) {
    return d == Dialect::PostgreSql
               ? fmt::format("strpos({}, CAST({} AS text)) > 0", column, parameter)
               : fmt::format("instr({}, {}) > 0", column, parameter);
}

struct InventorySql {
    explicit InventorySql(Dialect d)
        : wake{fmt::format("UPDATE vm SET wake_at = :now WHERE service_id IN (SELECT service_id "
                           "FROM vm WHERE failures > 0 AND wake_at > :later {})",
                           // Who is being saved right now locks in another order, and looks again
                           // soon enough by itself.
                           d == Dialect::PostgreSql ? "FOR NO KEY UPDATE SKIP LOCKED" : "")},
          with_package{count_vms("d.product = :name OR " + is_in(d, "d.target", ":in_target")), 1},
          with_template{
              count_vms("d.cluster = :cluster AND (" + is_in(d, "d.target", ":in_target") + " OR " +
                        is_in(d, "d.applied", ":in_applied") + ")"),
              1} {}

    Sql revision{"SELECT revision FROM inventory_revision", 1};
    // One statement, so that rows and revision are of the same moment.
    Sql all{
        "SELECT r.revision, i.kind, i.name, i.body, i.secret FROM inventory_revision r "
        "LEFT JOIN inventory i ON true ORDER BY i.kind, i.name",
        5};
    Sql raise{
        "UPDATE inventory_revision SET revision = revision + 1, changed_at = :now "
        "WHERE revision = :revision RETURNING revision",
        1};
    // A pool that is declared otherwise than before is searched from its first address on.
    Sql search_anew{
        "UPDATE ip_pool SET first_free = '' WHERE name = :name AND NOT EXISTS "
        "(SELECT 1 FROM inventory WHERE kind = 'pool' AND name = :same AND body = :body)"};
    Sql put{
        "INSERT INTO inventory (kind, name, body, secret) VALUES (:kind, :name, :body, :secret) "
        "ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, secret = excluded.secret"};
    Sql remove{"DELETE FROM inventory WHERE kind = :kind AND name = :name"};
    Sql on_cluster{count_vms("d.cluster = :name"), 1};
    Sql wake, with_package, with_template;
};

void put_row(Connection& connection, const InventoryRow& row) {
    const InventorySql& sql = statements_of<InventorySql>(connection.dialect());
    if (row.kind == "pool") connection.run(sql.search_anew, {row.name, row.name, row.body});
    connection.run(sql.put, {row.kind, row.name, row.body, row.secret});
}

std::string in_quotes(std::string_view name) {
    return fmt::format("\"{}\"", name);
}

}  // namespace

std::int64_t SqlStore::inventory_revision() {
    const Rows rows = pool_.read(
        [&](Connection& c) { return c.run(statements_of<InventorySql>(dialect_).revision); });
    return rows.number(0, 0);
}

InventoryRows SqlStore::inventory() {
    const Rows rows =
        pool_.read([&](Connection& c) { return c.run(statements_of<InventorySql>(dialect_).all); });
    InventoryRows inventory{.revision = rows.number(0, 0)};
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!rows.is_null(i, 1))
            inventory.rows.push_back({.kind = rows.text(i, 1),
                                      .name = rows.text(i, 2),
                                      .body = rows.text(i, 3),
                                      .secret = rows.text(i, 4)});
    return inventory;
}

bool SqlStore::change_inventory(std::int64_t revision,
                                std::span<const InventoryRow> put,
                                std::span<const InventoryKey> remove,
                                Time now) {
    const std::int64_t at = now.time_since_epoch().count();
    return pool_.transaction([&](Connection& c) {
        const InventorySql& sql = statements_of<InventorySql>(dialect_);
        if (c.run(sql.raise, {at, revision}).empty()) return false;
        for (const InventoryKey& key : remove) c.run(sql.remove, {key.kind, key.name});
        for (const InventoryRow& row : put) put_row(c, row);
        c.run(sql.wake, {at, at});
        return true;
    });
}

std::int64_t SqlStore::vms_with(const InventoryKey& key) {
    const std::size_t mark = std::min(key.name.rfind('@'), key.name.size());
    const std::string name = in_quotes(key.name.substr(0, mark));
    const std::string cluster = key.name.substr(std::min(mark + 1, key.name.size()));
    const Rows rows = pool_.read([&](Connection& c) {
        const InventorySql& sql = statements_of<InventorySql>(dialect_);
        if (key.kind == "cluster") return c.run(sql.on_cluster, {key.name});
        if (key.kind == "package") return c.run(sql.with_package, {key.name, name});
        if (key.kind == "template") return c.run(sql.with_template, {cluster, name, name});
        throw std::logic_error("no VM has a " + key.kind);
    });
    return rows.number(0, 0);
}

}  // namespace slipway
