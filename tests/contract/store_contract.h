#pragma once
// What every Store must do. The tests stand in store_*_contract.cpp; tests/schema runs them on each
// database by instantiating StoreContract.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "schema/store.h"

namespace slipway {

// A database of one test's own, empty, with its tables made.
class StoreDatabase {
  public:
    virtual ~StoreDatabase() = default;
    // Another process's view of it; where there is no other process, the same store again.
    virtual std::shared_ptr<Store> open() = 0;
};

struct StoreKind {
    std::string name;
    std::function<std::optional<std::string>()> missing;  // why it cannot be had here
    std::function<std::unique_ptr<StoreDatabase>()> make;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this very name
inline void PrintTo(const StoreKind& kind, std::ostream* out) {
    *out << kind.name;
}

class StoreContract : public testing::TestWithParam<StoreKind> {
  protected:
    void SetUp() override;

    Store& store() { return *store_; }
    StoreDatabase& database() { return *database_; }

  private:
    std::unique_ptr<StoreDatabase> database_;
    std::shared_ptr<Store> store_;
};

// Microseconds into a day of 2026.
Time at(std::int64_t microseconds);

// An order for a new VM, as intake decides it.
Admitted order(std::string_view service_id, std::string_view request_id);
// A request on the row as it is.
Admitted request(const Vm& vm, std::string_view request_id, Admission admission);

AdmitResult admit_one(Store& store, const Admitted& admitted);
Saved save_one(Store& store, const Change& change);
std::optional<Vm> load_one(Store& store, std::string_view service_id);
// Ordered and loaded.
Vm begun(Store& store, std::string_view service_id);

// An answer that takes the VM to `state`.
Change step_to(const Vm& vm, std::string_view state);
// An answer after which it rests in `state`.
Change rest_in(const Vm& vm, std::string_view state);
// An answer that leaves it where it is, for the second time and on.
Change again(const Vm& vm);
// An answer that leaves it where it is and asks for slots, at that moment; next at 90 s.
Change asking(const Vm& vm, std::vector<SlotClaim> claims, std::int64_t when = 2'000'000);
// The same for addresses, and for a number.
Change claiming(const Vm& vm, std::vector<AddressClaim> addresses);
Change claiming(const Vm& vm, NumberClaim number);
// What a pool may give: pool("a", {"10.0.0.1-10.0.0.9"}).
PoolRanges pool(std::string_view name, std::initializer_list<std::string_view> ranges);
// An answer that takes it to `state` and frees its slots.
Change leaving(const Vm& vm, std::string_view state);
// The beginning of the queued request.
Change start(const Vm& vm, std::string_view request_id);

// Saves and gives back the row as it is now.
Vm saved(Store& store, const Change& change);

// What a VM is: "client=7 vmid=2005 name=a"; what it has not is left out.
std::string what_it_is(const Vm& vm);
// What it holds: "number 2005, 10.0.0.1 (a), slot clone pve1/local".
std::string holds(Store& store, std::string_view service_id);

// Everything there is about one VM, as text.
std::string whole(Store& store, std::string_view service_id);

// What became of a request: "unknown", or its status and why.
std::string status_of(Store& store, const std::string& id);

}  // namespace slipway
