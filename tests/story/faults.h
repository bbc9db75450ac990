#pragma once
// Faults around everything a process does to the world outside itself.
//
// Each wrapper says what it is about to do and what it has done; one function, set by the story,
// hears of it and may throw: Crash (the process is gone at this very instruction), or an exception
// of the kind the real thing throws. It may as well let another process run in the middle of the
// call: all the concurrency worth simulating, in one thread.

#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

namespace slipway {

// Not a std::exception, so that no catch of the production code can swallow it.
struct Crash {};

enum class Moment { Before, After };

struct Call {
    std::string_view what;  // "store.save", "ledger.write", "bus.publish", "clock.now", …
    Moment moment = Moment::Before;
    int process = 0;
};

class Faults {
  public:
    using OnCall = std::function<void(const Call&)>;

    void set(OnCall on_call) { on_call_ = std::move(on_call); }
    void clear() { on_call_ = {}; }

    // What other processes do in the middle of a call is not heard of.
    void reach(const Call& call) {
        if (!on_call_ || inside_) return;
        const Inside inside(inside_);
        on_call_(call);
    }

    // Every method of a wrapper goes through here.
    template <typename Effect>
    auto around(std::string_view what, int process, Effect effect) {
        reach({what, Moment::Before, process});
        if constexpr (std::is_void_v<decltype(effect())>) {
            effect();
            reach({what, Moment::After, process});
        } else {
            auto result = effect();
            reach({what, Moment::After, process});
            return result;
        }
    }

  private:
    struct Inside {
        explicit Inside(bool& flag) : inside(flag) { inside = true; }
        ~Inside() { inside = false; }
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;
        bool& inside;
    };

    OnCall on_call_;
    bool inside_ = false;
};

}  // namespace slipway
