#pragma once
// What was decided for a VM and what was done to it, beside the columns of its row: kept there as
// JSON, read and written as this.

#include <string>

#include "schema/vm.h"

namespace slipway {

struct Applied {
    std::string mark = {};        // the owner mark that its machine carries
    std::string moves_to = {};    // the node chosen for it; "-" if it stays where it is
    std::string move_note = {};   // why
    std::string added_disk = {};  // the drive chosen for the additional disk: scsi1
    int start_looks = 0;          // since the last start
};

Applied applied_of(const Vm& vm);
void set_applied(Vm& vm, const Applied& applied);

}  // namespace slipway
