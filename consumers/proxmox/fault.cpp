#include "consumers/proxmox/fault.h"

#include <fmt/format.h>

#include <algorithm>

#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t text_most = 2'000;
constexpr std::size_t fields_most = 50;
constexpr int depth_most = 64;

struct Sentence {
    std::string_view begin;  // as it begins, or
    std::string_view contains;
    Fault means;
    About about = About::Anything;  // of no other call does it mean that
};

// The first that fits counts.
// clang-format off
constexpr Sentence sentences[] = {
    // The worker was released before the list of active tasks could not be locked or written (a
    // full disk): it runs.
    {"", "/var/log/pve/tasks/",                       Fault::Unknown},
    {"", "got no worker upid",                        Fault::Unknown},
    {"starting worker failed", "",                    Fault::Unknown},

    {"cluster not ready - no quorum", "",             Fault::NotExecuted},
    {"", "error: no quorum!",                         Fault::NotExecuted},
    // Without quorum /etc/pve cannot be written. Disks may have been made before that was seen.
    {"unable to open file '/etc/pve/", "' - Permission denied", Fault::Unknown},

    {"", "is locked (",                               Fault::Locked},
    {"", "can't lock file ",                          Fault::Locked},
    {"", "got lock request timeout",                  Fault::Locked},
    {"", "-locked command timed out",                 Fault::Locked},
    {"Failed to obtain guest migration lock", "",     Fault::Locked},

    {"Configuration file '", "' does not exist",      Fault::Gone},
    {"unable to find configuration file for ", "",    Fault::Gone},
    {"snapshot '", "' does not exist",                Fault::Gone},
    {"volume '", "' does not exist",                  Fault::Gone, About::Volume},
    {"disk image '", "' does not exist",              Fault::Gone, About::Volume},
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
// What is deeper than anything of Proxmox's is not read either: a value is copied and written by
// functions that call themselves, and a thread's stack is soon used up.
JsonValue json_of(const std::string& body) {
    const auto within_depth = [](int depth, JsonValue::parse_event_t, const JsonValue&) {
        if (depth > depth_most) throw Error("deeper than anything of Proxmox's");
        return true;
    };
    try {
        JsonValue json = JsonValue::parse(body, within_depth);
        return json.is_object() ? std::move(json) : JsonValue();
    } catch (const JsonValue::exception&) {
        return {};
    } catch (const Error&) {
        return {};
    }
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + 3))
            text.replace(at, secret.size(), "***");
    }
    return text;
}

// Secrets go first: a text that was cleaned or cut may hold most of one and not be equal to it.
std::string shown_of(std::string text, const std::vector<std::string>& secrets) {
    return one_line(without(std::move(text), secrets));
}

std::vector<FieldError> field_errors(const JsonValue& body,
                                     const std::vector<std::string>& secrets) {
    std::vector<FieldError> fields;
    const auto errors = body.find("errors");
    if (errors == body.end() || !errors->is_object()) return fields;
    for (const auto& [field, error] : errors->items()) {
        if (fields.size() == fields_most) break;
        fields.push_back({.field = one_line(field),
                          .text = shown_of(text_of(error).value_or("is wrong"), secrets)});
    }
    return fields;
}

// The reason has the first line only, and is all that releases before 8.3 say.
std::string message_of(const HttpAnswer& answer, const JsonValue& body) {
    return text_at(body, "message").value_or(answer.reason);
}

Fault fault_of_400(const std::vector<FieldError>& fields) {
    const auto gone = [](const FieldError& error) { return error.text == "no such task"; };
    return std::any_of(fields.begin(), fields.end(), gone) ? Fault::Gone : Fault::WrongParameter;
}

// A call for a volume itself. For any other the volume is an argument.
About about_of(std::string_view request) {
    return request.find("/content/") != std::string_view::npos ? About::Volume : About::Anything;
}

Fault fault_of(int status, std::string_view text, About about) {
    switch (status) {
        case 401:
        case 403:
            return Fault::Forbidden;
        case 429:  // of a front proxy: Proxmox has no such thing
        case 595:  // a node could not reach the other: nothing was sent there
            return Fault::NotExecuted;
        case 500:
            return fault_of_text(text, about);
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

Fault fault_of_text(std::string_view text, About about) {
    for (const Sentence& sentence : sentences)
        if ((sentence.about == About::Anything || sentence.about == about) &&
            text.starts_with(sentence.begin) &&
            text.find(sentence.contains) != std::string_view::npos)
            return sentence.means;
    return Fault::Refused;
}

PveAnswer read_answer(const HttpAnswer& answer,
                      std::string_view request,
                      const std::vector<std::string>& secrets) {
    JsonValue body = json_of(answer.body);
    if (answer.status >= 200 && answer.status < 300) {
        const auto data = body.find("data");
        if (data != body.end()) return {.data = std::move(*data), .total = whole_at(body, "total")};
        throw ProxmoxError({.fault = Fault::Unknown,
                            .request = std::string(request),
                            .status = answer.status,
                            .text = "the answer is not Proxmox's JSON; is this address its API?"});
    }
    const std::string message = message_of(answer, body);
    const std::vector<FieldError> fields = field_errors(body, secrets);
    throw ProxmoxError(
        {.fault = answer.status == 400
                      ? fault_of_400(fields)
                      : fault_of(answer.status, one_line(message), about_of(request)),
         .request = std::string(request),
         .status = answer.status,
         .text = shown_of(message, secrets),
         .fields = fields});
}

}  // namespace slipway
