#pragma once
// The inventory as this process knows it: read from the database when it has changed, which is
// looked for once a second at most. Any thread.

#include <chrono>
#include <memory>
#include <mutex>

#include "consumers/inventory/inventory.h"
#include "consumers/runtime/clock.h"
#include "schema/secret_box.h"
#include "schema/store.h"

namespace slipway {

class InventoryBook {
  public:
    // How old what newest() answers may be.
    static constexpr std::chrono::milliseconds good_for{1'000};

    InventoryBook(Store& store, const SecretBox& box, const Clock& clock)
        : store_(store), box_(box), clock_(clock) {}

    // Never null. Throws what Store and SecretBox throw. While one thread looks, the others go on
    // with what they have.
    std::shared_ptr<const Inventory> newest();

  private:
    std::shared_ptr<const Inventory> look(const std::shared_ptr<const Inventory>& known);

    Store& store_;
    const SecretBox& box_;
    const Clock& clock_;

    std::mutex mutex_;
    std::shared_ptr<const Inventory> known_;
    std::chrono::nanoseconds looked_at_{0};
    bool is_looking_ = false;
};

}  // namespace slipway
