#pragma once
// The outside world of a rehearsal: a list of the effects that its steps had.
//
// A rehearsal touches no Proxmox, yet a proof that no step was lost needs effects that outlive the
// process which had them. FileLedger appends a line per effect to a file that any number of
// processes share; the stories have one in memory, with faults around it.

#include <string>
#include <string_view>

#include "schema/vm.h"

namespace slipway {

class Ledger {
  public:
    virtual ~Ledger() = default;
    virtual void write(const Vm& vm, std::string_view state) = 0;
};

// Keeps nothing: what a rehearsal uses unless it is told to keep a ledger.
class NoLedger final : public Ledger {
  public:
    void write(const Vm&, std::string_view) override {}
};

class FileLedger final : public Ledger {
  public:
    explicit FileLedger(const std::string& path);
    ~FileLedger() override;
    FileLedger(const FileLedger&) = delete;
    FileLedger& operator=(const FileLedger&) = delete;

    // One line, "service run state", in one write(2): whole lines only, whoever else appends.
    void write(const Vm& vm, std::string_view state) override;

  private:
    int file_;
};

}  // namespace slipway
