// Any text as the name of a task: taken if, and only if, it fits the pattern that Proxmox itself
// goes by (its own user always has a realm), and what was taken is all there.

#include <fmt/format.h>

#include <regex>

#include "consumers/proxmox/upid.h"
#include "tests/fuzz/property.h"
#include "topics/event.h"

namespace slipway {
namespace {

bool fits_proxmox_pattern(const std::string& text) {
    static const std::regex pattern(
        "UPID:([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:"
        "[0-9A-Fa-f]{8}:[^:/\\x01-\\x20\\x7f]+:[^:/\\x01-\\x20\\x7f]*:"
        "[^:@/\\x01-\\x20\\x7f]*@[^:/\\x01-\\x20\\x7f]*:");
    const bool valid = text.find('\0') == std::string::npos && clean_text(text) == text;
    return valid && text.size() <= 1'024 && std::regex_match(text, pattern);
}

void check_upid(const std::string& text) {
    try {
        const Upid upid = parse_upid(text);
        must(fits_proxmox_pattern(text), "what does not fit is refused", text);
        must(upid.text == text, "the text stays as it is", upid.text);
        const std::string end = fmt::format(":{}:{}:{}:", upid.type, upid.id, upid.user);
        must(text.ends_with(end), "type, id and user are the last parts", end);
        must(text.starts_with("UPID:" + upid.node + ":"), "the node is the first", upid.node);
        const auto seconds = upid.started.time_since_epoch().count() / 1'000'000;
        must(seconds >= 0 && seconds <= 0xFFFF'FFFF, "the time is one of 32 bits", text);
    } catch (const Error& error) {
        must(!fits_proxmox_pattern(text), "what fits is taken", text);
        must(clean_text(error.what()) == error.what(), "the reason can be shown", error.what());
    }
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    slipway::check_upid(std::string(slipway::as_text(bytes, size)));
    return 0;
}
