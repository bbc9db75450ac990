#pragma once
// A regular expression of ECMAScript. Only its own file includes <regex>, which takes a compiler
// longer than anything else in here.

#include <memory>
#include <string>

namespace slipway::sandbox {

class Pattern {
  public:
    explicit Pattern(const std::string& text, bool any_case = false);

    // The whole text. std::regex calls itself for every character: what is too long for its stack
    // does not match.
    bool matches(const std::string& text) const;
    // A part in brackets, counted from 1, of the first place that it fits; empty if there is none.
    std::string part_in(const std::string& text, std::size_t part) const;

  private:
    struct Compiled;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace slipway::sandbox
