#include "consumers/runtime/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "consumers/runtime/error.h"

namespace slipway {

FileLedger::FileLedger(const std::string& path)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (file_ < 0)
        throw Error(fmt::format(
            "rehearsal.ledger: cannot open {}: {}", path, std::generic_category().message(errno)));
}

FileLedger::~FileLedger() {
    ::close(file_);
}

void FileLedger::write(const Vm& vm, std::string_view state) {
    const std::string line = fmt::format("{} {} {}\n", vm.service_id, vm.run, state);
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw Error(fmt::format("rehearsal.ledger: cannot write: {}",
                                std::generic_category().message(errno)));
}

}  // namespace slipway
