#include "consumers/proxmox/upid.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t text_most = 1'024;
constexpr std::string_view looks_like =
    "a UPID looks like UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:";

[[noreturn]] void wrong(std::string_view text, std::string_view what) {
    throw Error(fmt::format(
        "\"{}\" is no UPID: {}; {}", clean_text(text.substr(0, 200)), what, looks_like));
}

bool is_hex(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    });
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool has_space_or_slash(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return c == '/' || static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    });
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t colon = text.find(':');
        parts.push_back(text.substr(0, colon));
        if (colon == std::string_view::npos) return parts;
        text.remove_prefix(colon + 1);
    }
}

std::uint64_t hex(std::string_view digits) {
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
}

// What is most likely meant by something that has not the nine parts of a UPID.
std::string_view what_is_missing(std::string_view text,
                                 const std::vector<std::string_view>& parts) {
    if (text.find("%3A") != std::string_view::npos || text.find("%3a") != std::string_view::npos)
        return "it is percent-encoded; give it with its colons";
    if (parts[0] != "UPID") return "it does not begin with \"UPID:\"";
    // Guides show such: node, pid, starttime, type. Proxmox has never written one.
    if (parts.size() == 8 && parts[7].empty() && is_hex(parts[2]) && is_hex(parts[3]) &&
        !(parts[4].size() == 8 && is_hex(parts[4])))
        return "it has no pstart (the process's start, between pid and starttime)";
    if (parts.size() == 8 && !parts[7].empty()) return "it does not end with a colon";
    return "it has not its eight parts";
}

}  // namespace

bool is_node(std::string_view text) {
    return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
           std::all_of(
               text.begin(), text.end(), [](char c) { return c == '-' || is_letter_or_digit(c); });
}

Upid parse_upid(std::string_view text) {
    if (text.size() > text_most) wrong(text, "it is longer than 1,024 bytes");
    if (clean_text(text) != text) wrong(text, "it is not valid UTF-8");
    const std::vector<std::string_view> parts = split(text);
    if (parts.size() != 9 || parts[0] != "UPID") wrong(text, what_is_missing(text, parts));
    const auto [node, pid, pstart, starttime] = std::tie(parts[1], parts[2], parts[3], parts[4]);
    const auto [type, id, user] = std::tie(parts[5], parts[6], parts[7]);
    if (!is_node(node)) wrong(text, "its node is not a node's name");
    if (pid.size() != 8 || !is_hex(pid)) wrong(text, "its pid has not 8 hex digits");
    if ((pstart.size() != 8 && pstart.size() != 9) || !is_hex(pstart))
        wrong(text, "its pstart has neither 8 nor 9 hex digits");
    if (starttime.size() != 8 || !is_hex(starttime))
        wrong(text, "its starttime has not 8 hex digits");
    if (type.empty() || has_space_or_slash(type)) wrong(text, "its type is not a word");
    if (has_space_or_slash(id)) wrong(text, "its id holds a space or a slash");
    if (user.empty() || has_space_or_slash(user)) wrong(text, "its user is not a user's name");
    if (user.find('@') == std::string_view::npos) wrong(text, "its user has no realm (user@realm)");
    if (!parts[8].empty()) wrong(text, "something follows its last colon");
    return {.text = std::string(text),
            .node = std::string(node),
            .pid = static_cast<std::uint32_t>(hex(pid)),
            .pstart = hex(pstart),
            .started = Time(std::chrono::seconds(hex(starttime))),
            .type = std::string(type),
            .id = std::string(id),
            .user = std::string(user)};
}

}  // namespace slipway
