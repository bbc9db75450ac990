#include "ops/slipway/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t width = 30;
constexpr auto before_first = 1s;
constexpr auto between_frames = 100ms;
constexpr auto between_lines = 10s;

}  // namespace

std::string progress_text(const std::string& what, std::int64_t done, std::int64_t total) {
    const std::int64_t share = total > 0 ? std::clamp<std::int64_t>(done * 100 / total, 0, 100) : 0;
    const auto filled = static_cast<std::size_t>(share * width / 100);
    return fmt::format("{}  [{}{}] {:>3} %  {} of {}",
                       what,
                       std::string(filled, '#'),
                       std::string(static_cast<std::size_t>(width) - filled, '-'),
                       share,
                       done,
                       total);
}

ProgressBar::ProgressBar(const Clock& clock, std::string what, std::FILE* out)
    : clock_(clock),
      what_(std::move(what)),
      out_(out),
      terminal_(isatty(fileno(out)) == 1),
      began_(clock.since_boot()) {}

// The bar leaves its line, so that what is printed next does not stand on it.
ProgressBar::~ProgressBar() {
    if (!terminal_ || !drew_) return;
    std::fputs("\r\033[K", out_);
    std::fflush(out_);
}

void ProgressBar::at(std::int64_t done, std::int64_t total) {
    const std::chrono::nanoseconds now = clock_.since_boot();
    if (now - began_ < before_first) return;
    const std::chrono::nanoseconds pause = terminal_ ? between_frames : between_lines;
    if (drew_ && now - drawn_ < pause) return;
    drew_ = true;
    drawn_ = now;
    const std::string text = progress_text(what_, done, total);
    fmt::print(out_, fmt::runtime(terminal_ ? "\r\033[K{}" : "{}\n"), text);
    std::fflush(out_);
}

}  // namespace slipway
