#pragma once
// The Http seam: one blocking call, one timeout, and a failure that says whether it was sent.
//
// Implemented by NetHttp (net_http.h) on real sockets, and by the simulated servers of the stories.
// Every API client stands on it and on nothing else.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/runtime/error.h"

namespace slipway {

struct HttpHeader {
    std::string name;
    std::string value;
};

// Whom we believe behind https. The empty one: whoever shows a certificate for the host name that
// an authority of the system has signed.
struct HttpTrust {
    std::string ca_file = {};  // these authorities instead of the system's
    // One of these very certificates, whoever signed it and for whatever name: their fingerprints,
    // separated by commas.
    std::string sha256 = {};
    bool anybody = false;  // no check at all

    bool operator==(const HttpTrust&) const = default;
};

struct HttpRequest {
    std::string method;
    std::string url;  // https://host:8006/path?query
    std::vector<HttpHeader> headers = {};
    std::string body = {};
    HttpTrust trust = {};
    std::chrono::milliseconds timeout{30'000};  // for all of it: name, connection, TLS, answer

    // Not a byte is sent at this time or later, as Clock::since_boot() counts.
    std::optional<std::chrono::nanoseconds> send_before = {};
};

struct HttpAnswer {
    int status = 0;
    std::string reason = {};
    std::vector<HttpHeader> headers = {};
    std::string body = {};
};

enum class Sent {
    No,       // the other side cannot have seen a complete request
    Unknown,  // it may have seen it, and may have acted on it
};

enum class Blame {
    Server,  // it, or the way to it, is not well
    Nobody,  // our own time was over, or it closed a kept connection, as servers do
};

// There is no answer. What it says names host and port, never a header, a body or a query.
struct HttpError : Error {
    HttpError(Sent was_sent, const std::string& text, Blame to_blame = Blame::Server)
        : Error(text), sent(was_sent), blame(to_blame) {}
    Sent sent;
    Blame blame;
};

class Http {
  public:
    virtual ~Http() = default;

    // Throws HttpError if there is no answer; any status is an answer. Sends once, with one
    // exception: a GET over a kept connection that the other side closed meanwhile is sent again.
    // May be called from any thread.
    virtual HttpAnswer send(const HttpRequest& request) = 0;
};

// Names of headers are the same in capitals and small letters.
bool same_name(std::string_view a, std::string_view b);

// The first header of that name.
const std::string* find_header(const std::vector<HttpHeader>& headers, std::string_view name);

// "a b&c" -> "a%20b%26c": as a part of a path, a query or a form. Space is %20, never +.
std::string percent_encoded(std::string_view text);

}  // namespace slipway
