#pragma once
// Every call of Proxmox's API that we make: method, path, and the parameters that we may send, with
// their types. What is not in the table cannot be sent, so the table can be checked against
// Proxmox's own description of its API, and it is.

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway {

// A parameter is a name and a type: "newid:int full:bool name". No type means text. `secret` is a
// text that no error may show. net[n] stands for net0, net1 and so on.
struct PveCall {
    std::string_view name;
    std::string_view method;
    std::string_view path;
    std::string_view parameters = {};
    bool ticket_only = false;  // what a token may not do
};

std::span<const PveCall> pve_calls();

class ArgumentValue {
  public:
    ArgumentValue(std::string_view text) : value_(std::string(text)) {}
    ArgumentValue(const std::string& text) : value_(text) {}
    ArgumentValue(const char* text) : value_(std::string(text)) {}
    ArgumentValue(bool flag) : value_(flag) {}
    template <std::integral Integer>
    ArgumentValue(Integer number) : value_(static_cast<std::int64_t>(number)) {}
    ArgumentValue(double number) : value_(number) {}
    // Empty: not sent.
    template <typename Value>
    ArgumentValue(const std::optional<Value>& value) {
        if (value) *this = ArgumentValue(*value);
    }

    const auto& value() const { return value_; }

  private:
    std::variant<std::monostate, std::string, bool, std::int64_t, double> value_;
};

struct Argument {
    std::string name;
    ArgumentValue value;
};

// A call as it goes out.
struct PreparedCall {
    const PveCall* call = nullptr;
    std::string shown;                 // "POST /nodes/pve1/qemu/100/clone": for errors and the log
    std::string target;                // "/api2/json/nodes/…", with the query of a GET or DELETE
    std::string form;                  // the body of a POST or PUT
    std::vector<std::string> secrets;  // to be hidden in whatever comes back

    bool changes_something() const { return call->method != "GET"; }
};

// Path variables and parameters alike are given by name. check()s that the table knows all of them
// and that none of the path's is missing. A truth goes out as 1 or 0: Proxmox refuses "true".
PreparedCall prepare(const PveCall& call, const std::vector<Argument>& arguments);

// The row of that name: what is misspelled does not compile.
consteval const PveCall& call_named(std::string_view name);

}  // namespace slipway

#include "consumers/proxmox/calls_table.h"  // IWYU pragma: export
