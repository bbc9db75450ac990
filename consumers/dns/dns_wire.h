#pragma once
// How we speak with one DNS provider, whatever its API: its address, whom we believe behind it,
// time limits, and what becomes of a sick one.
//
// A provider that gave no answer is passed over for 30 s: every call fails at once and says so, so
// that it does not cost each VM a timeout. Then one call tries it, and the others wait for how that
// ends, passing it over meanwhile. Any thread.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consumers/http/http.h"
#include "consumers/inventory/inventory.h"
#include "consumers/runtime/clock.h"
#include "consumers/runtime/world.h"

namespace slipway {

struct DnsCall {
    std::string method;
    std::string path;  // below the provider's url; what the log shows
    std::string query = {};
    std::vector<HttpHeader> headers = {};
    std::string body = {};
    std::optional<Deadline> deadline = {};  // of a call that changes something
};

class DnsWire final {
  public:
    DnsWire(Http& http, const Clock& clock, DeclaredDnsProvider declared);

    // Throws HttpError if there is no answer.
    HttpAnswer send(const DnsCall& call);

    const DeclaredDnsProvider& declared() const { return declared_; }

    // What a provider said, fit to be shown: without our secret, not endless, one line.
    std::string shown(std::string_view said) const;

  private:
    void check_may_be_asked();
    void answered();
    void failed(const HttpError& error);
    HttpRequest request_of(const DnsCall& call) const;

    Http& http_;
    const Clock& clock_;
    const DeclaredDnsProvider declared_;

    std::mutex mutex_;
    std::string sick_because_;  // empty: it is well
    std::chrono::nanoseconds again_at_{0};
};

}  // namespace slipway
