// Group commit under many hands: two processes with a thousand callers each way, real databases.

#include "consumers/runtime/saver.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "schema/migrate.h"
#include "schema/sql_store.h"
#include "tests/contract/store_contract.h"
#include "tests/live/postgres_server.h"
#include "tests/live/skipping.h"
#include "tests/live/temp_folder.h"
#include "tests/story/fault_seams.h"

namespace slipway {
namespace {

Admitted order(int vm) {
    const std::string id = fmt::format("vm-{}", vm);
    return {.request = {.id = "order-" + id,
                        .service_id = id,
                        .type = "rehearse",
                        .status = "accepted"},
            .admission = Admission::Begin,
            .next = {.service_id = id,
                     .pipeline = "rehearse",
                     .state = "rehearsal",
                     .run = 1,
                     .version = 100}};
}

std::string make_database(const std::string& kind, const TempFolder& folder) {
    return kind == "sqlite" ? "sqlite:" + (folder.path() / "saver.db").string()
                            : PostgresServer::shared().create_database();
}

// An answer that leaves the VM where it is, one version on.
Change raised(const Vm& vm, std::string_view writer, std::int64_t told_as) {
    Change change = step_to(vm, vm.state);
    change.log.writer = writer;
    change.log.told_as = told_as;
    return change;
}

// One process: its own store, its own saver, its own numbers.
struct Process {
    std::unique_ptr<Store> store;
    SystemClock clock;
    Saver saver;
    std::thread thread;
    std::thread answering;
    std::string name;
    std::atomic<std::int64_t> numbers{1};

    Process(const DatabaseSettings& settings, std::string writer)
        : store(open_store(settings)), saver(*store, clock, {}), name(std::move(writer)) {
        thread = std::thread([this] { saver.save_until_stopped(); });
        answering = std::thread([this] { saver.answer_until_stopped(); });
    }
    ~Process() {
        saver.stop();
        thread.join();
        answering.join();
    }

    Vm load(const std::string& id) {
        std::promise<Vm> loaded;
        saver.load(id, [&](std::optional<Vm> vm) { loaded.set_value(vm.value()); });
        return loaded.get_future().get();
    }

    bool raise(const Vm& vm) {
        const Change change = raised(vm, name, numbers++);
        std::promise<bool> saved;
        saver.save(change, [&](const SaveAnswer& answer) { saved.set_value(answer.saved.won); });
        return saved.get_future().get();
    }
};

class SaverOn : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (std::string(GetParam()) == "postgresql")
            if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
        settings_.url = make_database(GetParam(), folder_);
        migrate(settings_);
    }

    const DatabaseSettings& settings() const { return settings_; }

  private:
    const TempFolder folder_;
    DatabaseSettings settings_;
};

TEST_P(SaverOn, LetsExactlyOneOfTwoWinEveryVersionUnderAThousandCallers) {
    constexpr int vms = 500;
    constexpr int raises = 4;
    Process one(settings(), "one");
    Process two(settings(), "two");
    std::vector<Admitted> orders;
    for (int vm = 0; vm < vms; ++vm) orders.push_back(order(vm));
    one.store->admit(orders);

    std::vector<std::atomic<int>> wins(vms);
    std::vector<std::thread> callers;
    for (Process* process : {&one, &two})
        for (int vm = 0; vm < vms; ++vm)
            callers.emplace_back([&wins, process, vm] {
                for (int i = 0; i < raises; ++i)
                    if (process->raise(process->load(fmt::format("vm-{}", vm))))
                        ++wins[static_cast<std::size_t>(vm)];
            });
    for (std::thread& caller : callers) caller.join();

    for (int vm = 0; vm < vms; ++vm) {
        SCOPED_TRACE(vm);
        const int won = wins[static_cast<std::size_t>(vm)];
        const Vm row = one.load(fmt::format("vm-{}", vm));
        const auto log = one.store->steps(row.service_id, 1);
        EXPECT_GE(won, raises);
        EXPECT_EQ(row.version, 100 + won);
        EXPECT_EQ(log.size(), static_cast<std::size_t>(won));
    }
}

// A change that claims something is the only one of its save.
TEST_P(SaverOn, SavesWhatClaimsSomethingOneByOneAfterTheRest) {
    const auto store = open_store(settings());
    const std::vector<Admitted> orders = {order(0), order(1), order(2), order(3), order(4)};
    store->admit(orders);
    SystemClock clock;
    Faults calls;
    std::string seen;
    calls.set([&](const Call& call) {
        if (call.what == "store.save" && call.moment == Moment::Before) seen += "save ";
    });
    const Poison look = [&](const Change& change) {
        seen += change.next.service_id + " ";
        return false;
    };
    FaultStore watched(*store, calls, look, 0);
    Saver saver(watched, clock, {});

    std::string answers;
    for (int vm = 0; vm < 5; ++vm) {
        Change change = raised(orders[static_cast<std::size_t>(vm)].next, "one", vm + 1);
        if (vm == 0) change.claims = {{.resource = "clone", .limit = 1}};
        if (vm == 1) change.number = {.cluster = "pve", .first = 100, .last = 99};
        if (vm == 2) change.addresses = {{.count = 1, .pools = {pool("a", {"10.0.0.1"})}}};
        saver.save(change, [&](const SaveAnswer& answer) {
            answers += fmt::format("{} {}{} ",
                                   answer.change.next.service_id,
                                   answer.saved.won ? "won" : "lost",
                                   answer.saved.granted ? " granted" : "");
        });
    }
    EXPECT_TRUE(saver.run_one());

    EXPECT_EQ(seen, "save vm-3 vm-4 save vm-0 save vm-1 save vm-2 ");
    EXPECT_EQ(answers, "vm-3 won vm-4 won vm-0 won granted vm-1 won vm-2 won granted ");
    EXPECT_EQ(saver.waiting(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Databases,
                         SaverOn,
                         testing::Values("sqlite", "postgresql"),
                         [](const auto& which) { return std::string(which.param); });

}  // namespace
}  // namespace slipway
