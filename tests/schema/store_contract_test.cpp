// The Store contract on every database we run on.

#include "tests/contract/store_contract.h"

#include "schema/connection.h"
#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/live/postgres_server.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

class SqliteInMemory final : public StoreDatabase {
  public:
    std::shared_ptr<Store> open() override { return store_; }

  private:
    std::shared_ptr<Store> store_ = open_store({.url = "sqlite::memory:"});
};

class SqliteFile final : public StoreDatabase {
  public:
    SqliteFile() { migrate(settings_); }
    std::shared_ptr<Store> open() override { return open_store(settings_); }

  private:
    TempFolder folder_;
    DatabaseSettings settings_{.url = "sqlite:" + (folder_.path() / "a database.db").string()};
};

// One database, emptied for each test: making one for each costs the disk a quarter of a gigabyte.
class Postgresql final : public StoreDatabase {
  public:
    Postgresql() {
        if (!migrate(settings()).empty()) return;
        Connection connection(settings(), Access::Write);
        connection.run_once(
            "TRUNCATE vm, vm_detail, run, run_step, request, activity, dead_letter, writer, "
            "slot, slot_wait, vm_task, inventory, ip_pool, ip_address, vmid, dns_record, letter "
            "RESTART IDENTITY");
        connection.run_once("UPDATE inventory_revision SET revision = 0, changed_at = 0");
    }
    std::shared_ptr<Store> open() override { return open_store(settings()); }

  private:
    static const DatabaseSettings& settings() {
        static const DatabaseSettings settings{.url = PostgresServer::shared().create_database()};
        return settings;
    }
};

template <typename Database>
std::unique_ptr<StoreDatabase> make() {
    return std::make_unique<Database>();
}

std::optional<std::string> never() {
    return std::nullopt;
}

INSTANTIATE_TEST_SUITE_P(
    Databases,
    StoreContract,
    testing::Values(StoreKind{"sqlite_in_memory", never, make<SqliteInMemory>},
                    StoreKind{"sqlite_file", never, make<SqliteFile>},
                    StoreKind{"postgresql", PostgresServer::missing, make<Postgresql>}),
    [](const testing::TestParamInfo<StoreKind>& kind) { return kind.param.name; });

}  // namespace
}  // namespace slipway
