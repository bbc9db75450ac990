#pragma once
// Checking what a caller sent against the table, with Proxmox's words for what is wrong.

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ops/sandbox/api.h"

namespace slipway::sandbox {

using Properties = std::map<std::string, std::string>;

// The parameters of one call, checked. What came more than once is separated by NUL.
class Params {
  public:
    Params() = default;
    explicit Params(Properties values) : values_(std::move(values)) {}

    bool has(const std::string& name) const { return values_.contains(name); }
    std::string text(const std::string& name, const std::string& otherwise = "") const;
    // Without what is behind the point. Throws Refused for what cannot be kept.
    std::int64_t number(const std::string& name, std::int64_t otherwise = 0) const;
    // No longer than the sandbox could ever wait.
    std::chrono::seconds time(const std::string& name, std::chrono::seconds otherwise) const;
    bool flag(const std::string& name, bool otherwise = false) const;
    std::vector<std::string> list(const std::string& name) const;

    std::string take(const std::string& name);  // and forget it
    const Properties& all() const { return values_; }

  private:
    Properties values_;
};

// A value that is not what its format says; what() is Proxmox's sentence about it.
struct BadFormat : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Throws Refused (400) naming every field that is wrong. `given` is an object of JSON values; what
// came from a form or a query is text or an array of texts.
Params checked(const Endpoint& endpoint, const Json& given);

// `virtio=AA:…,bridge=vmbr0` as its parts. Throws BadFormat; `path` is how it names them.
Properties parse_properties(const std::map<std::string, Schema>& parts,
                            const std::string& text,
                            const std::string& path);

// The parts of a format that has a name, null if it is not a property string.
const std::map<std::string, Schema>* named_parts(const std::string& format);

// Throws BadFormat. Unknown formats let everything pass.
void check_format(const std::string& format, const std::string& value, const std::string& path);

std::vector<std::string> split_list(const std::string& text);  // on , ; space and NUL

// Nothing for a text that is no number, and for a number too large to be kept.
std::optional<std::int64_t> whole_number(const std::string& text);
std::optional<double> number_in(const std::string& text);

// A text as JSON: a number where the table says that the parameter is one.
Json typed(const Endpoint& endpoint, const std::string& name, const std::string& value);

// A JSON value as a text; a structure by its Perl name, which is as much as a message needs.
std::string text_of(const Json& value);

}  // namespace slipway::sandbox
