#pragma once
// What Proxmox's answers mean: read once, here, so that no step ever compares error texts.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/http/http.h"
#include "consumers/proxmox/json.h"
#include "consumers/runtime/error.h"

namespace slipway {

enum class Fault {
    NotExecuted,     // nothing ran, and the cause is not in the request: try again later
    Unknown,         // it may run or have run: look at the tasks and the thing, never send it again
    Locked,          // somebody else is at it: look, then try again
    Gone,            // the thing itself is not there, or not on this node
    Refused,         // a rule of Proxmox's; the same request will be refused again
    Forbidden,       // credentials or permissions
    WrongParameter,  // see `fields`
};

// "not executed", "unknown", … as people and programs read it.
std::string_view fault_name(Fault fault);

struct FieldError {
    std::string field;
    std::string text;

    bool operator==(const FieldError&) const = default;
};

struct ProxmoxError : Error {
    struct Parts {
        Fault fault = Fault::Unknown;
        std::string request = {};  // "POST /nodes/pve1/qemu/100/clone"
        int status = 0;            // 0: there was no answer
        std::string text = {};     // what Proxmox says, or why there is no answer
        std::vector<FieldError> fields = {};
    };
    explicit ProxmoxError(Parts parts);

    Fault fault;
    int status;
    std::string text;
    std::vector<FieldError> fields;
};

// What was asked for, where the same sentence means two things: a volume that is not there is gone
// for whoever deletes it, and for a machine that should have it a mistake.
enum class About { Anything, Volume };

// What a sentence of Proxmox's means, in a 500 or at the end of a task: the same checks run in both
// places. Refused if it is no sentence that we know.
Fault fault_of_text(std::string_view text, About about = About::Anything);

struct PveAnswer {
    JsonValue data;
    std::optional<std::int64_t> total = {};  // of a list that comes in pages; absent if it is empty
};

// Throws ProxmoxError, and nothing else, if the answer is not a good one. `request` is what the
// error calls it, method and path; none of the `secrets` is in what it says.
PveAnswer read_answer(const HttpAnswer& answer,
                      std::string_view request,
                      const std::vector<std::string>& secrets = {});

}  // namespace slipway
