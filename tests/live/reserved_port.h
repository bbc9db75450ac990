#pragma once
// A loopback TCP port that stays ours while the server behind it is stopped and started again.

#include <cstdint>
#include <string>

namespace slipway {

class ReservedPort {
  public:
    // Takes a free port below the range from which the kernel numbers outgoing connections (one of
    // those would else sit on it while our server is down). Other tests are kept away from it by an
    // abstract Unix socket of that name, which the kernel forgets when this process ends.
    ReservedPort();
    ~ReservedPort();
    ReservedPort(const ReservedPort&) = delete;
    ReservedPort& operator=(const ReservedPort&) = delete;

    std::uint16_t number() const { return number_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(number_); }

  private:
    std::uint16_t number_ = 0;
    int mark_ = -1;
};

}  // namespace slipway
