#pragma once
// The Http seam with DNS providers in boxes behind it, and a clock that stands: what takes longer
// than a request has time for is a timeout, after which that time has passed.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "consumers/http/connection.h"
#include "consumers/http/http.h"
#include "ops/sandbox/dns_box.h"
#include "tests/story/sim_clock.h"

namespace slipway {

class BoxHttp final : public Http {
  public:
    explicit BoxHttp(SimClock& clock) : clock_(clock) {}

    // By the host in its url.
    sandbox::DnsBox& add(const std::string& host, sandbox::DnsBoxSettings settings) {
        boxes_[host] = std::make_unique<sandbox::DnsBox>(std::move(settings));
        return *boxes_[host];
    }
    sandbox::DnsBox& box(const std::string& host) { return *boxes_.at(host); }
    void pull_the_plug(const std::string& host) { dead_.insert(host); }
    void plug_in(const std::string& host) { dead_.erase(host); }

    // "powerdns PATCH /api/…", of all boxes in the order they were asked, and forgets them.
    std::vector<std::string> take_calls() { return std::exchange(calls_, {}); }
    const HttpRequest& last() const { return last_; }

    HttpAnswer send(const HttpRequest& request) override {
        last_ = request;
        const HttpTarget target = parse_url(request.url);
        if (request.send_before && clock_.since_boot() >= *request.send_before)
            throw HttpError(Sent::No, target.host + ": too late", Blame::Nobody);
        if (dead_.contains(target.host)) {
            calls_.push_back(target.host + " in vain");
            throw HttpError(Sent::No, target.authority() + ": connection refused");
        }
        return answer_of(target, request);
    }

  private:
    HttpAnswer answer_of(const HttpTarget& target, const HttpRequest& request) {
        sandbox::Request asked{
            .method = request.method, .target = target.path, .body = request.body};
        for (const HttpHeader& header : request.headers)
            asked.headers.emplace_back(header.name, header.value);
        sandbox::Answer answer = boxes_.at(target.host)->answer(asked);
        for (const std::string& call : boxes_.at(target.host)->take_calls())
            calls_.push_back(target.host + " " + call);
        if (answer.after > request.timeout) {
            clock_.advance(request.timeout);
            throw HttpError(Sent::Unknown, target.authority() + ": timeout");
        }
        if (answer.connection == sandbox::Connection::Reset)
            throw HttpError(Sent::Unknown, target.authority() + ": connection reset");
        return {.status = answer.status, .reason = answer.reason, .body = answer.body};
    }

    SimClock& clock_;
    std::map<std::string, std::unique_ptr<sandbox::DnsBox>> boxes_;
    std::set<std::string> dead_;
    std::vector<std::string> calls_;
    HttpRequest last_;
};

}  // namespace slipway
