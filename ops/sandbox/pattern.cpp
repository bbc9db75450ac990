#include "ops/sandbox/pattern.h"

#include <regex>

namespace slipway::sandbox {
namespace {

constexpr std::size_t longest_matched = 4096;

std::regex compiled(const std::string& text, bool any_case) {
    auto flags = std::regex::ECMAScript | std::regex::optimize;
    if (any_case) flags |= std::regex::icase;
    return std::regex(text, flags);
}

}  // namespace

struct Pattern::Compiled {
    std::regex regex;
};

Pattern::Pattern(const std::string& text, bool any_case)
    : compiled_(std::make_shared<const Compiled>(Compiled{compiled(text, any_case)})) {}

bool Pattern::matches(const std::string& text) const {
    return text.size() <= longest_matched && std::regex_match(text, compiled_->regex);
}

std::string Pattern::part_in(const std::string& text, std::size_t part) const {
    std::smatch match;
    return std::regex_search(text, match, compiled_->regex) ? match[part].str() : "";
}

}  // namespace slipway::sandbox
