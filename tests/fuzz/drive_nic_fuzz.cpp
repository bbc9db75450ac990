// Any text as a drive and as a network interface: what is read prints to a text that reads the
// same, a change is found again, and only our own error is ever thrown.

#include "consumers/proxmox/drive.h"
#include "consumers/proxmox/nic.h"
#include "tests/fuzz/property.h"

namespace slipway {
namespace {

void check_drive(std::string_view text) {
    try {
        const Drive drive = parse_drive(text);
        must(!drive.volume.empty(), "a drive has a volume", text);
        const std::string printed = print_drive(drive);
        must(parse_drive(printed) == drive, "what is printed reads the same", printed);
        Drive limited = drive;
        set_throttle(limited, {.iops_read = 7, .mib_write = 1.5});
        const Drive again = parse_drive(print_drive(limited));
        must(throttle_of(again) == Throttle{.iops_read = 7, .mib_write = 1.5}, "limits stay", text);
        must(again.volume == drive.volume, "the volume stays", printed);
        if (const auto bytes = drive.size_bytes())
            must(*bytes >= 0, "sizes are none below 0", text);
    } catch (const Error&) {
        // refused, with a reason
    }
}

void check_nic(std::string_view text) {
    try {
        const Nic nic = parse_nic(text);
        const std::string printed = print_nic(nic);
        must(parse_nic(printed) == nic, "what is printed reads the same", printed);
        Nic changed = nic;
        set_property(changed.options, "rate", "12.5");
        const Nic again = parse_nic(print_nic(changed));
        must(again.option("rate") == "12.5", "the rate is there", printed);
        must(again.mac == nic.mac && again.model == nic.model, "MAC and model stay", printed);
    } catch (const Error&) {
        // refused, with a reason
    }
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text = slipway::as_text(bytes, size);
    slipway::check_drive(text);
    slipway::check_nic(text);
    slipway::parse_size(text);
    return 0;
}
