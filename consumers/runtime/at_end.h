#pragma once
// What must be done at the end of a scope, however it ends.

#include <utility>

namespace slipway {

template <typename Act>
class [[nodiscard]] AtEnd final {
  public:
    explicit AtEnd(Act act) : act_(std::move(act)) {}
    ~AtEnd() { act_(); }
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;

  private:
    Act act_;
};

}  // namespace slipway
