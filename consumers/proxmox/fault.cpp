#include "consumers/proxmox/fault.h"

#include <fmt/format.h>

#include <algorithm>

#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t text_most = 2'000;
constexpr std::size_t fields_most = 50;

struct Sentence {
    std::string_view begin;  // as it begins, or
    std::string_view contains;
    Fault means;
};

// The first that fits counts.
// clang-format off
constexpr Sentence sentences[] = {
    // The worker was forked before this lock was missed: it runs.
    {"", ".active.lock",                              Fault::Unknown},
    {"", "got no worker upid",                        Fault::Unknown},
    {"starting worker failed", "",                    Fault::Unknown},

    {"cluster not ready - no quorum", "",             Fault::NotExecuted},
    {"", "error: no quorum!",                         Fault::NotExecuted},

    {"", "is locked (",                               Fault::Locked},
    {"", "can't lock file ",                          Fault::Locked},
    {"", "got lock request timeout",                  Fault::Locked},
    {"", "-locked command timed out",                 Fault::Locked},
    {"Failed to obtain guest migration lock", "",     Fault::Locked},

    {"Configuration file '", "' does not exist",      Fault::Gone},
    {"unable to find configuration file for ", "",    Fault::Gone},
    {"snapshot '", "' does not exist",                Fault::Gone},
    {"volume '", "' does not exist",                  Fault::Gone},
    {"disk image '", "' does not exist",              Fault::Gone},
    {"no such task", "",                              Fault::Gone},
    {"no such IPSet ", "",                            Fault::Gone},
    {"no such alias ", "",                            Fault::Gone},
    {"no rule at position ", "",                      Fault::Gone},

    // Ends of tasks that leave open what was done: killed, stopped, or half moved.
    {"unexpected status", "",                         Fault::Unknown},
    {"unable to get last line from task log", "",     Fault::Unknown},
    {"migration problems", "",                        Fault::Unknown},
    {"", "interrupted by signal",                     Fault::Unknown},
    {"", "received interrupt",                        Fault::Unknown},

    // Somebody gave up waiting for what may go on without him.
    {"", "got timeout",                               Fault::Unknown},
    {"", "command timed out",                         Fault::Unknown},
};
// clang-format on

std::string one_line(std::string_view text) {
    std::string line = clean_text(text.substr(0, text_most));
    std::replace(line.begin(), line.end(), '\n', ' ');
    while (line.ends_with(' ') || line.ends_with('\r')) line.pop_back();
    return line;
}

// Neither an object nor readable: null. Most errors that arise before the API are not JSON.
JsonValue json_of(const std::string& body) {
    try {
        JsonValue json = JsonValue::parse(body);
        return json.is_object() ? json : JsonValue();
    } catch (const JsonValue::exception&) {
        return {};
    }
}

std::vector<FieldError> field_errors(const JsonValue& body) {
    std::vector<FieldError> fields;
    const auto errors = body.find("errors");
    if (errors == body.end() || !errors->is_object()) return fields;
    for (const auto& [field, error] : errors->items()) {
        if (fields.size() == fields_most) break;
        fields.push_back({one_line(field), one_line(text_of(error).value_or("is wrong"))});
    }
    return fields;
}

std::string message_of(const HttpAnswer& answer, const JsonValue& body) {
    // The reason has the first line only, and is all that releases before 8.3 say.
    if (auto message = text_at(body, "message")) return one_line(*message);
    return one_line(answer.reason);
}

Fault fault_of_400(const std::vector<FieldError>& fields) {
    const auto gone = [](const FieldError& error) { return error.text == "no such task"; };
    return std::any_of(fields.begin(), fields.end(), gone) ? Fault::Gone : Fault::WrongParameter;
}

Fault fault_of(int status, std::string_view text, const std::vector<FieldError>& fields) {
    switch (status) {
        case 400:
            return fault_of_400(fields);
        case 401:
        case 403:
            return Fault::Forbidden;
        case 429:  // of a front proxy: Proxmox has no such thing
        case 595:  // a node could not reach the other: nothing was sent there
            return Fault::NotExecuted;
        case 500:
            return fault_of_text(text);
        case 502:  // of a front proxy
        case 503:
        case 504:
            return Fault::Unknown;
        default:
            // 596, 597, 599: the other node had the request, or may have had it.
            return status > 506 ? Fault::Unknown : Fault::Refused;
    }
}

std::string shown(const ProxmoxError::Parts& parts) {
    std::string out = parts.request + ":";
    if (parts.status != 0) out += fmt::format(" {}", parts.status);
    if (parts.fields.empty()) return out + " " + parts.text;
    std::string_view between = " ";
    for (const FieldError& error : parts.fields) {
        out += fmt::format("{}{}: {}", between, error.field, error.text);
        between = "; ";
    }
    return out;
}

}  // namespace

std::string_view fault_name(Fault fault) {
    switch (fault) {
        case Fault::NotExecuted:
            return "not executed";
        case Fault::Unknown:
            return "unknown";
        case Fault::Locked:
            return "locked";
        case Fault::Gone:
            return "gone";
        case Fault::Refused:
            return "refused";
        case Fault::Forbidden:
            return "forbidden";
        case Fault::WrongParameter:
            return "wrong parameter";
    }
    return "";
}

ProxmoxError::ProxmoxError(Parts parts)
    : Error(shown(parts)),
      fault(parts.fault),
      status(parts.status),
      text(std::move(parts.text)),
      fields(std::move(parts.fields)) {}

Fault fault_of_text(std::string_view text) {
    for (const Sentence& sentence : sentences)
        if (text.starts_with(sentence.begin) &&
            text.find(sentence.contains) != std::string_view::npos)
            return sentence.means;
    return Fault::Refused;
}

PveAnswer read_answer(const HttpAnswer& answer, std::string_view request) {
    const JsonValue body = json_of(answer.body);
    if (answer.status >= 200 && answer.status < 300) {
        const auto data = body.find("data");
        if (data != body.end()) return {.data = *data, .total = whole_at(body, "total")};
        throw ProxmoxError({.fault = Fault::Unknown,
                            .request = std::string(request),
                            .status = answer.status,
                            .text = "the answer is not Proxmox's JSON; is this address its API?"});
    }
    const std::vector<FieldError> fields = field_errors(body);
    const std::string text = message_of(answer, body);
    throw ProxmoxError({.fault = fault_of(answer.status, text, fields),
                        .request = std::string(request),
                        .status = answer.status,
                        .text = text,
                        .fields = fields});
}

}  // namespace slipway
