// What a process knows of the inventory: new within a second, and asked for seldom.

#include "consumers/inventory/inventory_book.h"

#include <gtest/gtest.h>

#include <thread>

#include "consumers/inventory/inventory_json.h"
#include "schema/sql_store.h"
#include "tests/consumers/inventory/whole_inventory.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const SecretBox box(std::string(32, 'k'));

void apply(Store& store, const Inventory& inventory) {
    ASSERT_TRUE(store.change_inventory(
        store.inventory_revision(), rows_of(inventory, box), {}, SimClock().now()));
}

TEST(InventoryBook, ReadsWhatIsNewWithinASecond) {
    const auto store = open_store({.url = "sqlite::memory:"});
    SimClock clock;
    InventoryBook book(*store, box, clock);
    EXPECT_EQ(*book.newest(), Inventory());
    apply(*store, whole_inventory());

    clock.advance(999ms);
    EXPECT_EQ(book.newest()->revision, 0) << "it has looked less than a second ago";
    clock.advance(1ms);
    Inventory expected = whole_inventory();
    expected.revision = 1;
    EXPECT_EQ(*book.newest(), expected);
}

TEST(InventoryBook, ReadsItAllOnlyIfItChanged) {
    const auto store = open_store({.url = "sqlite::memory:"});
    SimClock clock;
    InventoryBook book(*store, box, clock);
    apply(*store, whole_inventory());
    const auto first = book.newest();

    clock.advance(5s);
    EXPECT_EQ(book.newest(), first);
    clock.jump_wall(-48h);
    apply(*store, {});
    clock.advance(1s);
    EXPECT_EQ(book.newest()->revision, 2);
    EXPECT_EQ(first->revision, 1) << "who has the old one keeps it";
}

TEST(InventoryBook, ThrowsForASecretThatItCannotOpenAndLooksAgain) {
    const auto store = open_store({.url = "sqlite::memory:"});
    const SecretBox other(std::string(32, 'o'));
    SimClock clock;
    InventoryBook book(*store, other, clock);
    apply(*store, whole_inventory());

    EXPECT_THROW(book.newest(), std::runtime_error);
    ASSERT_TRUE(store->change_inventory(1, rows_of(whole_inventory(), other), {}, clock.now()));
    EXPECT_EQ(book.newest()->revision, 2);
}

TEST(InventoryBook, ServesManyThreads) {
    const auto store = open_store({.url = "sqlite::memory:"});
    SystemClock clock;
    InventoryBook book(*store, box, clock);
    apply(*store, whole_inventory());
    std::vector<std::thread> readers;
    std::vector<std::int64_t> seen(8);

    for (std::int64_t& each : seen)
        readers.emplace_back([&] {
            for (int i = 0; i < 200; ++i) each = book.newest()->revision;
        });
    for (std::thread& reader : readers) reader.join();

    EXPECT_EQ(seen, std::vector<std::int64_t>(8, 1));
}

}  // namespace
}  // namespace slipway
