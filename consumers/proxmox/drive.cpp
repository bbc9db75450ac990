#include "consumers/proxmox/drive.h"

#include <fmt/format.h>

#include <cmath>

#include "consumers/proxmox/json.h"

namespace slipway {
namespace {

constexpr std::string_view kinds_of_limit[] = {"iops", "mbps", "bps"};

bool is_limit(std::string_view key) {
    for (const std::string_view kind : kinds_of_limit)
        if (key == kind || key.starts_with(std::string(kind) + "_")) return true;
    return false;
}

double number_or_zero(const Drive& drive, std::string_view key) {
    const std::string* text = find_property(drive.options, key);
    return text != nullptr ? number_in(*text).value_or(0) : 0;
}

std::int64_t whole_or_zero(const Drive& drive, std::string_view key) {
    const std::string* text = find_property(drive.options, key);
    return text != nullptr ? whole_in(*text).value_or(0) : 0;
}

void set_limit(Drive& drive, std::string_view key, double value) {
    if (!std::isfinite(value) || value < 0 || value > 1e9 || (value > 0 && value < 0.001))
        throw Error(fmt::format(
            "a drive's limit {} is {}; it may be 0 (none), or 0.001 to 1e9", key, value));
    if (value > 0) set_property(drive.options, key, fmt::format("{}", value));
}

}  // namespace

std::string Drive::storage() const {
    const std::size_t colon = volume.find(':');
    return colon == std::string::npos ? std::string() : volume.substr(0, colon);
}

bool Drive::is_cdrom() const {
    const std::string* media = find_property(options, "media");
    return volume == "none" || volume == "cdrom" || (media != nullptr && *media == "cdrom");
}

std::optional<std::int64_t> Drive::size_bytes() const {
    const std::string* size = find_property(options, "size");
    return size != nullptr ? parse_size(*size) : std::nullopt;
}

Drive parse_drive(std::string_view text) {
    std::vector<Property> properties = parse_properties(text, "file");
    const std::string* file = find_property(properties, "file");
    if (file == nullptr || file->empty())
        throw Error(fmt::format("\"{}\" is no drive: it names no volume", text.substr(0, 200)));
    Drive drive{.volume = *file};
    erase_property(properties, "file");
    drive.options = std::move(properties);
    return drive;
}

std::string print_drive(const Drive& drive) {
    // A volume with an equals sign could be taken for a key.
    const bool odd = drive.volume.find('=') != std::string::npos;
    const std::string volume = print_properties({{.key = "file", .value = drive.volume}});
    const std::string options = print_properties(drive.options);
    return (odd ? volume : drive.volume) + (options.empty() ? "" : "," + options);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
    double unit = 1;
    const std::size_t letter = std::string_view("KMGT").find(text.empty() ? '\0' : text.back());
    if (letter != std::string_view::npos) {
        unit = std::pow(1024.0, static_cast<double>(letter + 1));
        text.remove_suffix(1);
    }
    if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    const auto number = number_in(text);
    if (!number || *number * unit > 1e18) return std::nullopt;
    return static_cast<std::int64_t>(*number * unit);
}

Throttle throttle_of(const Drive& drive) {
    return {.iops_read = whole_or_zero(drive, "iops_rd"),
            .iops_write = whole_or_zero(drive, "iops_wr"),
            .mib_read = number_or_zero(drive, "mbps_rd"),
            .mib_write = number_or_zero(drive, "mbps_wr")};
}

void set_throttle(Drive& drive, const Throttle& throttle) {
    std::erase_if(drive.options, [](const Property& one) { return is_limit(one.key); });
    set_limit(drive, "iops_rd", static_cast<double>(throttle.iops_read));
    set_limit(drive, "iops_wr", static_cast<double>(throttle.iops_write));
    set_limit(drive, "mbps_rd", throttle.mib_read);
    set_limit(drive, "mbps_wr", throttle.mib_write);
}

}  // namespace slipway
