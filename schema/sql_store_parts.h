#pragma once
// The class behind open_store(). Its methods stand in one file per theme: sql_save.cpp,
// sql_admit.cpp (its short way in sql_new_orders.cpp), sql_due.cpp, sql_holdings.cpp,
// sql_inventory.cpp, sql_letters.cpp (dead letters and activity), sql_log.cpp, sql_mail.cpp,
// sql_slots.cpp.

#include "schema/connection_pool.h"
#include "schema/store.h"

namespace slipway {

class SqlStore final : public Store {
  public:
    explicit SqlStore(const DatabaseSettings& settings);

    std::vector<Vm> load(std::span<const std::string> service_ids) override;
    std::vector<Saved> save(std::span<const Change> changes) override;
    bool was_saved(std::string_view writer, std::int64_t told_as) override;

    std::vector<RequestRow> requests(std::span<const std::string> ids) override;
    std::vector<AdmitResult> admit(std::span<const Admitted> admitted) override;
    std::optional<RequestRow> next_queued(std::string_view service_id) override;

    std::vector<Nudge> take_due(Time now, Time until, int most) override;
    void wake_all(Time now) override;
    std::optional<Time> next_wake() override;

    void heartbeat(std::string_view writer, std::int64_t published_below, Time now) override;
    std::vector<SilentWriter> silent_writers(Time since) override;
    std::vector<StepRow> told_from(std::string_view writer, std::int64_t from, int most) override;
    void forget_writer(std::string_view writer) override;

    void add_dead_letters(std::span<const DeadLetterRow> rows) override;
    std::vector<DeadLetterRow> unpublished_dead_letters(Time older_than, int most) override;
    std::vector<ActivityRow> unpublished_activity(Time older_than, int most) override;
    void mark_dead_letters_published(std::span<const std::string> keys, Time now) override;
    void mark_activity_published(std::span<const ActivityRow> rows, Time now) override;
    void unpublish_dead_letters() override;

    int sweep_slots(Time now) override;
    std::vector<SlotRow> slots() override;
    std::vector<TaskRow> tasks(std::string_view service_id, std::int64_t since_run) override;

    Holdings holdings(std::string_view service_id) override;
    std::vector<PoolUse> pool_use(Time now) override;
    PoolUse pool_use(const PoolRanges& pool, Time now) override;
    bool has_number(const NumberClaim& claim, Time now) override;
    std::vector<DnsRecordRow> dns_records(std::string_view service_id) override;

    std::int64_t inventory_revision() override;
    InventoryRows inventory() override;
    bool change_inventory(std::int64_t revision,
                          std::span<const InventoryRow> put,
                          std::span<const InventoryKey> remove,
                          Time now) override;
    std::int64_t vms_with(const InventoryKey& key) override;

    std::vector<LetterRow> unpublished_letters(Time older_than, int most) override;
    void mark_letters_published(std::span<const LetterRow> rows, Time now) override;
    std::optional<LetterRow> begin_letter(const LetterRow& key, Time now, Time not_since) override;
    void end_letter(const LetterRow& key,
                    Time now,
                    std::string_view error,
                    std::optional<Time> again_at) override;
    std::vector<LetterRow> due_letters(Time now, int most) override;

    std::vector<RunRow> runs(std::string_view service_id, int most) override;
    std::vector<StepRow> steps(std::string_view service_id, std::int64_t run) override;
    std::vector<Vm> list_vms(const VmFilter& filter) override;
    std::vector<StateCount> count_states(std::string_view prefix) override;
    std::int64_t count_dead_letters(std::string_view kind) override;

  private:
    Dialect dialect_;
    ConnectionPool pool_;
};

// One set of statements per database, made when first used. They live as long as the process, since
// connections know a prepared statement by its address.
template <typename Statements>
const Statements& statements_of(Dialect dialect) {
    static const Statements sqlite(Dialect::Sqlite);
    static const Statements postgresql(Dialect::PostgreSql);
    return dialect == Dialect::Sqlite ? sqlite : postgresql;
}

}  // namespace slipway
